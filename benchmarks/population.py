"""Seconds per member-epoch: a population against one training after another.

    python -m benchmarks.population

All sides are `training.fit`, in processes of their own that take turns: the population in
one process, the population as two workers of one thread each at the same time, and one
training alone with the threads that `train` gives it. Beside them the floor: forward and
backward of the population's convolutions alone, and the GFLOP/s of that and of a matrix
product.
"""

import statistics
import time

from benchmarks.train import compare, ours
from keras_pairs.commands.runner import import_tensorflow, say

# nb_f, batch size, members, whether each has its own pairs, ratio to stay below.
CASES = (
    (8, 10, 65, False, 0.10),
    (8, 200, 10, True, 0.35),
    (16, 50, 13, False, 0.25),
    (32, 50, 10, True, 0.5),
    (64, 100, 10, True, 0.8),
)


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
    titles = "nb_f batch members one_process two_workers alone ratio bound floor GFLOP/s"
    say("| " + " | ".join(titles.replace("_", "\N{NO-BREAK SPACE}").split(" ")) + " |")
    say("|---:" * 10 + "|")
    for nb_f, batch, members, own_data, bound in CASES:
        halves = members // 2, members - members // 2
        one, two, alone = compare(
            [(ours, (nb_f, batch, members, own_data))],
            [(ours, (nb_f, batch, half, own_data, True)) for half in halves],
            [(ours, (nb_f, batch))],
        )
        one, two = one / members, two / members
        least, speed = floor(nb_f, batch, members, own_data)
        say(
            f"| {nb_f} | {batch} | {members} | {one:.4f} | {two:.4f} | {alone:.4f} | "
            f"{min(one, two) / alone:.2f} | {bound} | {least:.4f} | {speed:.0f} |"
        )


if __name__ == "__main__":
    main()
