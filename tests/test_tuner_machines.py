"""A search over several machines: who may work, and whose clock may be wrong."""

import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from keras_pairs.errors import UserError
from tests import helpers, searches
from tests.helpers import ROOT
from tests.search_processes import (
    SMALL,
    command,
    kill,
    results,
    running,
    start,
    wait_for,
)
from tuner import agreement, code, looking, processes, pulse
from tuner.oracle import LEASE_S, GridOracle

FEW = ("--nb_f=4", "--lr=0.01,0.001", "--batch_size=30", "--w_a=0,1", "--dataset=digits")
FEW += ("--num_pairs=60",)


@pytest.fixture
def address():
    port = str(processes.free_port())
    return {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": port}


def test_a_worker_of_other_code_is_refused(tmp_path, monkeypatch):
    pulse.begin(tmp_path, 8)
    agreement.check_code(tmp_path)
    real = code.digest()
    monkeypatch.setattr(code, "digest", lambda: "f" * 64)
    with pytest.raises(UserError, match=f"other code .{real[:12]}… there, ffffffffffff… h"):
        agreement.check_code(tmp_path)
    # The workers of one supervisor have its code, also when that was edited meanwhile.
    monkeypatch.setenv(processes.SUPERVISED, "1")
    agreement.check_code(tmp_path)


def test_a_worker_that_does_not_see_the_chiefs_folder_is_refused(tmp_path):
    theirs, own = tmp_path / "shared" / "trial_0000", tmp_path / "local" / "trial_0000"
    for folder in (theirs, own):
        folder.mkdir(parents=True)
    (theirs / "trial.json").touch()
    agreement.check_folder(theirs)
    with pytest.raises(UserError, match="local is not the chief's folder: all parts"):
        agreement.check_folder(own)
    assert not own.exists() and theirs.exists()


def test_the_same_code_is_the_same_wherever_it_lies(tmp_path, monkeypatch):
    found = []
    for place, text in (("a", "x = 1\n"), ("b", "x = 1\n"), ("c", "x = 2\n")):
        folders = [tmp_path / place / name for name in ("tuner", "keras_pairs")]
        for folder in folders:
            (folder / "data").mkdir(parents=True)
            (folder / "data" / "module.py").write_text(text)
        monkeypatch.setattr(code, "PACKAGES", folders)
        found.append(code.digest.__wrapped__())
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("jump", [-1e9, 1e9])
def test_a_clock_that_jumps_costs_nobody_a_trial(tmp_path, monkeypatch, jump):
    """Leases go by a clock that nobody can set."""
    oracle = GridOracle(searches.GRID, {"search": "abc"})
    oracle.place(tmp_path / "grid")
    (tmp_path / "grid").mkdir()
    trial = oracle.create_trial("a/0")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    assert oracle.create_trial("b/0").trial_id != trial.trial_id
    assert oracle.tuner_ids == {"a", "b"} and LEASE_S < abs(jump)
    assert oracle.create_trial("a/0").trial_id == trial.trial_id


@pytest.mark.parametrize("jump", [-1e9, 1e9])
def test_a_search_is_looked_at_with_another_clock(digits, tmp_path, monkeypatch, jump):
    """On the chief's own machine its process tells whether it is alive, not the clock."""
    monkeypatch.setattr("keras_pairs.training.fit.fit", searches.train_nothing)
    monkeypatch.setattr("tuner.plots.plot_search", lambda *_: None)
    searches.run(tmp_path / "grid", digits, max_trials=3)
    pulse.begin(tmp_path / "grid", 8)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    search = looking.read(tmp_path / "grid")
    assert search.running and "3 of 8 trials" in looking.describe(search)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ORACLE_IP": None}, "but no KERASTUNER_ORACLE_IP; set all three"),
        ({"ORACLE_PORT": None}, "but no KERASTUNER_ORACLE_PORT; set all three"),
        ({"TUNER_ID": ""}, "but no KERASTUNER_TUNER_ID; set all three"),
        (
            {"ORACLE_IP": None, "ORACLE_PORT": None},
            "has KERASTUNER_TUNER_ID, but no KERASTUNER_ORACLE_IP and no "
            "KERASTUNER_ORACLE_PORT; set all three",
        ),
        ({"ORACLE_PORT": "http"}, "KERASTUNER_ORACLE_PORT=http; it must be a port"),
        ({"ORACLE_PORT": "0"}, "KERASTUNER_ORACLE_PORT=0; it must be a port"),
        ({"ORACLE_PORT": "1" * 5000}, "it must be a port"),
        ({"ORACLE_PORT": "65536"}, "KERASTUNER_ORACLE_PORT=65536; it must be a port"),
        ({"ORACLE_PORT": "٨"}, "it must be a port"),
    ],
)
def test_half_an_address_is_one_line(tmp_path, address, monkeypatch, changes, message):
    given = {name.removeprefix("KERASTUNER_"): value for name, value in address.items()}
    for name, value in (given | {"TUNER_ID": "worker0"} | changes).items():
        if value is not None:
            monkeypatch.setenv(f"KERASTUNER_{name}", value)
    done = helpers.call("search", f"--run_dir={tmp_path}/grid")
    helpers.assert_one_line(done, 1, message)
    assert not list(tmp_path.iterdir())


