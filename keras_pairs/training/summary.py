"""The rounds of a configuration as one row, beside the paper's."""

import math

import numpy as np

from keras_pairs import paper, scoring
from keras_pairs.outputs import OUTPUTS


def summarize(config, results, dataset):
    """A configuration's rounds as one row.

    Args:
      config: `TrainingConfig`.
      results: list of dicts in the order of the rounds: `rounds`, a list of scores, and
        the `seconds` that these took.
      dataset: str, the name of the images.

    Returns:
      dict: nb_f, lr, batch_size, w_a, rounds, mean and std (sample, in percent) of the
      comparison's accuracy, paper_mean, paper_std, difference, welch_t (None where Table I
      has no such row, or data, training or network are not the paper's), the mean percent
      of every other output by its name, seconds, accuracies: the comparison's percents,
      round by round; pairs_of_all: how many pairs were scored, and mean_of_all, std_of_all
      and accuracies_of_all: the same on all of them; calibration_error (mean of the rounds,
      percent) and reliability (their sum), both on those too.
    """
    found = [r for result in results for r in result["rounds"]]
    percents = {
        output.name: 100 * np.array([r["accuracy"][output.name] for r in found])
        for output in OUTPUTS
    }
    of_all = 100 * np.array([r["accuracy_of_all"] for r in found])
    curve = {
        name: np.sum([r["reliability"][name] for r in found], 0).tolist()
        for name in found[0]["reliability"]
    }
    ours = percents.pop(OUTPUTS[0].name)
    mean, std = float(ours.mean()), float(ours.std(ddof=1))
    row = paper.row_of(config.nb_f, config.w_a > 0)
    point = {name: getattr(config, name) for name in paper.GRID}
    if row and not (row.point() == point and _as_in_the_paper(config, dataset)):
        row = None
    difference = mean - row.mean if row else None
    return {
        **point,
        "rounds": len(ours),
        "mean": mean,
        "std": std,
        "paper_mean": row.mean if row else None,
        "paper_std": row.std if row else None,
        "difference": difference,
        "welch_t": paper_t(mean, std, len(ours), row) if row else None,
        **{name: float(values.mean()) for name, values in percents.items()},
        "seconds": sum(r["seconds"] for r in results),
        "pairs_of_all": int(sum(found[0]["reliability"]["count"])),
        "mean_of_all": float(of_all.mean()),
        "std_of_all": float(of_all.std(ddof=1)),
        "calibration_error": float(
            np.mean([100 * scoring.calibration_error(r["reliability"]) for r in found])
        ),
        "accuracies": ours.tolist(),
        "accuracies_of_all": of_all.tolist(),
        "reliability": curve,
    }


def _as_in_the_paper(config, dataset):
    protocol = (dataset, config.num_pairs, config.epochs, config.w_m)
    papers = ("mnist", paper.NUM_PAIRS, paper.EPOCHS, 1)
    return protocol == papers and not config.beyond_paper()


def paper_t(mean, std, rounds, row):
    """Welch's t of rounds' mean and sample deviation against a `paper.Row`."""
    return welch_t(mean, std, rounds, row.mean, row.sample_std(), paper.ROUNDS)


def welch_t(mean_a, std_a, rounds_a, mean_b, std_b, rounds_b):
    """Welch's t of two means with sample standard deviations."""
    error = math.sqrt(std_a**2 / rounds_a + std_b**2 / rounds_b)
    return (mean_a - mean_b) / error if error else math.copysign(math.inf, mean_a - mean_b)
