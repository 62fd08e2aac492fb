"""kill -9 of every command, again and again at random moments, then the end of its work.

How often: KERAS_PAIRS_KILLS, or twice each. `benchmarks.kills` does it to a search.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.faults import running
from tests.faults.commands import COMMANDS, damaged, missing
from tests.faults.faults import FAULTS
from tests.helpers import COMMANDS as MODULES
from tests.helpers import ROOT

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("KERAS_PAIRS_KILLS", "2"))


def clear(folder, kept):
    """Removes all but some names, for another try."""
    for path in folder.iterdir():
        if path.name not in kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize(
    "name", [n for n, c in COMMANDS.items() if c.leaves and n != "search"]
)
def test_killed_at_any_moment(name, inputs, tmp_path):
    command = COMMANDS[name]
    begun = time.monotonic()
    (done,), _ = running.run(command, FAULTS["no fault"], tmp_path / "calm", inputs)
    seconds = time.monotonic() - begun
    assert done.code == 0, done.err
    folder = tmp_path / "harried"
    folder.mkdir()
    inputs.put(command.inputs, folder)
    given = {path.name for path in folder.iterdir()}
    chance, killed = random.Random(name), 0
    module = MODULES.get(command.name, f"keras_pairs.{command.name}")
    line = [sys.executable, "-m", module, *command.arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for _ in range(10 * KILLS):
        if killed == KILLS:
            break
        begun = time.monotonic()
        process = subprocess.Popen(
            line,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(chance.uniform(0, seconds))
            # It was faster this time: a busy machine is not always as busy.
            seconds = time.monotonic() - begun
        except subprocess.TimeoutExpired:
            # With all its own processes, at one moment.
            os.killpg(process.pid, signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
        # What a reader finds is whole, at whatever moment.
        assert not damaged(folder)
        if not missing(command, folder):
            clear(folder, given)
    assert killed == KILLS
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert not missing(command, folder) and not damaged(folder)