def test_flags_that_do_not_go_with_a_part_are_refused(tmp_path, address, monkeypatch):
    for name, value in (address | {"KERASTUNER_TUNER_ID": "worker0"}).items():
        monkeypatch.setenv(name, value)
    helpers.assert_one_line(helpers.call("search"), 2, "needs a --run_dir that all")
    done = helpers.call("search", f"--run_dir={tmp_path}/grid", "--overwrite")
    helpers.assert_one_line(done, 2, "a worker never deletes a search")


def test_without_an_address_there_is_one_machine(address, monkeypatch):
    for name in address:
        monkeypatch.setenv(name, "")
    assert processes.address() is None and processes.role() is None
    for name, value in (address | {"KERASTUNER_TUNER_ID": "chief"}).items():
        monkeypatch.setenv(name, value)
    assert processes.address() == ":".join(address.values())
    assert processes.role() == "chief"


@pytest.mark.slow
def test_a_chief_that_restarts_goes_on_with_the_next_workers(tmp_path, address):
    calm, harried = tmp_path / "calm", tmp_path / "harried"
    few = (*FEW, "--epochs=30", "--workers=1")
    assert command(*few, f"--run_dir={calm}")[0] == 0
    flags = (*few, f"--run_dir={harried}")
    chief = start(*flags, KERASTUNER_TUNER_ID="chief", **address)
    worker = start(*flags, KERASTUNER_TUNER_ID="worker0", **address)
    wait_for(lambda: running(harried), chief)
    kill(chief.pid)
    chief.communicate()
    _, errors = worker.communicate(timeout=120)
    assert worker.returncode == 1 and "does not answer" in errors
    both = [start(*flags, KERASTUNER_TUNER_ID=n, **address) for n in ("chief", "worker0")]
    for process in both:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    assert results(harried) == results(calm)


@pytest.mark.slow
def test_a_second_chief_on_the_folder_is_refused(tmp_path, address):
    flags = (*SMALL, f"--run_dir={tmp_path / 'grid'}")
    first = start(*flags, KERASTUNER_TUNER_ID="chief", **address)
    wait_for((tmp_path / "grid" / pulse.NAME).exists, first)
    other = address | {"KERASTUNER_ORACLE_PORT": str(processes.free_port())}
    done = command(*flags, KERASTUNER_TUNER_ID="chief", **other)
    assert done[0] == 1 and done[2].startswith("error: another search is running in ")
    assert len(done[2].splitlines()) == 1
    kill(first.pid)
    first.communicate()


@pytest.mark.slow
def test_workers_of_other_data_or_other_code_are_refused(tmp_path, address, digits):
    np.savez(
        tmp_path / "other.npz",
        x_train=digits.x_train[::-1],
        y_train=digits.y_train[::-1],
        x_test=digits.x_test,
        y_test=digits.y_test,
    )
    flags = (*FEW, "--epochs=2", f"--run_dir={tmp_path / 'grid'}")
    chief = start(*flags, KERASTUNER_TUNER_ID="chief", **address)
    wait_for((tmp_path / "grid" / pulse.NAME).exists, chief)
    words = (f"--run_dir={tmp_path / 'grid'}", f"--data_path={tmp_path / 'other.npz'}")
    done = command(*words, KERASTUNER_TUNER_ID="worker0", **address)
    assert done[0] == 1 and "holds a search on other images" in done[2]
    for package in ("keras_pairs", "tuner"):
        shutil.copytree(ROOT / package, tmp_path / "code" / package)
    with open(tmp_path / "code" / "tuner" / "space.py", "a") as file:
        file.write("# another version\n")
    where = {"PYTHONPATH": str(tmp_path / "code"), "KERASTUNER_TUNER_ID": "worker1"}
    process = subprocess.run(
        [sys.executable, "-m", "tuner.search", *flags],
        cwd=tmp_path / "code",
        env=os.environ | where | address,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 1 and "runs other code" in process.stderr
    assert len(process.stderr.splitlines()) == 1
    # A worker that is right finishes what they were given.
    done = command(*flags, KERASTUNER_TUNER_ID="worker2", **address)
    assert done[0] == 0, done[2]
    assert {row["status"] for row in results(tmp_path / "grid")} == {"COMPLETED"}
    assert chief.wait(60) == 0
    chief.communicate()
