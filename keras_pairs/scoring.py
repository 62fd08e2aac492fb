"""How good answers are: accuracy (section II.D) and calibration. Needs numpy only."""

import numpy as np

from keras_pairs.outputs import OUTPUTS

BINS = 15
# Measured on validation pictures, of which many cannot be read (docs/studies/pictures): an
# answer that is less certain is right 79 times in 100, a more certain one 98 times.
CERTAIN = 0.9
# The same of single digits: one whose class is less probable is right 50 times in 100.
CERTAIN_DIGIT = 0.5


def verdict(probability):
    """bool [n], whether the first digit is more likely at most the second than not."""
    return probability >= 0.5


def unsure(probability):
    """bool [n], whether an answer is too uncertain to rely on; False for NaN."""
    return np.maximum(probability, 1 - probability) < CERTAIN


def unsure_digits(classes):
    """bool [...], whether digits are too uncertain to rely on; False for NaN.

    Args:
      classes: float [..., 10], class probabilities.
    """
    return classes.max(-1) < CERTAIN_DIGIT


def accuracies(answers, pairs, count=None):
    """Fraction of right answers of each output.

    Args:
      answers: dict by output name of float arrays: [n], probabilities, or [n, units],
        class probabilities. What is no output of today's is left out.
      pairs: `data.Pairs`, n of them.
      count: int or None, only so many pairs, the first.

    Returns:
      dict of floats in [0, 1], by output name.
    """
    targets = pairs.targets
    found = {}
    for output in OUTPUTS:
        if output.name in answers:
            says = answers[output.name]
            says = verdict(says) if output.binary else says.argmax(-1)
            right = says == targets[output.name]
            found[output.name] = float(right[:count].mean())
    return found


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
