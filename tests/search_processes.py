"""`python -m tuner.search` as processes that tests start, watch and kill."""

import csv
import os
import pathlib
import re
import signal
import time

from tests import helpers

GRID = ("--nb_f=4", "--lr=0.01,0.001", "--batch_size=20,30,60", "--w_a=0,1")
SMALL = (*GRID, "--epochs=2", "--dataset=digits", "--num_pairs=60")
# Long enough to be killed in the middle of a population.
LONG = (*GRID, "--epochs=400", "--dataset=digits", "--num_pairs=60", "--max_trials=8")


def start(*arguments, **environment):
    return helpers.start("search", *arguments, environment=environment)


def command(*arguments, **environment):
    done = helpers.command("search", *arguments, environment=environment, timeout=300)
    return done.returncode, done.stdout, done.stderr


def status(folder):
    """What `tuner.status` prints, without an error."""
    done = helpers.command("status", f"--run_dir={folder}", timeout=60)
    assert done.returncode == 0 and done.stderr == ""
    return done.stdout


def results(folder):
    """results.csv but for the seconds, which no two runs share."""
    with open(folder / "results.csv", newline="") as file:
        return [row | {"seconds": None} for row in csv.DictReader(file)]


def parts(folder):
    """Process ids of the chief and workers on a run folder: {tuner id: pid}."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() not in (path / "cmdline").read_bytes():
                continue
            environment = (path / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        tuner_id = re.search(r"KERASTUNER_TUNER_ID=([^\0]+)", environment)
        found[tuner_id[1] if tuner_id else "supervisor"] = int(path.name)
    return found


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def wait_for(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def running(folder):
    return [p for p in folder.glob("trial_*/trial.json") if '"RUNNING"' in p.read_text()]


def modified(paths):
    return {path: path.stat().st_mtime_ns for path in paths}
