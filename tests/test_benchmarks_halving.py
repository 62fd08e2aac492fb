"""What the benchmarks of searches make of what they measured."""

import importlib.util
import json

from benchmarks import halving, peers, tuners
from benchmarks.peer_case import Case
from docs import kinds
from tests import helpers
from tuner.space import EPOCHS_TRAINED, SCORE


def row(trial, score, epochs=None, w_a=0.5):
    values = {"trial": trial, SCORE: str(score), "epochs": "8", "lr": "0.01"}
    values |= {"w_a": str(w_a), "status": "COMPLETED"}
    return values if epochs is None else values | {EPOCHS_TRAINED: str(epochs)}


def test_the_rank_of_what_a_halved_search_chose():
    full = [row("0", 0.7), row("1", 0.9), row("2", 0.8), row("3", 0.6)]
    # The best of the full grid was left out, early and with a high score.
    halved = [row("0", 0.7, 8.0), row("1", 0.95, 2.0), row("2", 0.8, 8.0, 1.0)]
    halved.append(row("3", 0.5, 2.0) | {"status": "FAILED", EPOCHS_TRAINED: ""})
    found = halving.compare(full, halved)
    assert (found["rank"], found["w_a"]) == (2, 1.0)
    assert (found["score"], found["best"]) == (80.0, 90.0)
    assert (found["epochs"], found["halved_epochs"]) == (32, 18)


def test_a_study_of_halving_has_a_row_for_each_seed(tmp_path, monkeypatch):
    asked = []

    def searched(folder, where, *more):
        asked.append((folder.name, *where, *more))
        return [row("0", 0.7, 8.0)], 100.0 if not more else 25.0

    monkeypatch.setattr(halving, "searched", searched)
    done = helpers.call("benchmarks.halving", "--rounds=2", f"--run_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert [words[0] for words in asked] == ["full-0", "halved-0", "full-1", "halved-1"]
    assert [words[-1] == "--halving" for words in asked] == [False, True] * 2
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert [each["time"] for each in rows] == [0.25, 0.25]
    assert kinds.KINDS["halving"](tmp_path / "results.json") in done.stdout


def test_a_peer_that_is_missing_has_a_row(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(peers.machine, "cores", lambda: 2)
    monkeypatch.setattr(
        peers.train, "compare", lambda *sides: [len(side) for side in sides]
    )
    words = ("--nb_f=8", f"--run_dir={tmp_path}")
    done = helpers.call("benchmarks.peers", *words)
    assert done.returncode == 0, done.stderr
    assert "PyTorch `vmap` is left out: pip install torch" in done.stdout
    assert done.stdout.count("not installed") == 3
    # Two processes of 13 members each, beside two of one.
    assert "26.00" not in done.stdout and " 13.00 |" in done.stdout
    assert kinds.KINDS["peers"](tmp_path / "results.json") in done.stdout
    members = Case(8).members
    assert members == 13 and list(peers.PEERS)[0] == peers.OURS


def test_trials_per_hour_follow_from_an_epoch(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(tuners.machine, "cores", lambda: 2)
    seconds = iter([10.0, 20.0, 10.0 + 2 * 20, 20.0 + 6 * 20])
    runs = iter([(1, 1, 2, next(seconds)) for _ in range(4)])
    monkeypatch.setattr(tuners.search, "measure", lambda arguments: next(runs))
    found = list(tuners.measure(8))
    assert [each["search"] for each in found] == [*tuners.SIDES][:2]
    # Two trials, 20 more epochs.
    assert [each["epoch_s"] for each in found] == [1.0, 3.0]
    assert found[0]["trials_per_hour"] == 3600 * 2 / 150
    assert tuners.tabulate(found)[2][-1] == "0.33"
