"""Searches that train each point several times: `--rounds`."""

import collections
import csv
import itertools
import random

import numpy as np
import pytest

from keras_pairs.commands import flags
from keras_pairs.errors import UserError
from tests import helpers, searches
from tests.searches import BASE, describe
from tuner import choices, places, project, rows, search
from tuner.space import Grid, Outcome

AXES = {"nb_f": (4,), "batch_size": (20, 30), "lr": (0.01, 0.001), "w_a": (0.0, 1.0)}
GRID = Grid(AXES, BASE, rounds=3)


def outcomes(scores, statuses=()):
    """Of trials from 0 on; COMPLETED unless `statuses` says otherwise."""
    every = itertools.zip_longest(scores, statuses, fillvalue="COMPLETED")
    return {
        i: Outcome(status, dict.fromkeys(rows.METRICS, score) if score else {})
        for i, (score, status) in enumerate(every)
    }


def points(scores, statuses=(), grid=GRID):
    return rows.of_points(rows.of_trials(grid, outcomes(scores, statuses)), grid)


def test_rounds_are_seeds_that_follow_the_first():
    assert GRID.axes["seed"] == (1, 2, 3) and "seed" not in GRID.searched
    assert len(GRID.points) == 24
    assert [config.seed for config in GRID.configs[:6]] == [1, 2, 3, 1, 2, 3]
    assert GRID.base.seed == 1
    assert Grid(AXES, BASE).searched == Grid(AXES, BASE).axes
    seeds = Grid(AXES | {"seed": (1, 2)}, BASE)
    assert "seed" in seeds.searched
    with pytest.raises(UserError, match="rounds do not go with several values of seed"):
        Grid(AXES | {"seed": (0, 5)}, BASE, rounds=2)


def test_a_point_is_the_mean_of_its_rounds():
    first, second = points([0.7, 0.8, 0.9, 0.6, 0.6, 0.6])
    assert first["val_comparison_accuracy"] == pytest.approx(0.8)
    assert first["std"] == pytest.approx(np.std([0.7, 0.8, 0.9], ddof=1))
    assert first["rounds"] == 3 and first["status"] == "COMPLETED"
    assert rows.percent(first) == "80.0 ± 10.0" and rows.percent(second) == "60.0 ± 0.0"
    (single, *_) = points([0.7], grid=Grid(AXES, BASE))
    assert single["std"] is None and rows.percent(single) == "70.0"


def test_the_best_is_chosen_by_the_mean_of_whole_points():
    """Not by the luckiest training, and not where a round failed or is missing."""
    scores = [0.5, 0.5, 0.95] + [0.7, 0.71, 0.72] + [0.6] * 3 + [0.9, 0.9, None] + [0.9]
    statuses = ["COMPLETED"] * 11 + ["FAILED"]
    found = points(scores, statuses)
    assert [p["status"] for p in found] == ["COMPLETED"] * 3 + ["FAILED", "RUNNING"]
    assert [p["rounds"] for p in found] == [3, 3, 3, 2, 1]
    assert found[4]["std"] is None
    chosen = rows.select(found)
    # Without auxiliary loss the first and third point, with it the second.
    assert [row["trial"] for row in chosen] == ["0000", "0003"]
    best = rows.best(GRID, outcomes(scores, statuses))
    assert best["trial"] == "0003" and rows.percent(best) == "71.0 ± 1.0"
    assert rows.best(GRID, {}) is None


