"""A chief and its workers as processes of this machine, and ending them cleanly.

Importable without TensorFlow.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time

from keras_pairs.errors import UserError
from tuner.resources import GOES_ON

SUPERVISED = "KERAS_PAIRS_SUPERVISED"
# keras-tuner's own.
NAME = "KERASTUNER_TUNER_ID"
ADDRESS = ("KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")
BOTH = " and ".join(ADDRESS)
POLL_S = 0.2
# Workers notice by themselves that the chief is gone; the chief ends soon after a worker
# that told it to.
LAST_WAIT_S, CHIEF_WAIT_S = 40, 5
# A process that ends so has said why.
EXPLAINED = 1


def role():
    """What this process is: "chief", "worker", or None outside a distributed search.

    keras-tuner's own environment variables say so.

    Raises:
      UserError: if some of them are missing, or the port is none.
    """
    if not any(os.environ.get(name) for name in (NAME, *ADDRESS)):
        return None
    for name in (NAME, *ADDRESS):
        if not os.environ.get(name):
            raise UserError(f"{name} is not set: chief and workers need {NAME}, {BOTH}")
    port = os.environ[ADDRESS[1]]
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
        raise UserError(f"{ADDRESS[1]} must be a port, 1 to 65535. Received: {port}")
    return "chief" if "chief" in os.environ[NAME] else "worker"


def address():
    """The chief's address, as "10.0.0.1:8000"; of a process that has a `role`."""
    return ":".join(os.environ[name] for name in ADDRESS)


def supervised():
    """Whether `supervise` started this process."""
    return SUPERVISED in os.environ


def supervise(arguments, workers):
    """Runs `python -m tuner.search` as a chief and as `workers` workers until it has ended.

    Args:
      arguments: list of str, the command line of each.
      workers: int >= 1.

    Raises:
      UserError: if the chief, or every worker, ended before the search did.
      SystemExit: if the chief ended so and has said why.
    """
    here = dict(zip(ADDRESS, ("127.0.0.1", str(free_port())), strict=True))
    environment = os.environ | here | {SUPERVISED: "1"}
    command = [sys.executable, "-m", "tuner.search", *arguments]
    names = ["chief", *(f"worker{k}" for k in range(workers))]
    processes = {}
    try:
        for name in names:
            processes[name] = subprocess.Popen(
                command,
                env=environment | {NAME: name},
                stdin=subprocess.PIPE,
                # Ctrl-C is for this process; the others end with it.
                start_new_session=True,
            )
        _wait(processes)
    finally:
        # Workers first, as they would say that the chief does not answer.
        for process in reversed(processes.values()):
            process.kill()
        for process in processes.values():
            process.wait()


def _wait(processes):
    chief = processes["chief"]
    workers = {name: p for name, p in processes.items() if p is not chief}
    while chief.poll() is None:
        for name, process in list(workers.items()):
            if process.poll():
                del workers[name]
                if process.returncode != EXPLAINED:
                    print(f"{name} ended ({_how(process)})", file=sys.stderr, flush=True)
        if all(process.poll() for process in processes.values() if process is not chief):
            with contextlib.suppress(subprocess.TimeoutExpired):
                chief.wait(CHIEF_WAIT_S)
                break
            raise UserError(f"every worker ended; {GOES_ON}")
        time.sleep(POLL_S)
    if chief.returncode == 0:
        return
    if chief.returncode == EXPLAINED:
        sys.exit(EXPLAINED)
    end = time.monotonic() + LAST_WAIT_S
    for process in workers.values():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0, end - time.monotonic()))
    raise UserError(f"the chief ended ({_how(chief)}); {GOES_ON}")


def _how(process):
    code = process.returncode
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def free_port():
    """A port of this machine on which nobody listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end_with_parent():
    """In a process that `supervise` started: ends it when its supervisor is gone."""
    if not supervised():
        return

    def watch():
        # Not through sys.stdin, whose lock would be in the way of an orderly end.
        os.read(0, 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
