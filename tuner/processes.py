"""A chief and its workers as processes of this machine, and ending them cleanly.

Importable without TensorFlow.
"""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time

from keras_pairs.errors import UserError
from tuner.resources import GOES_ON

SUPERVISED = "KERAS_PAIRS_SUPERVISED"
# keras-tuner's own: where the chief listens, and who this process is.
IP, PORT, ID = "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT", "KERASTUNER_TUNER_ID"
POLL_S = 0.2
# Workers notice by themselves that the chief is gone; the chief ends soon after a worker
# that told it to.
LAST_WAIT_S, CHIEF_WAIT_S = 40, 5
# A process that ends so has said why.
EXPLAINED = 1


def role():
    """What this process is: "chief", "worker", or None outside a distributed search.

    Raises:
      UserError: as `address`.
    """
    if address() is None:
        return None
    return "chief" if "chief" in os.environ[ID] else "worker"


def address():
    """str, "host:port" of the chief; None outside a distributed search.

    Raises:
      UserError: if the environment holds only a part of it, or a port that is none.
    """
    given = [name for name in (IP, PORT, ID) if os.environ.get(name)]
    missing = [name for name in (IP, PORT, ID) if name not in given]
    if not given:
        return None
    if missing:
        raise UserError(
            f"the environment has {' and '.join(given)}, but no "
            f"{' and no '.join(missing)}; set all three for a search over several "
            "machines, and none for any other"
        )
    port = os.environ[PORT]
    # `int` takes more than digits, and gRPC any port for 0.
    if not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 2**16:
        raise UserError(f"the environment has {PORT}={port}; it must be a port, 1 to 65535")
    return f"{os.environ[IP]}:{port}"


@contextlib.contextmanager
def alone():
    """In the block this process is no part of a distributed search."""
    names = [name for name in (IP, PORT, ID) if name in os.environ]
    kept = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(kept)


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
    environment = os.environ | {
        IP: "127.0.0.1",
        PORT: str(free_port()),
        SUPERVISED: "1",
    }
    command = [sys.executable, "-m", "tuner.search", *arguments]
    names = ["chief", *(f"worker{k}" for k in range(workers))]
    processes = {}
    try:
        for name in names:
            processes[name] = subprocess.Popen(
                command,
                env=environment | {ID: name},
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
