"""The network for those who want keras-tuner's own tuners."""

import keras_tuner

from keras_pairs import objective, training
from keras_pairs.model import build_model, initialize
from tuner import space


class PairsHyperModel(keras_tuner.HyperModel):
    """The network for keras-tuner's own tuners (`keras_tuner.Hyperband`, …).

    Its search space is section II.C's grid; `search` takes the splits:

        tuner = keras_tuner.Hyperband(PairsHyperModel(), objective=OBJECTIVE, max_epochs=20)
        tuner.search(splits=sample_pairs(load_images()))

    Args:
      grid: `space.Grid`.
      seed: int >= 0, decides the initial weights.
    """

    def __init__(self, grid=None, seed=0):
        super().__init__()
        self.grid, self.seed = grid or space.Grid(), seed

    def build(self, hp):
        """A compiled network answering logits, as `training.fit` trains it."""
        chosen = {
            name: hp.Choice(name, list(getattr(self.grid, name))) for name in space.AXES
        }
        model = build_model(chosen["nb_f"], logits=True)
        initialize(model, [self.seed])
        objective.compile_model(model, [chosen["lr"]], [1.0], [chosen["w_a"]], 1, 1)
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
