"""The gain of one training over another, round by round."""

import numpy as np
import scipy.stats


def gain(before, after):
    """The mean gain and its 95 % interval, round by round on the same pairs.

    Args:
      before, after: lists of percentages, of which the first rounds that both have count.

    Returns:
      (str, str), the interval by Student's t; empty where there are fewer than two rounds.
    """
    rounds = min(len(before), len(after))
    gains = np.subtract(after[:rounds], before[:rounds])
    mean = f"{gains.mean():+.2f}"
    if rounds < 2:
        return mean, ""
    quantile = scipy.stats.t.ppf(0.975, rounds - 1)
    half = quantile * gains.std(ddof=1) / np.sqrt(rounds)
    return mean, f"{gains.mean() - half:+.2f} … {gains.mean() + half:+.2f}"
