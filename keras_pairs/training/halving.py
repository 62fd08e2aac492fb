"""Successive halving: of a population only the better half goes on, again and again.

Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter
Optimization", 2016. This is another protocol than the paper's.
"""

import dataclasses

import numpy as np

from keras_pairs.outputs import SCORE
from keras_pairs.training import costs, fit, restack


@dataclasses.dataclass(frozen=True)
class Halved:
    """A population after successive halving.

    Attributes:
      configs: the K `TrainingConfig`s that it began with.
      epochs: list of K ints, how long each was trained.
      history: as of `fit.Trained`, NaN from where a member did not go on.
      last: `fit.Trained` of those that were trained to the end.
      members: list of int, which those are.
    """

    configs: list
    epochs: list
    history: dict
    last: fit.Trained
    members: list

    def member(self, k):
        """Member k of those that were trained to the end, in stock Keras.

        Raises:
          ValueError: if it was not.
        """
        return self.last.member(self.members.index(k))


def halve(configs, splits, *, validate_every=0, callbacks=()):
    """Trains a population, of which the better half goes on after each rung.

        configs = [TrainingConfig(8, lr, 50, epochs=16) for lr in (0.01, 0.005, 0.001)]
        halved = halve(configs, sample_pairs(load_images("digits")))
        halved.epochs    # for example [8, 16, 4]: how long each was trained

    Rungs are `costs.rungs`. What counts is the main output's accuracy on the validation
    pairs after a rung's last epoch; of equals the first goes on, and who has lost its way,
    with a loss that is no number, does not. A member that goes on is trained as it would be
    alone, to float32 rounding. Learning rates follow the schedule of all epochs.

    Args:
      configs, splits, validate_every, callbacks: as of `fit.fit`; without teachers.

    Returns:
      `Halved`.

    Raises:
      ValueError: as `fit.fit`, or with teachers.
    """
    fit.check(configs, splits)
    if configs[0].teachers:
        raise ValueError("Halving does not go with teachers.")
    alive, start, parts = list(range(len(configs))), None, []
    lasted = np.zeros(len(configs), int)
    for until, keep in costs.rungs(len(configs), configs[0].epochs):
        trained = fit.fit(
            [configs[k] for k in alive],
            [splits[k] for k in alive] if isinstance(splits, list) else splits,
            validate_every=validate_every,
            callbacks=callbacks,
            until=until,
            start=start,
        )
        parts.append((alive, trained))
        lasted[alive] = until
        best = _best(trained.history, keep)
        start = restack.Start(trained.population, best, until)
        alive = [alive[i] for i in best]
    members, last = parts[-1]
    history = _joined(parts, len(configs))
    return Halved(list(configs), lasted.tolist(), history, last, members)


def _best(history, keep):
    """Places of the `keep` best after the last epoch, sorted; the first of equals."""
    scores = np.where(np.isfinite(history["loss"][-1]), history[SCORE][-1], -np.inf)
    return sorted(np.argsort(-scores, kind="stable")[:keep].tolist())


def _joined(parts, count):
    """The histories of all rungs one after another, [epochs, K]."""
    found = {}
    for name in parts[0][1].history:
        rows = []
        for alive, trained in parts:
            values = trained.history[name]
            row = np.full((len(values), count), np.nan)
            row[:, alive] = values
            rows.append(row)
        found[name] = np.concatenate(rows)
    return found
