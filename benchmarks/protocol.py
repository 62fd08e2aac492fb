"""What the authors' protocol would report: the best epoch on the test pairs.

    python -m benchmarks.protocol mnist.npz 16,0 32,0 64,1

Their published code keeps the best test accuracy over all epochs. For each `nb_f,w_a` of
Table I this trains ten rounds, scores the test pairs after every epoch and prints the
last epoch's mean beside the best's. Nothing is chosen by these figures.
"""

import dataclasses
import sys

import numpy as np

from keras_pairs import data, training
from keras_pairs.cli import import_tensorflow, say
from keras_pairs.config import TABLE1, TrainingConfig

ROUNDS = 10


def both(config, images):
    """Test accuracies in percent, float arrays [ROUNDS]: (last epoch, best epoch)."""
    splits = [data.sample_pairs(images, 1000, seed) for seed in range(ROUNDS)]
    on_test = [dataclasses.replace(s, validation=s.test) for s in splits]
    configs = [dataclasses.replace(config, seed=seed) for seed in range(ROUNDS)]
    history = training.fit(configs, on_test).history["val_comparison_accuracy"]
    return 100 * history[-1], 100 * history.max(0)


def main(path, *cases):
    images = data.load_images("mnist", path)
    import_tensorflow()
    say("| nb_f | w_a | last epoch | best epoch on test | paper |")
    say("|---:|---:|---:|---:|---:|")
    for case in cases:
        nb_f, w_a = case.split(",")
        config = TrainingConfig.from_table1(int(nb_f), float(w_a))
        (row,) = (r for r in TABLE1 if r.nb_f == config.nb_f and r.w_a == config.w_a)
        shown = [
            f"{np.mean(x):.2f} ± {np.std(x, ddof=1):.2f}" for x in both(config, images)
        ]
        say(
            f"| {nb_f} | {w_a} | {shown[0]} | {shown[1]} | {row.mean:.2f} ± {row.std:.2f} |"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
