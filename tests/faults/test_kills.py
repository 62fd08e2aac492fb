"""Every command ended again and again at random moments, then the end of its work.

By kill -9, with all its processes, and by what asks for an end: Ctrl-C and the end of a
terminal, which all its processes get, and SIGTERM, which it gets alone. How often by each:
KERAS_PAIRS_KILLS; without it once by kill -9, and once by another, which take turns.
`benchmarks.kills` compares a killed search's results, too.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from tests.faults import running
from tests.faults.commands import COMMANDS, damaged, missing

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("KERAS_PAIRS_KILLS", "1"))
# What the command says, where it can.
SAYS = {
    "SIGKILL": None,
    "SIGINT": "error: interrupted",
    "SIGTERM": "error: ended by SIGTERM",
    "SIGHUP": "error: ended by SIGHUP",
}
TIMEOUT_S = 600


def counts(name):
    """{signal: 0} of the signals that are to end a command."""
    asks = list(SAYS)[1:]
    one = asks[list(COMMANDS).index(name) % len(asks)]
    every = "KERAS_PAIRS_KILLS" in os.environ
    return dict.fromkeys(SAYS if every else ("SIGKILL", one), 0)


def start(command, folder):
    """Starts a command as the leader of a group of processes."""
    return subprocess.Popen(
        command.line,
        cwd=folder,
        env=command.variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=running.usual_signals,
    )


def end(process, name):
    """Sends a signal as it comes in life; the process's standard error."""
    number = getattr(signal, name)
    if name == "SIGTERM":
        process.send_signal(number)
    else:
        os.killpg(process.pid, number)
    return process.communicate(timeout=TIMEOUT_S)[1]


def left_over(process, seconds=20):
    """Whether a process of its group outlives it by so many seconds."""
    until = time.monotonic() + seconds
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.killpg(process.pid, 0)
            time.sleep(0.05)
        return True
    return False


def names(folder):
    """Of all that lies below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def clear(folder, kept):
    """Removes all but some names, for another try."""
    for path in folder.iterdir():
        if path.name not in kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def wrong(command, name, process, told, before, folder):
    """What is wrong with how a process ended, as text; and whether it had its say.

    Args:
      command: `commands.Command`.
      name: str, the signal.
      process: that has ended.
      told: str, its standard error.
      before: what `names` gave before it began.
      folder: Path where it ran.

    Returns:
      (list of str, bool).
    """
    found = []
    if left_over(process):
        found.append("left a process")
    # What a reader finds is whole, at whatever moment.
    if broken := damaged(folder):
        found.append(f"left what is not whole: {broken}")
    code, number = process.returncode, getattr(signal, name)
    if name == "SIGKILL":
        return found, code == -number
    lines = [line for line in told.splitlines() if line.strip()]
    hidden = {
        str(path.relative_to(folder)) for n in running.REMAINS for path in folder.rglob(n)
    }
    # Those of a process that was killed stay until somebody clears them.
    if hidden - before:
        found.append(f"left {hidden - before}")
    if code == 128 + number:
        # A server that was asked to end has nothing to tell.
        if lines != [SAYS[name]] and (lines or command.name != "serve"):
            found.append(f"said {told[-900:]!r}")
        return found, True
    # Python's own end: before the command is there, or when it is through.
    early = code == -number and not lines
    cut = name == "SIGINT" and lines[-1:] == ["KeyboardInterrupt"]
    if early or (cut and code in (1, -number)):
        if names(folder) != before and missing(command, folder):
            found.append(f"was cut: {told[-900:]!r}")
    elif code != 0:
        found.append(f"ended with {code}: {told[-900:]!r}")
    return found, False


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "serve"])
def test_ended_at_any_moment(name, inputs, tmp_path):
    command = COMMANDS[name]
    folder = tmp_path / "harried"
    folder.mkdir()
    inputs.put(command.inputs, folder)
    given = {path.name for path in folder.iterdir()}
    begun = time.monotonic()
    process = start(command, folder)
    assert not process.communicate(timeout=TIMEOUT_S)[1] and process.returncode == 0
    seconds = time.monotonic() - begun
    clear(folder, given)
    chance, count = random.Random(name), counts(name)
    for _ in range(20 * KILLS * len(count)):
        # The signals take turns: each meets the work at whatever state.
        signal_name = min(count, key=count.get)
        if count[signal_name] == KILLS:
            break
        before, begun = names(folder), time.monotonic()
        process = start(command, folder)
        try:
            told = process.communicate(timeout=chance.uniform(0, seconds))[1]
            # It was faster this time: a busy machine is not always as busy.
            seconds = time.monotonic() - begun
            assert process.returncode == 0, told
        except subprocess.TimeoutExpired:
            told = end(process, signal_name)
        found, said = wrong(command, signal_name, process, told, before, folder)
        assert not found, (signal_name, found)
        # It looks for a moment only, most of its time is Python's.
        count[signal_name] += said or name == "status" and process.returncode < 0
        if command.leaves and not missing(command, folder):
            clear(folder, given)
    print(name, count)
    assert set(count.values()) == {KILLS}
    process = start(command, folder)
    told = process.communicate(timeout=TIMEOUT_S)[1]
    assert process.returncode == 0, told
    assert not missing(command, folder) and not damaged(folder)


def test_a_server_ended_at_any_moment(tmp_path):
    command, count = COMMANDS["serve"], counts("serve")
    begun = time.monotonic()
    process = start(command, tmp_path)
    assert "http://" in process.stdout.readline()
    seconds = time.monotonic() - begun
    end(process, "SIGKILL")
    chance = random.Random("serve")
    for _ in range(20 * KILLS * len(count)):
        name = min(count, key=count.get)
        if count[name] == KILLS:
            break
        process = start(command, tmp_path)
        time.sleep(chance.uniform(0, 1.3 * seconds))
        told = end(process, name)
        if process.returncode == 0:
            # Once it is up, it ends in good order.
            assert "rror" not in told
            assert not left_over(process)
            said = True
        else:
            found, said = wrong(command, name, process, told, set(), tmp_path)
            assert not found, (name, found)
        count[name] += said
    print("serve", count)
    assert set(count.values()) == {KILLS}
    assert not names(tmp_path)
