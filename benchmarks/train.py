"""Seconds per epoch of `training.fit` against a plain `model.fit` of the same network.

    python -m benchmarks.train

The plain model is what Keras' documentation would have one write: Conv2D with bias,
BatchNormalization, Dropout, numpy arrays, no other settings. Both take turns in one
process, three epochs a turn, so that a slow moment of the machine meets both; the first
turn (tracing) does not count.
"""

import statistics
import time

import keras

from keras_pairs import data, training
from keras_pairs.cli import import_tensorflow, say
from keras_pairs.config import TrainingConfig

CASES = ((64, 100, 0.8), (32, 50, 0.8), (8, 10, 0.5))
TURNS, EPOCHS = 5, 3


def plain_model(nb_f):
    """The paper's network from stock layers, compiled with Eq. (1), w_a = 1."""
    pair = keras.Input((2, 14, 14), name="pair")
    x = keras.layers.Rescaling(1 / 255)(pair)
    x = keras.layers.Permute((2, 3, 1))(x)
    for _ in range(6):
        x = keras.layers.Conv2D(nb_f, 3)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.ReLU()(x)
        x = keras.layers.Dropout(0.1)(x)
    x = keras.layers.Flatten()(x)
    outputs = {}
    for name, units in (("comparison", 1), ("first_digit", 10), ("second_digit", 10)):
        hidden = keras.layers.Dense(20, activation="relu")(x)
        hidden = keras.layers.Dropout(0.5)(hidden)
        activation = "sigmoid" if units == 1 else "softmax"
        outputs[name] = keras.layers.Dense(units, activation, name=name)(hidden)
    model = keras.Model(pair, outputs)
    digit = "sparse_categorical_crossentropy"
    model.compile(
        "adam",
        loss={
            "comparison": "binary_crossentropy",
            "first_digit": digit,
            "second_digit": digit,
        },
        loss_weights={"comparison": 0.5, "first_digit": 0.5, "second_digit": 0.5},
        metrics={name: ["accuracy"] for name in outputs},
    )
    return model


class Turns(keras.callbacks.Callback):
    """Lets the plain model have a turn after every EPOCHS epochs of ours."""

    def __init__(self, other):
        super().__init__()
        self.other, self.ours, self.theirs = other, [], []

    def on_train_begin(self, logs=None):
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % EPOCHS:
            return
        self.ours.append((time.perf_counter() - self.begun) / EPOCHS)
        begun = time.perf_counter()
        self.other(EPOCHS)
        self.theirs.append((time.perf_counter() - begun) / EPOCHS)
        self.begun = time.perf_counter()


def compare(nb_f, batch_size):
    """Median seconds per epoch: (ours, plain)."""
    splits = data.sample_pairs(data.load_images("digits"), 1000, seed=0)
    model = plain_model(nb_f)
    x, target = splits.train.images, splits.train.target
    digits = splits.train.digits
    y = {"comparison": target, "first_digit": digits[:, 0], "second_digit": digits[:, 1]}

    def plain(epochs):
        model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0)

    turns = Turns(plain)
    config = TrainingConfig(nb_f, 0.005, batch_size, epochs=EPOCHS * (TURNS + 1))
    training.fit([config], splits, validate=False, callbacks=[turns])
    return statistics.median(turns.ours[1:]), statistics.median(turns.theirs[1:])


def main():
    import_tensorflow()
    say("| nb_f | batch | ours (s/epoch) | plain model.fit | ratio | at most |")
    say("|---:|---:|---:|---:|---:|---:|")
    for nb_f, batch_size, bound in CASES:
        ours, plain = compare(nb_f, batch_size)
        ratio = f"{ours / plain:.2f} | {bound}"
        say(f"| {nb_f} | {batch_size} | {ours:.3f} | {plain:.3f} | {ratio} |")


if __name__ == "__main__":
    main()
