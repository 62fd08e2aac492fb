"""Searches in the tests' own process, with trainings or without."""

import numpy as np

from keras_pairs.config import TrainingConfig
from keras_pairs.outputs import names
from tuner import live, project, results, rows
from tuner.parts import make_tuner
from tuner.progress import SearchProgress
from tuner.space import Grid

BASE = TrainingConfig(4, 0.01, 20, epochs=2, seed=1, num_pairs=60)
AXES = {"lr": (0.01, 0.001), "batch_size": (20, 30), "w_a": (0.0, 1.0)}
GRID = Grid(AXES, BASE)
PARTS = tuple(f"{name}_accuracy" for name in names())


def describe(images, grid=GRID, **changes):
    """A search's record."""
    given = {
        **{"where": {"dataset": "digits"}, "images": images, "preset": "paper"},
        **{"validation": "validation", "validate_every": 0},
        **{"retries": 1, "keep_models": 3},
    }
    return project.describe(grid=grid, **given | changes)


def run(folder, images, grid=GRID, max_trials=None, budget_s=None, **options):
    """A whole search in this process: (tuner, results as dicts).

    Args:
      folder: Path, made where absent.
      images: `data.Images`.
      grid: `space.Grid`.
      max_trials: as `oracle.GridOracle` takes it.
      budget_s: as `live.Live` takes it.
      options: of `describe`.
    """
    folder.mkdir(exist_ok=True)
    record = describe(images, grid, **options)
    project.claim(folder, record)
    progress = SearchProgress(verbose=False)
    tuner = make_tuner(record, max_trials, folder, progress)
    kept = live.Live(tuner.oracle, record, folder, progress, budget_s)
    tuner.search(images, kept.update)
    tuner.save()
    found = rows.of_trials(grid, tuner.oracle.outcomes())
    results.write(found, grid, record, folder)
    kept.pulse(ended=True)
    return tuner, found


class FakeTrained:
    """What `fit.fit` returns, of a training that takes no time."""

    def __init__(self, configs):
        self.configs = configs
        value = np.array([[0.5 + c.lr + c.w_a / 10 for c in configs]] * configs[0].epochs)
        columns = (f"{part}{name}" for part in ("", "val_") for name in (*PARTS, "loss"))
        self.history = {name: value for name in columns}

    def member(self, k):
        return self

    def save(self, path):
        path.write_bytes(b"a model")


def train_nothing(configs, *_, **__):
    """In place of `fit.fit`."""
    return FakeTrained(configs)
