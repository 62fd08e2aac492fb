"""A search to look at with keras-tuner's own API."""

import pathlib

from keras_pairs.errors import UserError
from keras_pairs.serving import keras_file
from tuner import _keras_tuner, places
from tuner import oracle as oracles


class SearchView(_keras_tuner.Tuner):
    """What a search has found so far. It changes no byte of the search's folder.

    Args:
      oracle: `oracle.GridOracle`.
      directory: existing folder with trial_<id>/trial.json and, for the best trials,
        trial_<id>/model.keras.
    """

    def __init__(self, oracle, directory):
        self.folder = pathlib.Path(directory)
        self.keep_models = oracle.keep_models
        super().__init__(
            oracle, directory=str(self.folder.parent), project_name=self.folder.name
        )
        if not self.is_worker():
            self.oracle.reload()

    def load_model(self, trial):
        """The trained `keras.Model` of a trial, of Keras' own layers, not compiled.

        Raises:
          ValueError: if it was not among the best and its model is not kept, or if that
            cannot be read.
        """
        path = self.trial_folder(trial) / oracles.MODEL
        if not path.exists():
            raise ValueError(
                f"Trial {trial.trial_id} keeps no model: only the best {self.keep_models} "
                "of each nb_f are kept (--keep_models)"
            )
        return keras_file.load(path)

    def trial_folder(self, trial):
        """Path of a trial's folder."""
        return places.trial_folder(self.folder, trial.trial_id)

    def search(self, *args, **kwargs):
        """Refused: who looks at a search does not go on with it."""
        raise UserError(
            "this is a view of a search, which trains nothing; to go on with it: "
            f"python -m tuner.search --run_dir={self.folder}"
        )

    run_trial = search

    def save(self):
        """There is nothing to keep of a view."""

    def reload(self):
        """keras-tuner calls this where it finds a file of its own; `__init__` reloads."""
