"""Milliseconds of the optimiser's part of a step: a population's Adam against Keras' own.

    python -m benchmarks.adam

Both move the weights of the same population by the same gradients, in turns, on one thread,
and end with the same weights. The time is the processor's. Exit code 1 where a ratio is
over its bound, or weights differ by more than rounding.
"""

import statistics
import time

from benchmarks.bounds import Bounds
from keras_pairs import startup
from keras_pairs.commands import runner
from keras_pairs.config import TrainingConfig

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
FLAGS = {}


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


def main(values):
    startup.import_tensorflow(work=0, population=True)
    bounds = Bounds()
    runner.say(
        "| preset | nb_f | members | weights | Keras' (ms) | ours (ms) | ratio | bound |"
    )
    runner.say("|:---|" + "---:|" * 7)
    for preset, nb_f, members, bound in CASES:
        size, theirs, ours, difference = compare(preset, nb_f, members)
        runner.say(
            f"| {preset} | {nb_f} | {members} | {size:,} | {1000 * theirs:.2f} | "
            f"{1000 * ours:.2f} | {ours / theirs:.2f} | {bound} |"
        )
        name = f"{preset}, nb_f={nb_f}, {members} members"
        bounds.at_most(name, ours / theirs, bound)
        # Weights move by LR in each step.
        bounds.at_most(f"{name}: difference", difference, LR / 100)
    bounds.check()


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
