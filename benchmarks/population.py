"""Seconds per member-epoch: a population against one training after another.

    python -m benchmarks.population

Both sides are `training.fit` (each already optimised), taking turns in one process; the
first turn of each (tracing) does not count. Beside them the floor: forward and backward
of the population's convolutions alone, and the GFLOP/s of that and of a matrix product.
"""

import dataclasses
import statistics
import time

import keras

from keras_pairs import data, training
from keras_pairs.cli import import_tensorflow, say
from keras_pairs.config import TrainingConfig

# nb_f, batch size, members, whether each has its own pairs, ratio to stay below.
CASES = (
    (8, 10, 65, False, 0.10),
    (8, 200, 10, True, 0.35),
    (16, 50, 13, False, 0.25),
    (32, 50, 10, True, 0.5),
    (64, 100, 10, True, 0.8),
)
TURNS = 3


class _Clock(keras.callbacks.Callback):
    """Seconds of every epoch; after each, `other` has a turn that is not counted."""

    def __init__(self, other=None):
        super().__init__()
        self.other, self.seconds = other, []

    def on_train_begin(self, logs=None):
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.begun)
        if self.other and epoch:
            self.other()
        self.begun = time.perf_counter()


def compare(nb_f, batch_size, members, own_data):
    """Median seconds per member-epoch: (population, alone)."""
    images = data.load_images("digits")
    config = TrainingConfig(nb_f, 0.005, batch_size, epochs=TURNS + 1)
    splits = [data.sample_pairs(images, 1000, seed) for seed in range(members)]
    alone = []

    def train_alone():
        clock = _Clock()
        once = dataclasses.replace(config, epochs=3)
        training.fit([once], splits[0], validate=False, callbacks=[clock])
        alone.extend(clock.seconds[1:])

    clock = _Clock(train_alone)
    configs = [dataclasses.replace(config, seed=k) for k in range(members)]
    training.fit(
        configs,
        splits if own_data else splits[0],
        validate=False,
        callbacks=[clock],
    )
    return statistics.median(clock.seconds[1:]) / members, statistics.median(alone)


def floor(nb_f, batch_size, members, own_data):
    """(seconds per member-epoch, GFLOP/s) of the convolutions alone."""
    import tensorflow as tf

    sides = (14, 12, 10, 8, 6, 4)
    first = 2 * members if own_data else 2
    shapes = [(3, 3, first // (members if own_data else 1), members * nb_f)]
    shapes += [(3, 3, nb_f, members * nb_f)] * 5
    kernels = [tf.Variable(tf.random.normal(shape)) for shape in shapes]
    x = tf.random.normal((batch_size, 14, 14, first))

    @tf.function(jit_compile=False)
    def step():
        with tf.GradientTape() as tape:
            y = x
            for kernel in kernels:
                y = tf.nn.conv2d(y, kernel, 1, "VALID")
            loss = tf.reduce_sum(y * y)
        return tape.gradient(loss, kernels)

    flops = sum(
        (2 if i == 0 else 3) * 2 * 9 * shape[2] * shape[3] * (side - 2) ** 2 * batch_size
        for i, (shape, side) in enumerate(zip(shapes, sides, strict=True))
    )
    seconds = _median_seconds(step)
    return seconds * 1000 / batch_size / members, flops / seconds / 1e9


def matrix_product():
    """GFLOP/s of a product of two 2000×2000 matrices."""
    import tensorflow as tf

    a = tf.random.normal((2000, 2000))
    product = tf.function(lambda: tf.matmul(a, a), jit_compile=False)
    return 2 * 2000**3 / _median_seconds(product) / 1e9


def _median_seconds(function):
    function()
    seconds = []
    for _ in range(7):
        begun = time.perf_counter()
        result = function()
        (result[0] if isinstance(result, list) else result).numpy()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def main():
    import_tensorflow()
    say(f"a matrix product: {matrix_product():.0f} GFLOP/s")
    say("| nb_f | batch | members | population | alone | ratio | bound | floor | GFLOP/s |")
    say("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for nb_f, batch_size, members, own_data, bound in CASES:
        many, one = compare(nb_f, batch_size, members, own_data)
        least, speed = floor(nb_f, batch_size, members, own_data)
        say(
            f"| {nb_f} | {batch_size} | {members} | {many:.4f} | {one:.4f} | "
            f"{many / one:.2f} | {bound} | {least:.4f} | {speed:.0f} |"
        )


if __name__ == "__main__":
    main()
