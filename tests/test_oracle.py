"""The oracle's promises, without any training."""

import json

import pytest

from keras_pairs.errors import UserError
from tuner import oracle as oracles
from tuner.oracle import OBJECTIVE, GridOracle
from tuner.space import BEST_SCORE, Grid
from tuner.trials import set_metrics

GRID = Grid(
    {"nb_f": (8, 16), "lr": (0.01, 0.001), "batch_size": (10, 20), "w_a": (0.0, 0.5, 1.0)}
)
SETTINGS = {"epochs": 2, "seed": 0, "search": "abc"}


@pytest.fixture
def make(tmp_path):
    """A function that makes an oracle on the same folder, as a restart would."""

    def new(grid=GRID, settings=SETTINGS, **options):
        oracle = GridOracle(grid, settings, **options)
        (tmp_path / "project").mkdir(exist_ok=True)
        oracle.place(tmp_path / "project")
        oracle.reload()
        return oracle

    return new


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

    monkeypatch.setattr(oracles, "_now", lambda: Clock.now)
    return Clock


def take(oracle, worker, most=99):
    trials = []
    while len(trials) < most:
        trial = oracle.create_trial(f"{worker}/{len(trials)}")
        if trial.status != "RUNNING":
            break
        trials.append(trial)
    return trials


def complete(oracle, trial, accuracy=0.5):
    set_metrics(trial, {OBJECTIVE.name: accuracy, BEST_SCORE: accuracy}, 2)
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


def ids(trials):
    return [int(trial.trial_id) for trial in trials]


def test_workers_get_distinct_points_of_one_group_each(make):
    oracle = make()
    first, second = [], []
    for k in range(6):
        first.append(oracle.create_trial(f"a/{k}"))
        second.append(oracle.create_trial(f"b/{k}"))
    assert ids(first) == [0, 1, 2, 3, 4, 5] and ids(second) == [6, 7, 8, 9, 10, 11]
    assert oracle.create_trial("a/6").status == "IDLE"
    assert first[3].hyperparameters.values == {
        **{"nb_f": 8, "batch_size": 10, "lr": 0.001, "w_a": 0.0},
        **SETTINGS,
    }
    assert ids([oracle.create_trial("a/2")]) == [2]


def test_idle_while_others_run_then_stopped(make):
    oracle = make(max_trials=6)
    trials = take(oracle, "a")
    assert len(trials) == 6
    assert oracle.create_trial("b/0").status == "IDLE"
    for trial in trials:
        complete(oracle, trial)
    assert oracle.tuner_ids == {"a", "b"}
    assert oracle.create_trial("b/0").status == "STOPPED"
    assert oracle.create_trial("a/0").status == "STOPPED"
    assert oracle.tuner_ids == set() and oracle.ongoing_trials == {}


def test_a_restart_takes_up_what_has_not_ended(make):
    oracle = make()
    trials = take(oracle, "a")
    for trial in trials[:3]:
        complete(oracle, trial, 0.75)
    again = make()
    assert again.count_ended("COMPLETED") == 3
    assert again.trials["0001"].score == 0.75
    assert ids(take(again, "a")) == [3, 4, 5]


@pytest.mark.parametrize("damage", ["delete", "empty", "truncate", "garbage", "list"])
def test_a_damaged_file_costs_its_trial(make, tmp_path, damage):
    oracle = make()
    for trial in take(oracle, "a"):
        complete(oracle, trial)
    oracle.save()
    project = tmp_path / "project"
    for path in [*project.glob("trial_*/trial.json"), project / "oracle.json"]:
        text = path.read_text()
        replaced = {"empty": "", "truncate": text[:90], "garbage": "\0{", "list": "[1]"}
        if damage == "delete":
            path.unlink()
        else:
            path.write_text(replaced[damage])
        cost = path.name == "trial.json"
        assert make().count_ended() == 6 - cost, path
        if cost:
            assert ids(take(make(), "b")) == [int(path.parent.name[-4:])]
        path.write_text(text)
    assert make().count_ended() == 6


def test_a_silent_worker_loses_its_points(make, clock):
    oracle = make(max_trials=6)
    lost = take(oracle, "dead")
    assert oracle.create_trial("b/0").status == "IDLE"
    clock.now += oracles.LEASE_S / 2
    oracle.update_trial(lost[0].trial_id, {oracles.HEARTBEAT: 1.0})
    clock.now += oracles.LEASE_S - 1
    assert oracle.create_trial("b/0").status == "IDLE"
    clock.now += 2
    assert ids(take(oracle, "b")) == ids(lost)
    assert oracle.tuner_ids == {"b"}


