"""The chief's sign of life in a search's folder, for who only looks at it.

Importable without TensorFlow.
"""

import math
import pathlib
import socket
import time

import psutil

from keras_pairs import files
from tuner import code

NAME = "progress.json"
# How often it is written, and for how long a chief on another machine may be silent.
EVERY_S, SILENCE_S = 10, 60
# Clocks of one machine tell a process's start a little differently.
SAME_START_S = 2


def write(run_dir, *, ended, used_s, wanted, running, to_go_s=None, budget_left_s=None):
    """Writes what a chief knows of its search.

    Args:
      run_dir: Path.
      ended: bool, whether this chief has nothing more to do.
      used_s: float, seconds of all runs.
      wanted: int, points in all.
      running: {trial id of a running population: epochs that it has done}.
      to_go_s, budget_left_s: seconds or None.

    Raises:
      OSError: if it cannot be written.
    """
    process = psutil.Process()
    beat = {
        "ended": ended,
        "used_s": used_s,
        "to_go_s": to_go_s,
        "budget_left_s": budget_left_s,
        "wanted": wanted,
        "running": running,
        "host": socket.gethostname(),
        "pid": process.pid,
        "process_started": process.create_time(),
        "written": time.time(),
        "code": code.digest(),
    }
    files.write_json(pathlib.Path(run_dir) / NAME, beat)


def begin(run_dir, wanted):
    """Says that a chief of a search of `wanted` points is starting.

    Raises:
      OSError: if it cannot be written.
    """
    write(run_dir, ended=False, used_s=used_s(run_dir), wanted=wanted, running={})


def used_s(run_dir):
    """Seconds that the runs of a search have taken so far, float."""
    before = read(run_dir)
    return before["used_s"] if before else 0.0


def read(run_dir):
    """The dict that `write` wrote, or None where there is none or a damaged one."""
    try:
        found = files.read_json(pathlib.Path(run_dir) / NAME)
        # What is missing, or of another kind, shows here.
        unknown = [found["to_go_s"], found["budget_left_s"]]
        seconds = [found["used_s"], age(found), *found["running"].values()]
        seconds += [x for x in unknown if x is not None]
        whole = [found["wanted"], *map(int, found["running"])]
        is_alive(found)
        right = all(type(x) in (int, float) and math.isfinite(x) for x in seconds)
        right = right and all(type(x) is int and x >= 0 for x in whole)
    except (OSError, *files.DAMAGED):
        return None
    return found if right else None


def age(found):
    """Seconds since it was written, at least 0: clocks of two machines may differ."""
    return max(0.0, time.time() - found["written"])


def is_alive(found):
    """Whether the chief that wrote it is still at work."""
    if found["ended"]:
        return False
    if found["host"] != socket.gethostname():
        return age(found) < SILENCE_S
    try:
        process = psutil.Process(found["pid"])
        same = abs(process.create_time() - found["process_started"]) < SAME_START_S
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
