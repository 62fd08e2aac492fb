"""`python -m tuner.status` on running, killed and finished searches."""

import os
import shutil
import time

import pytest

from keras_pairs import files
from tests import helpers, searches
from tuner import looking, pulse


@pytest.fixture
def folder(digits, tmp_path, monkeypatch):
    """A search of eight points that was stopped after three of the first four."""
    monkeypatch.setattr("keras_pairs.training.fit.fit", searches.train_nothing)
    monkeypatch.setattr("tuner.plots.plot_search", lambda *_: None)
    searches.run(tmp_path / "grid", digits, max_trials=3)
    path = tmp_path / "grid" / pulse.NAME
    files.write_json(path, files.read_json(path) | {"wanted": 8})
    return tmp_path / "grid"


def status(folder):
    done = helpers.call("status", f"--run_dir={folder}")
    assert done.returncode == 0 and done.stderr == ""
    lines = (line.partition(":") for line in done.stdout.splitlines())
    return {name: text.strip() for name, _, text in lines}


def beat(folder, **changes):
    """Makes this process the search's chief, or what `changes` say."""
    trial = folder / "trial_0003" / "trial.json"
    trial.parent.mkdir(exist_ok=True)
    state = files.read_json(folder / "trial_0002" / "trial.json")
    values = state["hyperparameters"]["values"] | {"w_a": 1.0}
    state |= {"trial_id": "0003", "status": "RUNNING", "metrics": {"metrics": {}}}
    state["hyperparameters"]["values"] = values
    files.write_json(trial, state)
    known = {"ended": False, "used_s": 100, "to_go_s": 70.0, "wanted": 6}
    pulse.write(folder, **known, running={"0000": 1.0})
    path = folder / pulse.NAME
    files.write_json(path, files.read_json(path) | changes)


def test_a_search_that_was_stopped(folder):
    shown = status(folder)
    assert shown["search"].startswith("not running, last heard of 0:0")
    assert f"python -m tuner.search --run_dir={folder} goes on" in shown["search"]
    assert shown["done"] == "3 of 8 trials, 0 of them failed"
    assert shown["running"] == "0" and shown["left"] == "5" and "to go" not in shown
    # As in the fake training; ties go to the first.
    best = "61.0 %, trial 0001: nb_f=4, batch_size=20, lr=0.01, w_a=1"
    assert shown["best so far"] == best
    for trial in ("0000", "0002"):
        path = folder / f"trial_{trial}" / "trial.json"
        state = files.read_json(path)
        metrics = files.read_json(folder / "trial_0001" / "trial.json")["metrics"]
        files.write_json(path, state | {"metrics": metrics})
    tied = best.replace("trial 0001", "trial 0000").replace("w_a=1", "w_a=0")
    assert status(folder)["best so far"] == f"{tied}, tied with 2 others"


def test_a_search_that_runs(folder):
    beat(folder)
    shown = status(folder)
    assert shown["search"].endswith(f"process {os.getpid()}")
    assert shown["done"] == "3 of 6 trials, 0 of them failed"
    assert shown["running"] == "1" and shown["left"] == "2"
    assert shown["to go"] in ("about 1:10", "about 1:09", "about 1:08")
    assert shown["training"] == "nb_f=4, batch_size=20: epoch 1 of 2"
    # What a chief that was killed left as running.
    beat(folder, running={})
    assert (status(folder)["running"], status(folder)["left"]) == ("0", "3")
    # A chief that extends the search has more of them than its record.
    beat(folder, running={"0000": 1.0, "0099": 1.0})
    assert status(folder)["training"] == "nb_f=4, batch_size=20: epoch 1 of 2"
    beat(folder, to_go_s=20.0)
    assert status(folder)["to go"] == "under a minute"


def test_a_search_that_starts_runs_and_keeps_its_time(folder):
    beat(folder)
    pulse.begin(folder, 8)
    shown = status(folder)
    assert shown["search"].startswith("running") and shown["time used"] == "1:40"
    assert shown["done"].startswith("3 of 8") and "to go" not in shown


