"""The results of a search as rows: a dict for each trial, and for each point.

Importable without TensorFlow.
"""

import numpy as np

from keras_pairs import outputs
from tuner import space
from tuner.space import BEST_SCORE, SCORE

# In the rows whether they are axes or not.
ALWAYS = ("w_m", "epochs", "num_pairs", "seed")
# Per trial; the objective is the accuracy of the last epoch.
METRICS = (
    SCORE,
    BEST_SCORE,
    "best_epoch",
    *(f"val_{name}_accuracy" for name in outputs.names()[1:]),
    "val_loss",
    f"{outputs.names()[0]}_accuracy",
    "loss",
    "validation_pairs",
    "seconds",
)


def of_trials(grid, outcomes):
    """One dict for each trial that was tried, in the order of their ids.

    Args:
      grid: `space.Grid`.
      outcomes: dict, index of a point → `space.Outcome`.

    Returns:
      list of dicts; None where a value is unknown. Of a halved search each says how many
      epochs it got.
    """
    found = []
    halved = any(space.EPOCHS_TRAINED in each.metrics for each in outcomes.values())
    names = (*METRICS, space.EPOCHS_TRAINED) if halved else METRICS
    for i, outcome in sorted(outcomes.items()):
        row = {"trial": space.trial_id(i), **grid.points[i]}
        row |= {name: getattr(grid.configs[i], name) for name in ALWAYS}
        row["status"] = outcome.status
        for name in names:
            value = outcome.metrics.get(name)
            row[name] = None if value is None else float(f"{value:.7g}")
        # A reason can be a whole traceback; its last line says what happened.
        row["reason"] = (outcome.message or "").strip().rpartition("\n")[2]
        if outcome.status == "COMPLETED" and not space.whole(row, row["epochs"]):
            row["reason"] = "halving: others were better after these epochs"
        found.append(row)
    return found


def of_points(trials, grid):
    """One dict for each point: the means over its rounds.

    Args:
      trials: list of dicts, from `of_trials`.
      grid: `space.Grid`.

    Returns:
      list of dicts as of its first trial, with `rounds`, how many have completed, and
      `std`, of their `SCORE` (sample; None of a single one). A point is COMPLETED when all
      its rounds are, and FAILED when one is.
    """
    points = {}
    for row in trials:
        key = tuple(row[name] for name in grid.searched)
        points.setdefault(key, []).append(row)
    return [_of_point(rows, grid.rounds) for rows in points.values()]


def _of_point(rows, rounds):
    completed = [row for row in rows if row["status"] == "COMPLETED"]
    point = rows[0] | {"rounds": len(completed), "std": None}
    if rounds == 1:
        return point
    statuses = {row["status"] for row in rows}
    whole = len(completed) == rounds
    point["status"] = (
        "COMPLETED" if whole else "FAILED" if "FAILED" in statuses else "RUNNING"
    )
    for name in METRICS:
        values = [row[name] for row in completed]
        point[name] = float(f"{np.mean(values):.7g}") if values else None
    if len(completed) > 1:
        point["std"] = float(f"{np.std([row[SCORE] for row in completed], ddof=1):.7g}")
    return point


def select(points):
    """The best row without and the best with auxiliary loss of each nb_f, as Table I.

    Args:
      points: list of dicts, from `of_points`.

    Returns:
      list of dicts as of `points`, with `tied`, see `_best_of`.
    """
    chosen = []
    completed = completed_of(points)
    for nb_f in sorted({row["nb_f"] for row in completed}):
        for auxiliary in (False, True):
            among = [
                row
                for row in completed
                if row["nb_f"] == nb_f and (row["w_a"] > 0) == auxiliary
            ]
            if among:
                chosen.append(_best_of(among))
    return chosen


def completed_of(points):
    """The points that have completed; of a halved search, that were trained to the end."""
    done = [row for row in points if row["status"] == "COMPLETED"]
    return [row for row in done if space.whole(row, row.get("epochs"))]


def _best_of(points):
    """The best of completed points, the first of equals; `tied`: how many equal it."""
    best = max(points, key=lambda row: row[SCORE])
    same = sum(row[SCORE] == best[SCORE] for row in points)
    return best | {"tied": same - 1}


def tied(row):
    """What is said of one that `select` or `best` gave: "tied with 2 others" or ""."""
    count = row["tied"]
    return f"tied with {count} other{'s'[: count > 1]}" if count else ""


def named(row):
    """A row of `of_points` by its first trial: "trial 0008"; it may have several."""
    return f"{'the point of ' if row['rounds'] > 1 else ''}trial {row['trial']}"


def percent(row):
    """A row's accuracy as text, with its standard deviation where it has one."""
    std = row.get("std")
    spread = "" if std is None else f" ± {100 * std:.1f}"
    return f"{100 * row[SCORE]:.1f}{spread}"


def best(grid, outcomes):
    """The best point so far, from `of_points`, with `tied`, see `_best_of`; or None."""
    points = of_points(of_trials(grid, outcomes), grid)
    completed = completed_of(points)
    return _best_of(completed) if completed else None
