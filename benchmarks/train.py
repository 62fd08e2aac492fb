"""Seconds per epoch of `training.fit` against a plain `model.fit` of the same network.

    python -m benchmarks.train

The plain model is what Keras' documentation would have one write: Conv2D with bias,
BatchNormalization, Dropout, numpy arrays, no other settings. Each has a process of its own
(ours chooses its threads when TensorFlow starts); they take turns of three epochs, so that
a slow moment of the machine meets both; the first turn (tracing) does not count.
"""

import dataclasses
import multiprocessing
import statistics
import time

import keras

from keras_pairs import data, training
from keras_pairs.commands.runner import import_tensorflow, say
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
    """Before every EPOCHS epochs waits for a word; afterwards sends their seconds."""

    def __init__(self, pipe):
        super().__init__()
        self.pipe = pipe

    def on_epoch_begin(self, epoch, logs=None):
        if epoch % EPOCHS == 0:
            self.pipe.recv()
            self.begun = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        if epoch % EPOCHS == EPOCHS - 1:
            self.pipe.send((time.perf_counter() - self.begun) / EPOCHS)


def ours(pipe, nb_f, batch_size, members=1, own_data=False, one_thread=False):
    """A process that trains with this package, turn by turn."""
    import_tensorflow(0 if one_thread else nb_f * batch_size * members)
    images = data.load_images("digits")
    splits = [data.sample_pairs(images, 1000, k) for k in range(members)]
    config = TrainingConfig(nb_f, 0.005, batch_size, epochs=EPOCHS * (TURNS + 1))
    configs = [dataclasses.replace(config, seed=k) for k in range(members)]
    training.fit(
        configs,
        splits if own_data else splits[0],
        validate=False,
        callbacks=[Turns(pipe)],
    )


def plain(pipe, nb_f, batch_size):
    """A process that trains the plain model, turn by turn."""
    import_tensorflow()
    pairs = data.sample_pairs(data.load_images("digits"), 1000, seed=0).train
    first, second = pairs.digits.T
    y = {"comparison": pairs.target, "first_digit": first, "second_digit": second}
    plain_model(nb_f).fit(
        pairs.images,
        y,
        batch_size=batch_size,
        epochs=EPOCHS * (TURNS + 1),
        verbose=0,
        callbacks=[Turns(pipe)],
    )


def compare(*sides):
    """Median seconds per epoch of each side, taking turns.

    A side is a list of (function, arguments) that run at the same time, each in a process
    of its own; its time is that of the slowest.
    """
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for side in sides:
        ends = [context.Pipe() for _ in side]
        pipes.append([here for here, _ in ends])
        for (function, arguments), (_, there) in zip(side, ends, strict=True):
            process = context.Process(target=function, args=(there, *arguments))
            process.start()
            processes.append(process)
    seconds = [[] for _ in sides]
    for _ in range(TURNS + 1):
        for side, times in zip(pipes, seconds, strict=True):
            for pipe in side:
                pipe.send("go")
            times.append(max(pipe.recv() for pipe in side))
    for process in processes:
        process.join()
    return [statistics.median(times[1:]) for times in seconds]


def main():
    say("| nb_f | batch | ours (s/epoch) | plain model.fit | ratio | at most |")
    say("|---:|---:|---:|---:|---:|---:|")
    for nb_f, batch_size, bound in CASES:
        case = (nb_f, batch_size)
        mine, other = compare([(ours, case)], [(plain, case)])
        ratio = f"{mine / other:.2f} | {bound}"
        say(f"| {nb_f} | {batch_size} | {mine:.3f} | {other:.3f} | {ratio} |")


if __name__ == "__main__":
    main()
