"""Seconds per member-epoch: a population against one training after another.

    python -m benchmarks.population

All sides are processes of their own that take turns. Three are `training.fit`: the
population in one process, the population as two workers of one thread each at the same
time, and one training alone with the threads that `train` gives it. The fourth is the
floor: forward and backward of the population's convolutions alone, as two such workers.
With it the GFLOP/s of that and of a matrix product. Exit code 1 where a ratio is over its
bound.
"""

import time

from benchmarks import cases, turns
from benchmarks.train import EPOCHS, PAIRS, TURNS, compare, ours
from keras_pairs import data, startup
from keras_pairs.commands import runner
from keras_pairs.trunks import SIDE, TRUNKS

# nb_f, batch size, members, whether each has its own pairs, ratio to stay below.
CASES = (
    (8, 10, 65, False, 0.10),
    (8, 50, 13, False, 0.3),
    (8, 200, 10, True, 0.35),
    (16, 50, 13, False, 0.25),
    (32, 50, 10, True, 0.5),
    (64, 100, 10, True, 0.8),
)
FLAGS = cases.FLAGS


def shapes(nb_f, members):
    """Shapes of a population's kernels: [3, 3, channels of a group, filters of all]."""
    channels = [2] + [nb_f] * (len(TRUNKS["paper"].sides()) - 1)
    return [(3, 3, channel, members * nb_f) for channel in channels]


def convolutions(pipe, nb_f, batch_size, members, own_data):
    """A process of one thread: a population's convolutions alone, turn by turn."""
    startup.import_tensorflow(work=0, onednn=True)
    import tensorflow as tf

    kernels = [tf.Variable(tf.random.normal(s)) for s in shapes(nb_f, members)]
    x = tf.random.normal((batch_size, SIDE, SIDE, 2 * (members if own_data else 1)))

    @tf.function(jit_compile=False)
    def step():
        with tf.GradientTape() as tape:
            y = x
            for kernel in kernels:
                y = tf.nn.conv2d(y, kernel, 1, "VALID")
            loss = tf.reduce_sum(y * y)
        return tape.gradient(loss, kernels)

    for _ in range(TURNS + 1):
        pipe.recv()
        begun = time.perf_counter()
        for _ in range(EPOCHS * PAIRS // batch_size):
            gradients = step()
        gradients[0].numpy()
        pipe.send((time.perf_counter() - begun) / EPOCHS)


def flops(nb_f, members):
    """Floating-point operations of these convolutions in an epoch, forward and backward."""
    sides = TRUNKS["paper"].sides()
    # The images get no gradient.
    return PAIRS * sum(
        (2 if i == 0 else 3) * 2 * 9 * shape[2] * shape[3] * side**2
        for i, (shape, side) in enumerate(zip(shapes(nb_f, members), sides, strict=True))
    )


def matrix_product():
    """GFLOP/s of a product of two 2000×2000 matrices."""
    import tensorflow as tf

    a = tf.random.normal((2000, 2000))
    product = tf.function(lambda: tf.matmul(a, a), jit_compile=False)
    (seconds,) = turns.medians([(lambda: product().numpy(), 1)], 7)
    return 2 * 2000**3 / seconds / 1e9


def measured():
    """A row for each case, see `cases.keep`; seconds of a member-epoch."""
    for nb_f, batch, members, own_data, bound in CASES:
        halves = members // 2, members - members // 2
        *together, alone = compare(
            [(ours, (nb_f, batch, members, own_data))],
            [(ours, (nb_f, batch, half, own_data, True)) for half in halves],
            [(convolutions, (nb_f, batch, half, own_data)) for half in halves],
            [(ours, (nb_f, batch))],
        )
        one, two, floor = (seconds / members for seconds in together)
        yield {
            "what": f"nb_f={nb_f}, batch {batch}, {members} members",
            **{"nb_f": nb_f, "batch_size": batch, "members": members},
            **{"one_process": one, "two_workers": two, "alone": alone},
            **{"floor": floor, "gflops": flops(nb_f, members) / together[2] / 1e9},
            **{"ratio": min(one, two) / alone, "at_most": bound},
        }


def tabulate(rows):
    """Rows of `measured` as lines of a table."""
    lines = [("nb_f", "batch", "members", "one process", "two workers", "alone")]
    lines[0] += ("ratio", "bound", "floor", "two workers / floor", "GFLOP/s")
    for row in rows:
        case = (str(row[name]) for name in ("nb_f", "batch_size", "members"))
        seconds = (f"{row[name]:.4f}" for name in ("one_process", "two_workers", "alone"))
        ratio = f"{row['ratio']:.2f}", f"{row['at_most']:g}"
        floor = f"{row['floor']:.4f}", f"{row['two_workers'] / row['floor']:.2f}"
        lines.append((*case, *seconds, *ratio, *floor, f"{row['gflops']:.0f}"))
    return lines


def main(values):
    startup.import_tensorflow(onednn=True)
    known = {"dataset": data.load_images("digits").describe()}
    known["gflops_of_a_product"] = matrix_product()
    runner.say(f"a matrix product: {known['gflops_of_a_product']:.0f} GFLOP/s")
    cases.keep(values, "population", measured(), len(CASES), tabulate, **known)


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
