"""A search that has only so much time."""

import re

import pytest

from keras_pairs import files
from keras_pairs.commands import flags
from tests import helpers, searches
from tests.searches import GRID
from tuner import live, progress, pulse, search
from tuner.oracle import GridOracle


def budget(text):
    values = flags.define(search.FLAGS)
    values(["search", f"--budget={text}"])
    return values["budget"].value


def test_a_time_as_people_write_it():
    assert [budget(text) for text in ("2h", "90m", "1h30m", "45s", "1.5h")] == [
        *(7200, 5400, 5400, 45, 5400)
    ]
    for text in ("", "2", "2d", "0h", "-1h", "h", "2m1h", "1.2.3h", "nan", 400 * "9" + "h"):
        done = helpers.call("search", f"--budget={text}")
        helpers.assert_one_line(done, 2, "must be a time such as 2h, 90m or 1h30m")


def test_a_plan_says_how_much_a_budget_is_enough_for(tmp_path):
    flags_ = ("--dry_run", "--nb_f=8,64", "--lr=0.01", "--batch_size=50", "--w_a=0,1")
    told = []
    for more in ((), ("--budget=1s",), ("--budget=100h",)):
        told.append(helpers.call("search", *flags_, *more).stdout.splitlines()[-1])
    whole, first, all_ = told
    # Of two populations, the first begins in any time.
    assert first == f"{whole}; the budget is enough for about 2" and all_ == whole
    # The time that earlier runs took counts.
    folder = tmp_path / "grid"
    folder.mkdir()
    pulse.write(folder, ended=False, used_s=7200, to_go_s=None, wanted=4, running={})
    done = helpers.call("search", *flags_, "--budget=2h", f"--run_dir={folder}")
    assert done.stdout.endswith("; the budget is enough for about 0\n")


def test_no_population_begins_when_it_is_over_but_those_that_train_end(tmp_path):
    oracle = GridOracle(GRID, {"search": "abc"})
    oracle.place(tmp_path)
    first = oracle.create_trial("a/0")
    oracle.is_over = lambda: True
    assert oracle.create_trial("b/0").status == "STOPPED"
    others = [oracle.create_trial(f"a/{k}") for k in (1, 2, 3)]
    assert {trial.status for trial in others} == {"RUNNING"}
    assert oracle.create_trial("a/4").status == "IDLE"
    for trial in (first, *others):
        assert oracle.tuner_ids == {"a"}
        trial.status = "FAILED"
        oracle.end_trial(trial)
    assert oracle.create_trial("a/0").status == "STOPPED"
    assert oracle.tuner_ids == set()
    oracle.is_over = lambda: False
    assert oracle.create_trial("a/0").status == "RUNNING"


@pytest.fixture
def slow_training(monkeypatch):
    """Trainings that take an hour, as the search's clock shows it; how many there were."""
    clocks, populations = [], []
    real = live.Live.__init__

    def started(self, *arguments):
        real(self, *arguments)
        clocks.append(self)

    def train(configs, *_, **__):
        populations.append(configs)
        clocks[-1].begun -= 3600
        return searches.FakeTrained(configs)

    monkeypatch.setattr(live.Live, "__init__", started)
    monkeypatch.setattr("keras_pairs.training.fit.fit", train)
    monkeypatch.setattr("tuner.plots.plot_search", lambda *_: None)
    return populations


def test_a_search_stops_when_its_time_is_used_and_goes_on_with_more(
    digits, tmp_path, slow_training
):
    folder, axes = tmp_path / "grid", searches.AXES | {"batch_size": (20, 30, 40, 50)}
    grid = searches.Grid(axes, searches.BASE)
    assert len(grid.groups) == 4
    _, rows = searches.run(folder, digits, grid, budget_s=5400)
    # The second hour begins within the time.
    assert len(slow_training) == 2 and len(rows) == 8
    assert pulse.read(folder)["used_s"] == pytest.approx(7200, abs=60)
    # What was used counts, the killed runs' too: their chiefs said it every ten seconds.
    searches.run(folder, digits, grid, budget_s=5400)
    assert len(slow_training) == 2
    record = files.read_json(folder / pulse.NAME) | {"ended": False}
    files.write_json(folder / pulse.NAME, record)
    _, rows = searches.run(folder, digits, grid, budget_s=3 * 3600)
    assert len(slow_training) == 3 and len(rows) == 12
    _, rows = searches.run(folder, digits, grid)
    assert len(slow_training) == 4
    assert [row["status"] for row in rows] == ["COMPLETED"] * 16


def test_the_line_and_the_status_say_what_is_left(digits, tmp_path, slow_training):
    searches.run(tmp_path, digits, max_trials=1)
    record, shown = searches.describe(digits), progress.SearchProgress(verbose=False)
    oracle = GridOracle(GRID, {"search": "abc"})
    kept = live.Live(oracle, record, tmp_path, shown, 7259)
    assert re.search(r"  8 left  1:00:\d\d of the budget left$", shown.line(oracle))
    kept.pulse()
    done = helpers.call("status", f"--run_dir={tmp_path}")
    assert "\nbudget left: 1:00:" in done.stdout
