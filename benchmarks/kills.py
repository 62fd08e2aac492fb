"""kill -9 of a whole search at random moments, again and again; then the results compared.

    python -m benchmarks.kills --kills=50

A grid of 24 points on two workers. After every kill the search is started again; at the
end each point must be COMPLETED, none trained again after it had ended, and results.csv
equal to that of a search that nobody disturbed, but for the seconds. Exit code 1 where one
of these is not so.
"""

import contextlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from keras_pairs.commands import flags, runner
from keras_pairs.errors import UserError
from keras_pairs.fields import integer

FLAGS = {"kills": flags.Flag(integer(1), "How often the search is killed.", 50)}
SEARCH = (
    "--nb_f=4,6",
    "--lr=0.01,0.001",
    "--batch_size=20,30,60",
    "--w_a=0,1",
    "--epochs=60",
    "--dataset=digits",
    "--num_pairs=60",
    "--workers=2",
    "--verbosity=0",
)
COMMAND = [sys.executable, "-m", "tuner.search", *SEARCH]
# From before the first trial to after a population.
LONGEST_S = 16


def start(folder):
    """Starts the search in a folder; its `subprocess.Popen`."""
    return subprocess.Popen(
        [*COMMAND, f"--run_dir={folder}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill_all(folder):
    """Kills every process with `folder` on its command line, all at once."""
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (path / "cmdline").read_bytes():
                os.kill(int(path.name), signal.SIGKILL)
        except OSError:
            continue


def ended(folder):
    """{trial: when its file was written}, of those that have ended."""
    return {
        path.parent.name: path.stat().st_mtime_ns
        for path in folder.glob("trial_*/trial.json")
        if '"COMPLETED"' in path.read_text()
    }


def results(folder):
    """Lines of results.csv without the column of seconds."""
    lines = [line.split(",") for line in (folder / "results.csv").read_text().splitlines()]
    column = lines[0].index("seconds")
    return [line[:column] + line[column + 1 :] for line in lines]


def main(values):
    kills, chance = values["kills"].value, random.Random(0)
    with tempfile.TemporaryDirectory() as parent, contextlib.ExitStack() as life:
        life.callback(kill_all, parent)
        calm, harried = pathlib.Path(parent) / "calm", pathlib.Path(parent) / "harried"
        if start(calm).wait():
            raise UserError("the undisturbed search failed")
        done, seen = 0, {}
        while done < kills:
            process = start(harried)
            try:
                if process.wait(chance.uniform(0, LONGEST_S)):
                    raise UserError(f"after {done} kills: a restart failed")
            except subprocess.TimeoutExpired:
                done += 1
            kill_all(harried)
            process.wait()
            now = ended(harried) if harried.exists() else {}
            if not now.items() >= seen.items():
                raise UserError(f"after {done} kills: lost or repeated {seen} → {now}")
            seen = now
            if len(seen) == 24:
                # All done: a new grid for the kills that are left.
                check(calm, harried)
                runner.say(
                    f"{done} kills: all 24 points once, results equal; starting anew"
                )
                shutil.rmtree(harried)
                seen = {}
        begun = time.monotonic()
        if start(harried).wait():
            raise UserError("the last restart failed")
        check(calm, harried)
        runner.say(
            f"{done} kills, {time.monotonic() - begun:.0f} s for the last run: all equal"
        )


def check(calm, harried):
    """Raises `UserError` where a search that was killed differs from one that was not."""
    # results.csv is there from the first population on, selected.json at the end.
    if not (harried / "selected.json").exists() and start(harried).wait():
        raise UserError("a restart failed")
    if results(harried) != results(calm):
        raise UserError("results.csv differs from the undisturbed one")


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
