"""Milliseconds of the optimiser's part of a step: a population's Adam against Keras' own.

    python -m benchmarks.adam

Both move the weights of the same population by the same gradients, in turns, on one thread,
and end with the same weights. The time is the processor's. Exit code 1 where a ratio is
over its bound, or weights differ by more than rounding.
"""

import statistics
import time

from benchmarks import cases
from keras_pairs import startup
from keras_pairs.commands import runner
from keras_pairs.config import TrainingConfig
from keras_pairs.errors import UserError

# Preset, nb_f, members, ratio to stay below. With many weights both wait for the memory, of
# which gathering and dividing the weights takes more; of such a step Adam is a few percent.
CASES = (
    ("paper", 8, 1, 0.6),
    ("paper", 8, 13, 0.6),
    ("paper", 16, 13, 0.8),
    ("paper", 32, 10, 1.1),
    ("best", 24, 10, 1.3),
    ("paper", 64, 10, 1.3),
)
TURNS, LR = 9, 0.005
# Weights that a turn moves, over all its steps.
WEIGHTS_PER_TURN = 2e7
FLAGS = cases.FLAGS


def steps_of(optimizer, variables, gradients):
    """A function that makes so many steps and gives the processor seconds of one."""
    import tensorflow as tf

    optimizer.build(variables)

    @tf.function
    def make(count):
        for _ in tf.range(count):
            optimizer.apply_gradients(zip(gradients, variables, strict=True))

    def timed(count):
        begun = time.process_time()
        make(tf.constant(count))
        variables[0].numpy()
        return (time.process_time() - begun) / count

    return timed


def compare(preset, nb_f, members):
    """(weights, seconds of Keras' Adam and of ours, the largest difference of a weight)."""
    import keras
    import numpy as np
    import tensorflow as tf

    from keras_pairs.networks.population import build_population
    from keras_pairs.training.objective import MemberAdam

    config = TrainingConfig.from_preset(preset, nb_f=nb_f)
    weights = build_population([config] * members).trainable_variables
    shapes = [variable.shape for variable in weights]
    rng = np.random.default_rng(0)
    gradients = [tf.constant(rng.normal(size=shape), tf.float32) for shape in shapes]
    sides = [
        (optimizer, [keras.Variable(np.zeros(shape, "float32")) for shape in shapes])
        for optimizer in (
            keras.optimizers.Adam(LR, epsilon=MemberAdam.epsilon),
            MemberAdam([LR] * members),
        )
    ]
    steps = [steps_of(*side, gradients) for side in sides]
    size = sum(int(np.prod(shape)) for shape in shapes)
    count = max(5, int(WEIGHTS_PER_TURN / size))
    turns = [[timed(count) for timed in steps] for _ in range(TURNS + 1)]
    # The first turn traces.
    seconds = [statistics.median(side) for side in zip(*turns[1:], strict=True)]
    pairs = zip(sides[0][1], sides[1][1], strict=True)
    difference = max(float(np.abs(np.subtract(*map(np.asarray, p))).max()) for p in pairs)
    return size, *seconds, difference


def measured():
    """A row for each case, see `cases.keep`; seconds of a step.

    Raises:
      UserError: if weights differ.
    """
    for preset, nb_f, members, bound in CASES:
        size, theirs, ours, difference = compare(preset, nb_f, members)
        name = f"{preset}, nb_f={nb_f}, {members} members"
        # Weights move by LR in each step.
        if not difference <= LR / 100:
            raise UserError(f"{name}: weights differ by {difference:.3g}")
        yield {
            **{"what": name, "preset": preset, "nb_f": nb_f, "members": members},
            **{"weights": size, "theirs": theirs, "ours": ours},
            **{"ratio": ours / theirs, "at_most": bound},
        }


def tabulate(rows):
    """Rows of `measured` as lines of a table."""
    lines = [("preset", "nb_f", "members", "weights", "Keras' (ms)", "ours (ms)")]
    lines[0] += ("ratio", "at most")
    for row in rows:
        case = row["preset"], str(row["nb_f"]), str(row["members"])
        milliseconds = (f"{1000 * row[side]:.2f}" for side in ("theirs", "ours"))
        ratio = f"{row['ratio']:.2f}", f"{row['at_most']:g}"
        lines.append((*case, f"{row['weights']:,}", *milliseconds, *ratio))
    return lines


def main(values):
    startup.import_tensorflow(work=0, onednn=True)
    cases.keep(values, "adam", measured(), len(CASES), tabulate)


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
