"""A process of its own: what it sends, returns and raises, and how it ends."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from keras_pairs.errors import UserError
from keras_pairs.training import isolated
from tests import helpers

# More than a pipe holds.
MANY = np.zeros(2**20)


class Told:
    """Says when it is handed over."""

    def __reduce__(self):
        print(flush=True)
        return Told, ()


def twice(send, values, _=None):
    send(len(values))
    return 2 * values


def fail(send, _):
    raise ZeroDivisionError("no such share")


def refuse(send, _):
    raise UserError("no such folder")


def fill_memory(send, _):
    raise MemoryError


def die(send, _):
    os._exit(3)


def begun(code, seconds):
    """A process, the leader of a group, so many seconds after it has handed over `Told`."""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=helpers.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    process.stdout.readline()
    time.sleep(seconds)
    return process


def test_it_sends_and_returns():
    heard = []
    found = isolated.run(twice, MANY + 1, on_message=heard.append)
    np.testing.assert_array_equal(found, MANY + 2)
    assert heard == [len(MANY)]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (fail, "^ZeroDivisionError: no such share$"),
        (refuse, "^no such folder$"),
        (fill_memory, r"^not enough memory \(ulimit"),
        (die, "ended with code 3"),
    ],
)
def test_what_it_dies_of_is_told(function, message):
    with pytest.raises(UserError, match=message):
        isolated.run(function, MANY, on_message=None)


@pytest.mark.skipif(os.name != "posix", reason="interrupts itself")
def test_an_interrupt_while_it_starts_leaves_none(monkeypatch):
    start = multiprocessing.context.SpawnProcess.start

    def interrupted(process):
        start(process)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(multiprocessing.context.SpawnProcess, "start", interrupted)
    # A shell has its background jobs ignore interrupts, these tests too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            isolated.run(twice, MANY, on_message=None)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not multiprocessing.active_children()


@pytest.mark.skipif(os.name != "posix", reason="kills with signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("seconds", [0.05, 0.2])
def test_it_does_not_complain_when_who_asked_is_gone(number, seconds):
    code = "from tests.test_training_isolated import MANY, Told, isolated, twice; "
    code += "isolated.run(twice, MANY, Told(), on_message=print); input()"
    process = begun(code, seconds)
    process.send_signal(number)
    # Until all that hold its standard error have ended.
    _, complaint = process.communicate(timeout=60)
    assert complaint == ""


@pytest.mark.skipif(os.name != "posix", reason="kills with signals")
@pytest.mark.parametrize("seconds", [0, 0.01, 0.02, 0.05, 0.1])
def test_an_interrupt_of_all_processes_is_not_for_it(seconds):
    """As from a terminal; whoever asked goes on here, to see that it does, too."""
    code = "import signal; signal.signal(signal.SIGINT, lambda *_: None); "
    code += "from tests.test_training_isolated import MANY, Told, isolated, twice; "
    code += "print(len(isolated.run(twice, MANY, Told(), on_message=lambda _: None)))"
    process = begun(code, seconds)
    os.killpg(process.pid, signal.SIGINT)
    told, complaint = process.communicate(timeout=60)
    assert (told, complaint, process.returncode) == (f"{len(MANY)}\n", "", 0)