def test_the_rounds_of_a_point_come_together_in_a_random_order():
    grid = Grid(AXES | {"nb_f": (20, 60)}, BASE, "random", 3)
    dealt = [i // 3 for i in grid._dealt(list(range(24)), random.Random(0))]
    assert collections.Counter(dealt) == dict.fromkeys(range(8), 3)
    assert [k for k, _ in itertools.groupby(dealt)] == dealt[::3] != sorted(dealt[::3])
    assert sorted(grid.sequence) == list(range(48))


def test_rounds_can_be_added():
    grid = Grid(AXES, BASE)
    more = grid.extended({}, 2)
    assert more.axes["seed"] == (1, 2) and more.points[:8] == [
        point | {"seed": 1} for point in grid.points
    ]
    five = GRID.extended({"lr": (0.1,)}, 5)
    assert five.axes["seed"] == (1, 2, 3, 4, 5) and five.rounds == 5
    assert five.points[:24] == GRID.points and len(five.points) == 60
    assert GRID.extended({}, 2) is GRID and GRID.extended({"seed": (1,)}) is GRID
    assert GRID.extended({"lr": (0.1,)}).rounds == 3
    for wrong in (GRID, Grid(AXES | {"seed": (1, 2)}, BASE)):
        with pytest.raises(UserError, match="do not go with several values of seed"):
            wrong.extended({"seed": (7,)}, 3)


@pytest.fixture
def seeded_training(monkeypatch):
    """Trainings whose accuracy depends on point and seed."""

    class Trained(searches.FakeTrained):
        def __init__(self, configs):
            super().__init__(configs)
            noise = np.array([0.01 * c.seed for c in configs])
            self.history = {name: v + noise for name, v in self.history.items()}

    monkeypatch.setattr(
        "keras_pairs.training.fit.fit", lambda configs, *_, **__: Trained(configs)
    )


@pytest.fixture
def no_pictures(monkeypatch):
    monkeypatch.setattr("keras_pairs.plots.save", lambda figure, path: None)


def test_every_table_has_mean_and_deviation(digits, tmp_path, seeded_training, no_pictures):
    folder = tmp_path / "grid"
    _, trials = searches.run(folder, digits, GRID)
    assert len(trials) == 24
    with open(folder / places.POINTS, newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 8 and "seed" not in table[0]
    assert {(row["rounds"], row["std"]) for row in table} == {("3", "0.01")}
    # 0.5 + lr + w_a / 10 + 0.02: the mean of the seeds 1, 2 and 3.
    assert float(table[1]["val_comparison_accuracy"]) == pytest.approx(0.63)
    text = (folder / "results.md").read_text()
    assert "63.0 ± 1.0" in text and "the mean of" in text and "over 3 rounds" in text
    assert "seed" not in text
    configs = (folder / "selected.json").read_text()
    assert '"seed": 1' in configs and '"seed": 2' not in configs
    for name in ("status", "report"):
        done = helpers.call(name, f"--run_dir={folder}")
        assert done.returncode == 0, done.stderr
        assert "63.0 ± 1.0" in done.stdout
    assert done.stdout.count("± 1.0") >= 8 + 3
    assert "All 8 points have completed" in done.stdout
    # A curve that lost or gained a line leaves the report without its point's.
    path = folder / "trial_0000" / "history.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")
    done = helpers.call("report", f"--run_dir={folder}")
    assert done.returncode == 0, done.stderr
    # One round more for each point: three of four are no whole point.
    searches.run(folder, digits, GRID.extended({}, 4), max_trials=24)
    done = helpers.call("status", f"--run_dir={folder}")
    assert "24 of 32 trials" in done.stdout and "best so far" not in done.stdout
    searches.run(folder, digits, GRID.extended({}, 4))
    done = helpers.call("status", f"--run_dir={folder}")
    assert "63.5 ± 1.3 %" in done.stdout


def test_tensorboard_shows_the_rounds_of_a_point_as_one(
    digits, tmp_path, seeded_training, no_pictures
):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    folder = tmp_path / "grid"
    searches.run(folder, digits, GRID)
    assert helpers.call("report", f"--run_dir={folder}").returncode == 0
    groups = collections.Counter()
    for path in sorted((folder / "report" / "hparams").glob("0*")):
        events = EventAccumulator(str(path))
        events.Reload()
        data = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
        groups[HParamsPluginData.FromString(data).session_start_info.group_name] += 1
    assert groups == {f"{i:04}": 3 for i in range(0, 24, 3)}


def parsed(*arguments):
    values = flags.define(search.FLAGS)
    values(["search", *arguments])
    return values


def test_the_flag(digits, tmp_path):
    few = ("--nb_f=4", "--lr=0.01", "--batch_size=20", "--w_a=0,1", "--num_pairs=60")
    grid = choices.grid(parsed(*few, "--rounds=3", "--seed=5"))
    assert grid.axes["seed"] == (5, 6, 7)
    with pytest.raises(UserError, match="several values of seed"):
        choices.grid(parsed(*few, "--rounds=3", "--seed=5,8"))
    project.claim(tmp_path, describe(digits, grid))
    found, run_dir = project.read(tmp_path), f"--run_dir={tmp_path}"
    assert project.grid(found) == grid

    def chosen(*arguments):
        return choices.choose(parsed(run_dir, *arguments), found)["grid"]

    assert chosen() == chosen("--seed=5", "--rounds=3") == grid
    with pytest.raises(UserError, match="rounds=3 there, 2 here"):
        chosen("--rounds=2")
    with pytest.raises(UserError, match="seed=5 there, 6 here"):
        chosen("--seed=6")
    assert chosen("--extend", "--rounds=5").rounds == 5
    assert chosen("--extend", "--lr=0.02").rounds == 3
    helpers.assert_one_line(helpers.call("search", "--rounds=0"), 2, "at least 1")