@pytest.mark.parametrize(
    ("changes", "runs"),
    [
        ({"host": "elsewhere"}, True),
        ({"host": "elsewhere", "written": 1e9}, False),
        # The number of a process that is gone, and one that another process has now.
        ({"pid": 2**22 + 1}, False),
        ({"process_started": 1e9}, False),
        ({"written": time.time() + 1e6}, True),
    ],
)
def test_whether_a_search_runs(folder, changes, runs):
    beat(folder, **changes)
    shown = status(folder)
    assert shown["search"].startswith("running" if runs else "not running")
    assert shown["running"] == str(int(runs))


@pytest.mark.parametrize("text", [None, "", "{", "[1]", "{}"])
def test_without_a_sign_of_life_the_trials_tell(folder, text):
    """With a lost or a damaged file."""
    (folder / pulse.NAME).unlink()
    if text is not None:
        (folder / pulse.NAME).write_text(text)
    shown = status(folder)
    assert shown["search"].startswith("not running; python -m")
    assert shown["done"] == "3 of 8 trials, 0 of them failed" and shown["left"] == "5"


@pytest.mark.parametrize(
    "changes",
    [
        {"to_go_s": ""},
        {"to_go_s": False},
        {"budget_left_s": []},
        {"running": {"-9": 1.0}},
        {"wanted": -1},
    ],
)
def test_a_sign_of_life_of_another_form_is_none(folder, changes):
    beat(folder, **changes)
    assert status(folder)["search"].startswith("not running; python -m")


def test_a_search_that_was_asked_for_fewer_trials_has_ended_as_it_should(folder):
    beat(folder, ended=True, wanted=3)
    shown = status(folder)["search"]
    assert shown.startswith("not running, as it has trained the trials that it was asked")
    assert shown.endswith(f"--run_dir={folder} goes on with it")
    beat(folder, ended=True, wanted=4)
    assert "last heard of" in status(folder)["search"]


def test_a_copy_of_a_trials_folder_is_no_trial(folder):
    shutil.copytree(folder / "trial_0000", folder / "trial_0000-old")
    (folder / "trial_0000" / "trial.json").unlink()
    assert status(folder)["done"] == "2 of 8 trials, 0 of them failed"


def test_a_finished_search(folder, digits):
    searches.run(folder, digits)
    shown = status(folder)
    assert shown["search"] == "finished"
    assert shown["done"].startswith("8 of 8") and shown["left"] == "0"
    assert [o.status for o in looking.read(folder).outcomes.values()] == ["COMPLETED"] * 8
    plan = helpers.call("search", f"--run_dir={folder}", "--dry_run")
    assert (plan.stdout, plan.stderr) == ("all trials are done, 8 of 8\n", "")
    more = ("--extend", "--lr=0.5", "--dry_run")
    plan = helpers.call("search", f"--run_dir={folder}", *more)
    assert plan.stdout.endswith("; 8 of 12 are done\n") and "4 trials of" in plan.stdout


def test_looking_writes_nothing(folder):
    beat(folder)

    def snapshot():
        paths = [folder, *folder.rglob("*")]
        return {path: path.stat().st_mtime_ns for path in paths}

    before = snapshot()
    status(folder)
    assert snapshot() == before


def test_no_search_is_one_line(tmp_path, folder):
    done = helpers.call("status", f"--run_dir={tmp_path}")
    helpers.assert_one_line(done, 1, f"{tmp_path} holds no search")
    helpers.assert_one_line(helpers.call("status"), 2, "--run_dir is missing")
    trial = folder / "trial_0002" / "trial.json"
    trial.write_text(trial.read_text().replace('"lr": 0.001', '"lr": 0.002'))
    done = helpers.call("status", f"--run_dir={folder}")
    helpers.assert_one_line(done, 1, "holds another search (trial_0002)")


def test_it_needs_no_tensorflow(folder):
    told = {"PYTHONPROFILEIMPORTTIME": "1"}
    done = helpers.command("status", f"--run_dir={folder}", environment=told)
    assert done.returncode == 0 and "3 of 8 trials" in done.stdout
    names = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "psutil" in names and not names & {"tensorflow", "keras", "keras_tuner"}
