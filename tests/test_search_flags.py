"""What the flags of `python -m tuner.search` may not be, and its plan."""

import re

import pytest

from keras_pairs.config import TrainingConfig
from tests import helpers
from tests.search_processes import SMALL
from tuner import plan
from tuner.space import Grid

CONFIG = TrainingConfig(64, 0.005, 100, epochs=1000)

BAD = [
    ("--nb_f=8,,16", "nb_f"),
    ("--nb_f=8,8", "twice"),
    ("--lr=0.1,0", "finite"),
    ("--lr=nan", "finite"),
    ("--trunk=paper,round", "one of paper, padded"),
    ("--weight_sharing=true,maybe", "true or false"),
    ("--dataset=mnist,digits", "one of auto, mnist, digits, idx, folder, npz"),
    ("--preset=paper,best", "one of paper, shared, best"),
    ("--batch_size=0", "at least 1"),
    ("--w_a=-1", "at least 0"),
    ("--workers=0", "workers"),
    ("--max_trials=0", "max_trials"),
    ("--validation=train", "validation"),
    ("--retries=-1", "retries"),
    ("--keep_models=0", "keep_models"),
    ("--data_path=/no/such.npz", "an existing file"),
    ("stray", "stray"),
]


@pytest.mark.parametrize(("argument", "message"), BAD)
def test_bad_flags_get_one_line(argument, message, tmp_path):
    done = helpers.call("search", argument, f"--run_dir={tmp_path}/grid")
    helpers.assert_one_line(done, 2, message)
    assert not list(tmp_path.iterdir())


def test_what_only_shows_later_gets_one_line(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    other = f"--run_dir={tmp_path}/other"
    seeds = ("--rounds=2", "--seed=0,5")
    for flags, code, message in (
        (("--w_m=0",), 2, "w_m + w_a must be positive"),
        ((f"--run_dir={tmp_path}/new", "--w_m=0"), 2, "w_m + w_a must be positive"),
        (("--rounds=2", "--seed=1,2"), 2, "rounds do not go with several values of seed"),
        (("--rounds=2", "--seed=1,5"), 2, "rounds do not go with several values of seed"),
        ((*seeds, other, "--extend"), 2, "rounds do not go with several values of seed"),
        (("--dataset=npz",), 2, "--dataset=npz needs --data_path"),
        (("--dataset=npz", "--dry_run"), 2, "--dataset=npz needs --data_path"),
        ((other, "--overwrite"), 1, "something else than a search"),
        ((other, "--dry_run"), 1, "something else than a search"),
    ):
        helpers.assert_one_line(helpers.call("search", *SMALL, *flags), code, message)
    assert (tmp_path / "other" / "thesis.txt").exists()


def test_dry_run_plans_and_writes_nothing(tmp_path):
    flags = (*SMALL, "--dry_run", f"--run_dir={tmp_path}/grid")
    done = helpers.call("search", *flags)
    assert (
        done.returncode == 0 and "12 trials of 2 epochs, under a minute with" in done.stdout
    )
    assert not list(tmp_path.iterdir())
    done = helpers.call("search", "--dry_run", "--max_trials=70", "--nb_f=8")
    assert "70 trials of 150 epochs" in done.stdout


def planned_s(text):
    """Seconds that a plan's last line says."""
    minutes, seconds = re.search(r"about (\d+):(\d+) with", text).groups()
    return 60 * int(minutes) + int(seconds)


def test_more_workers_than_populations_help_no_more():
    grid = Grid({"w_a": (0.0, 1.0), "batch_size": (50, 100)}, CONFIG)
    alone = Grid({"w_a": (0.0, 1.0)}, CONFIG)
    one, two, eight = (planned_s(plan.describe(grid, None, n)) for n in (1, 2, 8))
    assert one > two == eight
    assert planned_s(plan.describe(alone, None, 1)) == planned_s(
        plan.describe(alone, None, 8)
    )


def test_the_plan_is_of_what_is_left():
    grid = Grid({"batch_size": (50, 100, 200), "w_a": (0.0, 0.5)}, CONFIG)
    whole, rest = plan.describe(grid, None, 1), plan.describe(grid, None, 1, done=[0, 1])
    assert "6 trials of" in whole and "are done" not in whole
    assert "\n4 trials of" in rest and rest.endswith("; 2 of 6 are done")
    assert planned_s(rest) < planned_s(whole)
    assert plan.describe(grid, 2, 1, done=[0, 1]) == "all trials are done, 2 of 2"


def test_a_population_is_trained_as_a_whole_whatever_of_it_is_left():
    grid = Grid({"w_a": (0.0, 0.5, 1.0)}, CONFIG)
    whole, rest = plan.describe(grid, None, 1), plan.describe(grid, None, 1, done=[0, 2])
    assert "\n1 trial of" in rest and rest.endswith("; 2 of 3 are done")
    assert planned_s(rest) == planned_s(whole) == planned_s(plan.describe(grid, 1, 1))
