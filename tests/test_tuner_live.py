"""What is up to date in a search's folder while it runs, and the line that it shows."""

import csv
import errno

import pytest

from tests import searches
from tests.helpers import stopped_clock
from tests.searches import GRID, describe, run
from tuner import live, places, progress, pulse, results, rows
from tuner.oracle import HEARTBEAT, OBJECTIVE, GridOracle
from tuner.trials import set_metrics


def table(folder):
    with open(folder / places.RESULTS, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def oracle(tmp_path):
    found = GridOracle(GRID, {"search": "abc"})
    found.place(tmp_path)
    return found


def take(oracle, worker="a"):
    taken = []
    while (trial := oracle.create_trial(f"{worker}/{len(taken)}")).status == "RUNNING":
        taken.append(trial)
    return taken


def end(oracle, trials, accuracy=0.5):
    for trial in trials:
        metrics = dict.fromkeys(rows.METRICS, 0.1) | {OBJECTIVE.name: accuracy}
        set_metrics(trial, metrics, 2)
        trial.status = "COMPLETED"
        oracle.end_trial(trial)


def test_what_a_dead_worker_had_done_is_not_done(oracle):
    shown = progress.SearchProgress(verbose=False)
    trial = oracle.create_trial("a/0")
    assert shown._work_done(oracle) == 0
    oracle.update_trial(trial.trial_id, {HEARTBEAT: 1.0})
    assert shown._work_done(oracle) > 0
    oracle.seen["a"] -= 1000
    taken = oracle.create_trial("b/0")
    assert taken.trial_id == trial.trial_id
    assert shown._work_done(oracle) == 0


def test_a_killed_search_has_what_had_ended(digits, tmp_path, monkeypatch):
    populations = []

    def dying(configs, *_, **__):
        populations.append(configs)
        if len(populations) == 2:
            raise KeyboardInterrupt
        return searches.FakeTrained(configs)

    monkeypatch.setattr("keras_pairs.training.fit.fit", dying)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "grid", digits)
    rows = table(tmp_path / "grid")
    assert [row["status"] for row in rows] == ["COMPLETED"] * 4
    assert [row["trial"] for row in rows] == ["0000", "0001", "0002", "0003"]
    assert (tmp_path / "grid" / places.PICTURE).stat().st_size > 1000
    # What says that a search has ended is not there yet.
    assert not (tmp_path / "grid" / "selected.json").exists()


def test_results_follow_each_population_and_take_little_time(
    oracle, digits, tmp_path, monkeypatch
):
    now, cost = stopped_clock(monkeypatch, live), 2.0
    writes = []

    def update(found, *_):
        writes.append(len(found))
        now[0] += cost

    monkeypatch.setattr(results, "update", update)
    monkeypatch.setattr(live.Live, "pulse", lambda self: None)
    kept = live.Live(oracle, describe(digits), tmp_path, None)
    kept.update()
    *first, last = take(oracle)
    end(oracle, first)
    kept.update()
    # A population is whole only when its last trial has ended.
    assert writes == [] and len(first) == 3
    end(oracle, [last])
    kept.update()
    kept.update()
    assert writes == [4]
    end(oracle, take(oracle, "b"))
    kept.update()
    assert writes == [4]
    now[0] += cost / live.SHARE
    kept.update()
    kept.update()
    assert writes == [4, 8]


def test_a_population_that_begins_is_told_at_once(oracle, digits, tmp_path, monkeypatch):
    stopped_clock(monkeypatch, live)
    shown = progress.SearchProgress(verbose=False)
    kept = live.Live(oracle, describe(digits), tmp_path, shown)
    told = []
    for worker in ("a", "b"):
        kept.update()
        take(oracle, worker)
        kept.update()
        told.append({*pulse.read(tmp_path)["running"]})
    assert told == [{"0000"}, {"0000", "0004"}]


def test_a_full_disk_under_the_results_ends_the_search(oracle, monkeypatch):
    from tuner import chief, processes

    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", str(processes.free_port()))
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")

    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        chief.serve(oracle, full)


def test_the_line_says_done_failed_left_best_and_time(oracle, monkeypatch):
    now = stopped_clock(monkeypatch, progress)
    shown = progress.SearchProgress(verbose=False)
    shown.show(oracle)
    now[0] += 10
    assert shown.line(oracle) == "0/8 trials  0 failed  8 left"
    end(oracle, take(oracle), accuracy=0.75)
    assert shown.line(oracle) == (
        "4/8 trials  0 failed  4 left  best 75.0 % (nb_f=4 batch_size=20 lr=0.01 w_a=0) "
        "tied with 3 others  0:10 to go"
    )
    end(oracle, take(oracle))
    assert shown.line(oracle).startswith("8/8 trials  0 failed  best 75.0 %")


def test_outcomes_follow_each_trial(oracle):
    *first, last = take(oracle)
    assert {o.status for o in oracle.outcomes().values()} == {"RUNNING"}
    end(oracle, first, accuracy=0.75)
    found = oracle.outcomes()
    assert [found[i].status for i in range(4)] == ["COMPLETED"] * 3 + ["RUNNING"]
    assert found[1].metrics[OBJECTIVE.name] == 0.75 and found[3].metrics == {}
    last.status, last.message = "INVALID", "a crash"
    oracle.end_trial(last)
    assert oracle.outcomes()[3].status == "INVALID"
    last.status = "FAILED"
    oracle.end_trial(last)
    assert oracle.outcomes()[3].message == "a crash"
    assert oracle.outcomes()[3].status == "FAILED"
