"""The network for those who want keras-tuner's own tuners."""

import keras_tuner
from keras_pairs.model import build_model, initialize

from keras_pairs import training
from keras_pairs.training import objective
from tuner import space


class PairsHyperModel(keras_tuner.HyperModel):
    """The network for keras-tuner's own tuners (`keras_tuner.Hyperband`, …).

    Its search space is section II.C's grid; `search` takes the splits:

        tuner = keras_tuner.Hyperband(PairsHyperModel(), objective=OBJECTIVE, max_epochs=20)
        tuner.search(splits=sample_pairs(load_images()))

    Args:
      grid: `space.Grid`.
      seed: int >= 0, decides the initial weights.
      weight_sharing: as in `build_model`.
    """

    def __init__(self, grid=None, seed=0, weight_sharing=False):
        super().__init__()
        self.grid = grid or space.Grid()
        self.common = {"seed": seed, "weight_sharing": weight_sharing}

    def build(self, hp):
        """A compiled network answering logits, as `training.fit` trains it."""
        chosen = {
            name: hp.Choice(name, list(getattr(self.grid, name))) for name in space.AXES
        }
        config = space.training_config(chosen, self.common)
        model = build_model(**config.network(), logits=True)
        initialize(model, [config.seed])
        objective.compile_model(model, [config], 1)
        return model

    def fit(self, hp, model, splits, epochs=1, **kwargs):
        """Trains on the training pairs of `data.Splits`, scores the validation pairs."""
        images, targets = training.example(*training.stack(splits.train))
        validation = training.example(*training.stack(splits.validation))
        return model.fit(
            images,
            targets,
            batch_size=hp.get("batch_size"),
            epochs=epochs,
            validation_data=validation,
            **kwargs,
        )
