"""`--halving`: another protocol, inside each population, named and recorded."""

import csv
import shutil
import time

import numpy as np
import pytest

from keras_pairs.errors import UserError
from keras_pairs.training import fit, halving
from tests import helpers, searches
from tests.search_processes import command, kill, parts, running, start, wait_for
from tests.search_processes import results as results_of
from tuner import (
    looking,
    places,
    plan,
    plots,
    project,
    reporting,
    results,
    rows,
    space,
    trials,
)
from tuner.oracle import MODEL, GridOracle
from tuner.population import load
from tuner.progress import SearchProgress
from tuner.space import EPOCHS_TRAINED, SCORE, Grid

BASE = searches.BASE
AXES = {"lr": (0.01, 0.001), "batch_size": (20, 30), "w_a": (0.0, 0.5, 1.0)}
SMALL = ("--nb_f=4", "--lr=0.01,0.001", "--batch_size=20,30", "--w_a=0,1")
SMALL += ("--epochs=4", "--dataset=digits", "--num_pairs=60", "--halving")


class FakeHalved(halving.Halved):
    """What `halve` returns, of a training that takes no time; higher lr are better."""

    def save(self, path):
        path.write_bytes(b"a model")

    def member(self, k):
        assert k in self.members
        return self


def halve_nothing(configs, *_, **__):
    """In place of `halving.halve`: four epochs, two rungs; the best by lr and w_a."""
    faked = searches.FakeTrained(configs)
    order = sorted(range(len(configs)), key=lambda k: (-configs[k].lr, -configs[k].w_a))
    last = order[: -(-len(order) // 2)]
    lasted = [configs[0].epochs if k in last else 1 for k in range(len(configs))]
    history = {name: values.copy() for name, values in faked.history.items()}
    for values in history.values():
        for k, epochs in enumerate(lasted):
            values[epochs:, k] = np.nan
    return FakeHalved(configs, lasted, history, faked, sorted(last))


@pytest.fixture
def halved(digits, tmp_path, monkeypatch):
    """(run folder, rows) of a search of two populations of six."""
    monkeypatch.setattr(halving, "halve", halve_nothing)
    monkeypatch.setattr(fit, "fit", None)
    grid = Grid(AXES, BASE)
    folder = tmp_path / "grid"
    return folder, searches.run(folder, digits, grid, halving=True, keep_models=1)[1]


def test_each_trial_says_how_many_epochs_it_got_and_why(halved):
    folder, found = halved
    with open(folder / places.RESULTS, newline="") as file:
        kept = list(csv.DictReader(file))
    assert {row["status"] for row in kept} == {"COMPLETED"}
    for row in kept:
        on = row["lr"] == "0.01"
        assert row[EPOCHS_TRAINED] == ("2.0" if on else "1.0")
        assert row["reason"].startswith("halving") != on
    curves = [len(p.read_text().splitlines()) for p in folder.glob("*/history.csv")]
    assert sorted(curves) == [2] * 6 + [3] * 6
    assert len(found) == 12


def test_only_who_was_trained_to_the_end_is_chosen_and_kept(halved):
    folder, found = halved
    # One that was left out may have been the better after its few epochs.
    found[-1][SCORE] = 0.99
    for row in rows.select(rows.of_points(found, Grid(AXES, BASE))):
        assert row["lr"] == 0.01
    (kept,) = folder.glob(f"*/{MODEL}")
    oracle = load(folder).oracle
    trial = oracle.trials[kept.parent.name[-4:]]
    assert trial.metrics.get_last_value(EPOCHS_TRAINED) == 2
    left_out = next(t for t in oracle.trials.values() if not trials.is_whole(t))
    left_out.score = 0.99
    best = oracle.get_best_trials(20)
    assert len(best) == 6 and best[0] is trial and left_out not in best


def test_the_picture_has_no_accuracies_of_fewer_epochs(halved, tmp_path, monkeypatch):
    _, found = halved
    drawn = []
    monkeypatch.setattr(plots, "plot_search", lambda points, *_: drawn.append(points))
    record = {"preset": "paper", "validation": "validation", "dataset": {"name": "digits"}}
    record["halving"] = True
    results.update(found, Grid(AXES, BASE), record, tmp_path)
    assert [len(points) for points in drawn] == [6]
    assert {row["lr"] for row in drawn[0]} == {0.01}


def test_tables_name_the_protocol(halved, tmp_path):
    folder, _ = halved
    text = (folder / "results.md").read_text()
    assert "successive halving" in text
    report = reporting.write(looking.read(folder), tmp_path)
    assert "successive halving" in report and "What matters" not in report


def test_it_is_another_search(digits, tmp_path):
    plain, other = (
        searches.describe(digits, Grid(AXES, BASE), halving=each) for each in (False, True)
    )
    assert project.settings(plain)["search"] != project.settings(other)["search"]
    for name, record in (("plain", plain), ("halved", other)):
        (tmp_path / name).mkdir()
        project.claim(tmp_path / name, record)
        assert project.read(tmp_path / name) == record
    with pytest.raises(UserError, match="halving=false there, true here"):
        project.claim(tmp_path / "plain", other)
    with pytest.raises(UserError, match="halving=true there, false here"):
        project.claim(tmp_path / "halved", plain)


def test_flags(tmp_path):
    done = helpers.call("search", *SMALL, "--dry_run")
    assert "8 trials of at most 4 epochs" in done.stdout, done.stderr
    for flag, message in (("--rounds=2", "--rounds"), ("--teachers=2", "teachers")):
        helpers.assert_one_line(helpers.call("search", *SMALL, flag), 2, message)


def test_the_plan_counts_the_epochs():
    grid = Grid(AXES, BASE)
    # Six, three, two and one; two epochs: only the second rung is one.
    assert set(plan.share_of(grid, True).values()) == {(6 * 1 + 3 * 1) / (6 * 2)}
    assert set(plan.share_of(grid, False).values()) == {1.0}


def test_the_time_to_go_counts_the_epochs(tmp_path):
    oracle = GridOracle(Grid(AXES, BASE), {"search": "abc"})
    oracle.place(tmp_path)
    progress = SearchProgress(verbose=False, halving=True)
    whole = sum(progress._work(oracle, i) for i in oracle.wanted)
    assert progress._work_done(oracle) == 0
    first = oracle.groups[0]
    oracle.epochs_done[0] = 1
    expected = sum(progress._work(oracle, i) for i in first) * 6 / 9
    assert progress._work_done(oracle) == pytest.approx(expected)
    assert whole > 2 * expected


@pytest.mark.slow
def test_killed_it_equals_an_undisturbed_one(tmp_path):
    calm, harried = tmp_path / "calm", tmp_path / "harried"
    code, _, errors = command(*SMALL, f"--run_dir={calm}", "--workers=2")
    assert code == 0, errors
    process = start(*SMALL, f"--run_dir={harried}", "--workers=2")
    wait_for(lambda: running(harried), process)
    time.sleep(2)
    for pid in (process.pid, *parts(harried).values()):
        kill(pid)
    process.communicate()
    shutil.copytree(harried, tmp_path / "copy")
    code, _, errors = command(f"--run_dir={harried}", "--workers=2")
    assert code == 0, errors
    assert results_of(harried) == results_of(calm)
    assert {row[EPOCHS_TRAINED] for row in results_of(calm)} > {"4.0"}
    code, _, errors = command(
        f"--run_dir={tmp_path / 'copy'}", "--nohalving", "--workers=2"
    )
    assert code == 1 and "halving=true there, false here" in errors
    assert space.trial_id(0) in {row["trial"] for row in results_of(calm)}
