"""The network for those who want keras-tuner's own tuners."""

import dataclasses

import keras
import keras_tuner

from keras_pairs import data
from keras_pairs.networks.build import build_model
from keras_pairs.outputs import OUTPUTS
from keras_pairs.training import fit, restack
from keras_pairs.training.loss_weights import loss_weights
from keras_pairs.training.objective import MemberAdam
from tuner import space


class PairsHyperModel(keras_tuner.HyperModel):
    """The network for keras-tuner's own tuners (`keras_tuner.Hyperband`, …).

    Its search space is section II.C's grid, or another with any field of a training;
    `search` takes the splits, or the images:

        tuner = keras_tuner.Hyperband(PairsHyperModel(), objective=OBJECTIVE, max_epochs=20)
        tuner.search(splits=sample_pairs(load_images()))

    The network is stock Keras. `training.fit.fit` trains it, as it does everything here.

    Args:
      grid: `space.Grid`.
    """

    def __init__(self, grid=None):
        super().__init__()
        self.grid = grid or space.Grid()

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
            keras.optimizers.Adam(
                config.lr,
                beta_1=MemberAdam.beta_1,
                beta_2=MemberAdam.beta_2,
                epsilon=MemberAdam.epsilon,
            ),
            loss={o.name: binary if o.binary else classes for o in OUTPUTS},
            loss_weights=loss_weights(config.w_m, config.w_a),
            metrics={o.name: ["accuracy"] for o in OUTPUTS},
        )
        return model

    def fit(
        self,
        hp,
        model,
        splits=None,
        images=None,
        epochs=None,
        initial_epoch=0,
        callbacks=(),
        verbose=0,
    ):
        """Trains a network of `build`, and validates it after each epoch.

        Args:
          hp: `keras_tuner.HyperParameters`.
          model: what `build` made of them; where the training begins.
          splits: `data.Splits` of all trials. With `images` instead, each trial draws its
            own, as its `num_pairs` and `seed` say.
          images: `data.Images`, or None.
          epochs, initial_epoch: as of `keras.Model.fit`, which tuners such as Hyperband
            decide; without `epochs` they are the configuration's.
          callbacks: they see `model`, with its weights after each epoch.
          verbose: nothing is shown.

        Returns:
          `keras.callbacks.History`.

        Raises:
          ValueError: if neither splits nor images are given, or both.
        """
        if (splits is None) == (images is None):
            raise ValueError("search must be given either splits or images.")
        config = self.config(hp)
        config = dataclasses.replace(config, epochs=epochs or config.epochs)
        if splits is None:
            splits = data.sample_pairs(images, config.num_pairs, config.seed)
        history = keras.callbacks.History()
        outside = _Outside(model, [*callbacks, history], config)
        start = restack.FromModel(model, initial_epoch)
        fit.fit([config], splits, callbacks=[outside], start=start)
        return history


class _Outside(keras.callbacks.Callback):
    """Shows others' callbacks the stock network in place of the population of one.

    Args:
      network: `keras.Model` of `build_model`.
      callbacks: `keras.callbacks.Callback`s.
      config: `TrainingConfig`.
    """

    def __init__(self, network, callbacks, config):
        super().__init__()
        self.network, self.config = network, config
        self.callbacks = keras.callbacks.CallbackList(
            callbacks, model=network, epochs=config.epochs
        )

    def of_teachers(self):
        """Whether it is the teachers that are being trained."""
        return self.config.teachers and self.model.taught_by is None

    def on_train_begin(self, logs=None):
        if not self.of_teachers():
            self.network.stop_training = False
            self.callbacks.on_train_begin(logs)

    def on_epoch_begin(self, epoch, logs=None):
        if not self.of_teachers():
            self.callbacks.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        if self.of_teachers():
            return
        self.model.copy_to(0, self.network)
        self.callbacks.on_epoch_end(epoch, logs)
        self.model.stop_training = self.network.stop_training

    def on_train_end(self, logs=None):
        if not self.of_teachers():
            self.callbacks.on_train_end(logs)
