"""The network for those who want keras-tuner's own tuners."""

import dataclasses

import keras
import keras_tuner

from keras_pairs.config import having
from keras_pairs.errors import UserError
from keras_pairs.networks.build import build_model
from keras_pairs.outputs import OUTPUTS
from keras_pairs.training.loss_weights import loss_weights
from tuner import space


class PairsHyperModel(keras_tuner.HyperModel):
    """The network for keras-tuner's own tuners (`keras_tuner.Hyperband`, …).

    Its search space is section II.C's grid, or another; `search` takes the splits:

        tuner = keras_tuner.Hyperband(PairsHyperModel(), objective=OBJECTIVE, max_epochs=20)
        tuner.search(splits=sample_pairs(load_images()))

    The network is stock Keras, and plain Keras trains it. The tuner decides the epochs, and
    the splits the pairs.

    Args:
      grid: `space.Grid`.

    Raises:
      UserError: if the grid asks for what only this package's own training does.
    """

    def __init__(self, grid=None):
        super().__init__()
        self.grid = grid or space.Grid()
        wanted = {name for config in self.grid.configs for name in config.beyond_paper()}
        own = sorted(wanted - {*having("network")})
        if own:
            raise UserError(f"keras-tuner's own tuners cannot do {', '.join(own)}")

    def config(self, hp):
        """The `TrainingConfig` of `keras_tuner.HyperParameters`."""
        chosen = space.add_choices(hp, self.grid)
        return dataclasses.replace(self.grid.base, **chosen)

    def build(self, hp):
        """The compiled network of some hyper-parameters, see `build_model`."""
        config = self.config(hp)
        model = build_model(config)
        binary, classes = "binary_crossentropy", "sparse_categorical_crossentropy"
        model.compile(
            # The paper's constants; Keras' own ε is 1e-7.
            keras.optimizers.Adam(config.lr, beta_1=0.9, beta_2=0.999, epsilon=1e-8),
            loss={o.name: binary if o.binary else classes for o in OUTPUTS},
            loss_weights=loss_weights(config.w_m, config.w_a),
            metrics={o.name: ["accuracy"] for o in OUTPUTS},
        )
        return model

    def fit(self, hp, model, splits, epochs=1, **kwargs):
        """Trains on the training pairs of `data.Splits`, scores the validation pairs."""
        return model.fit(
            splits.train.images,
            splits.train.targets,
            batch_size=hp.get("batch_size"),
            epochs=epochs,
            validation_data=(splits.validation.images, splits.validation.targets),
            **kwargs,
        )
