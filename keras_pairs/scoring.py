"""How good answers are: accuracy (section II.D) and calibration. Needs numpy only."""

import numpy as np

BINS = 15


def verdict(probability):
    """bool [n], whether the first digit is more likely at most the second than not."""
    return probability >= 0.5


def accuracies(answers, pairs, count=None):
    """Fraction of right answers of each output.

    Args:
      answers: dict of float arrays: `comparison` [n] (probabilities), `first_digit`,
        `second_digit` [n, 10].
      pairs: `data.Pairs`, n of them.
      count: int or None, only so many pairs, the first.

    Returns:
      dict of floats in [0, 1], by output.
    """
    right = {
        "comparison": verdict(answers["comparison"]) == (pairs.target > 0.5),
        "first_digit": answers["first_digit"].argmax(-1) == pairs.digits[:, 0],
        "second_digit": answers["second_digit"].argmax(-1) == pairs.digits[:, 1],
    }
    return {name: float(values[:count].mean()) for name, values in right.items()}


def reliability(probability, target):
    """Sums over `BINS` bins of equal width of the probability.

    Args:
      probability: float [n], in [0, 1]. NaN, of a network that diverged, counts as 0, as
        it does in `verdict`.
      target: [n], 0 or 1.

    Returns:
      dict of lists [BINS]: count, predicted (sum of the probabilities) and observed (sum
      of the targets). Those of several rounds may be added.
    """
    probability = np.nan_to_num(probability)
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    sums = {"count": None, "predicted": probability, "observed": target}
    return {
        name: np.bincount(bins, values, BINS).astype(float).tolist()
        for name, values in sums.items()
    }


def calibration_error(curve):
    """Expected calibration error of a `reliability`, in [0, 1].

    The mean over pairs of |predicted − observed|, both of them the averages of a bin.
    """
    distance = np.abs(np.subtract(curve["predicted"], curve["observed"]))
    return float(distance.sum() / np.sum(curve["count"]))