def test_a_late_report_counts_once(make, clock):
    oracle = make(max_trials=6)
    (late, *_) = take(oracle, "slow")
    clock.now += oracles.LEASE_S + 1
    (other, *_) = take(oracle, "b")
    complete(oracle, late, 0.25)
    complete(oracle, other, 0.75)
    assert oracle.trials["0000"].score == 0.25
    assert oracle.end_order == ["0000"]


def test_a_worker_reports_to_the_next_chief(make):
    trials = take(make(), "a")
    complete(make(), trials[0])
    assert make().count_ended("COMPLETED") == 1


@pytest.mark.parametrize("retries", [0, 2])
def test_a_crash_is_retried_and_then_failed(make, retries):
    oracle = make(retries=retries)
    for attempt in range(retries + 1):
        (trial,) = take(oracle, "a", 1)
        assert int(trial.trial_id) == 0
        trial.status, trial.message = "INVALID", f"crash {attempt}"
        oracle.end_trial(trial)
    assert oracle.trials["0000"].status == "FAILED"
    assert make().trials["0000"].message == f"crash {retries}"
    assert ids(take(oracle, "a", 1)) == [1]


def test_the_search_goes_on_whatever_fails(make):
    oracle = make(retries=0)
    for _ in range(len(GRID.points)):
        (trial,) = take(oracle, "a", 1)
        trial.status = "FAILED"
        oracle.end_trial(trial)
    assert oracle.count_ended("FAILED") == 24
    assert oracle.create_trial("a/0").status == "STOPPED"


def test_other_settings_or_grid_are_refused(make):
    (trial,) = take(make(), "a", 1)
    complete(make(), trial)
    with pytest.raises(UserError, match="holds another search"):
        make(settings=SETTINGS | {"search": "xyz"})
    with pytest.raises(UserError, match="holds another search"):
        make(grid=Grid({"nb_f": (4,)}))


def test_only_the_best_models_of_each_width_stay(make, tmp_path):
    oracle = make(keep_models=2)
    for _ in range(4):
        for trial in take(oracle, "a"):
            folder = tmp_path / "project" / f"trial_{trial.trial_id}"
            (folder / oracles.MODEL).touch()
            # Ties go to the first of the grid.
            complete(oracle, trial, round(0.5 + (int(trial.trial_id) % 5) / 10, 1))
    left = sorted(path.parent.name[-4:] for path in tmp_path.glob("*/*/model.keras"))
    assert left == ["0004", "0009", "0014", "0019"]
    # Reading a search deletes nothing, whatever it keeps; starting one does.
    again = make(keep_models=1)
    assert len(list(tmp_path.glob("*/*/model.keras"))) == 4
    again.prune()
    left = sorted(path.parent.name[-4:] for path in tmp_path.glob("*/*/model.keras"))
    assert left == ["0004", "0014"]


def test_a_worker_that_cannot_go_on_ends_the_search_and_frees_its_points(make, clock):
    oracle = make(max_trials=6)
    (late, *_) = take(oracle, "a")
    clock.now += oracles.LEASE_S + 1
    (trial, *_) = take(oracle, "b")
    for given in (late, trial):
        # As over the network, which carries values and no message.
        given.status, given.hyperparameters.values[oracles.MESSAGE] = "STOPPED", "disk full"
    with pytest.raises(UserError, match="disk full"):
        oracle.end_trial(trial)
    assert oracle.count_ended() == 0
    # What a worker that was taken for dead says, ends nothing.
    oracle.end_trial(late)
    assert ids(take(make(max_trials=6), "c")) == list(range(6))


def test_oracle_json_is_keras_tuners(make, tmp_path):
    oracle = make()
    (trial,) = take(oracle, "a", 1)
    complete(oracle, trial)
    oracle.save()
    state = json.loads((tmp_path / "project" / "oracle.json").read_text())
    names = [hp["config"]["name"] for hp in state["hyperparameters"]["space"]]
    assert names[:4] == ["nb_f", "batch_size", "lr", "w_a"]
    assert state["end_order"] == ["0000"]
