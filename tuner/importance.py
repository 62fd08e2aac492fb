"""How much each axis of a grid matters: a functional analysis of variance.

Hutter, Hoos, Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance",
2014. Importable without TensorFlow.
"""

import dataclasses
import itertools

import numpy as np

# Fewer points say nothing of those that are missing.
FEWEST = 8
TREES = 200


@dataclasses.dataclass(frozen=True)
class Importance:
    """The variance of a score over a grid, and which axes it comes from.

    Attributes:
      axes: dict, name of an axis of several values → tuple of these, sorted.
      scores: float array with a dimension for each axis.
      main: dict, name of an axis → the share of the variance that its means alone have.
      pairs: dict, two names → the share that the means over both have beyond that.
      known: int, how many of the scores were given; a forest predicts the others.
      forest_r2: float, R² of the forest on what its trees had not seen; None where all
        scores were given.
    """

    axes: dict
    scores: np.ndarray
    main: dict
    pairs: dict
    known: int
    forest_r2: float | None

    def means(self, *names):
        """Mean scores over all other axes, an array with a dimension for each name."""
        return _means(self.scores, self.axes, names)

    def method(self):
        """How it was found, as a sentence."""
        count = self.scores.size
        text = "Functional ANOVA: shares of the accuracy's variance over the grid, by its "
        text += "marginal means."
        if self.forest_r2 is None:
            return f"{text} All {count} points have completed, so that it is exact."
        text += f" {self.known} of {count} points have completed; the others are predicted "
        text += f"by a random forest of {TREES} trees on the axes' values (Hutter et al. "
        text += f"2014), R² {self.forest_r2:.2f} on points that its trees had not seen."
        if self.forest_r2 < 0.5:
            text += " This is little: the shares are a guess."
        return text


def analyse(axes, scored):
    """The `Importance` of the axes of a grid.

    Args:
      axes: dict, name of a field → tuple of its values.
      scored: list of (dict by names, float score), one of each point at most.

    Returns:
      `Importance`; None where the scores are too few or all the same, or no axis has
      several values.
    """
    axes = {name: tuple(sorted(v)) for name, v in axes.items() if len(v) > 1}
    scores = np.full([len(values) for values in axes.values()], np.nan)
    for point, score in scored:
        place = tuple(values.index(point[name]) for name, values in axes.items())
        scores[place] = score
    known = np.isfinite(scores)
    count = int(known.sum())
    if not axes or count < min(FEWEST, known.size) or np.ptp(scores[known]) == 0:
        return None
    r2 = None
    if not known.all():
        scores, r2 = _filled(scores, known)
    variance = scores.var()
    main = {name: _means(scores, axes, [name]).var() / variance for name in axes}
    pairs = {
        (a, b): _means(scores, axes, [a, b]).var() / variance - main[a] - main[b]
        for a, b in itertools.combinations(axes, 2)
    }
    # What is nothing may come out a little below it.
    pairs = {names: max(0.0, float(share)) for names, share in pairs.items()}
    main = {name: float(share) for name, share in main.items()}
    return Importance(axes, scores, main, pairs, count, r2)


def _means(scores, axes, names):
    others = tuple(i for i, name in enumerate(axes) if name not in names)
    means = scores.mean(axis=others)
    kept = [name for name in axes if name in names]
    return means.transpose([kept.index(name) for name in names])


def _filled(scores, known):
    """(scores, with those that are missing predicted; the forest's R²)."""
    from sklearn.ensemble import RandomForestRegressor

    # A tree asks only whether a value is above another: its place on the axis will do.
    places, is_known = np.argwhere(np.ones_like(known)), known.ravel()
    forest = RandomForestRegressor(TREES, oob_score=True, random_state=0)
    forest.fit(places[is_known], scores[known])
    filled = scores.ravel().copy()
    filled[~is_known] = forest.predict(places[~is_known])
    return filled.reshape(scores.shape), float(forest.oob_score_)
