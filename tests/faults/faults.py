"""The faults of the table: how each is put upon a process.

A fault is a row of `FAULTS`. Where this system cannot make it, its tests are skipped.
"""

import contextlib
import dataclasses
import functools
import http.server
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

INJECTED = pathlib.Path(__file__).parent / "injected"
# In a shell of its own mount namespace. $0 is the folder, what follows the command; what it
# left is copied out before the file system goes.
SMALL_DISK = """
mkdir "$KEEP"
mount -t tmpfs -o size=SIZE none "$0" && cp -a "$INPUT/." "$0" && cd "$0" || exit 99
FILL
"$@"
code=$?
rm -f filler
cp -a . "$KEEP"
exit $code
"""
FULL = "cat /dev/zero > filler 2>/dev/null"
READ_ONLY = """
mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" || exit 99
exec "$@"
"""


@dataclasses.dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
      script: of a shell that runs "$@" as the command; None: it is run as it is.
      mounts: whether the script mounts, and so needs a namespace of its own.
      environment: dict of variables.
      streams: dict of arguments of `subprocess.Popen` in place of pipes.
      disturb: function of the process, its folder and its `commands.Command`, called while
        it runs.
      serves: bytes that a download gets, and the length that is promised; None: nothing.
      twice: whether the command runs twice at once.
    """

    script: str | None = None
    mounts: bool = False
    environment: dict = dataclasses.field(default_factory=dict)
    streams: dict = dataclasses.field(default_factory=dict)
    disturb: object = None
    serves: tuple | None = None
    twice: bool = False


def injected(name, **options):
    """A fault of `injected/sitecustomize.py`."""
    return Fault(environment={"KERAS_PAIRS_FAULT": name}, **options)


def small_disk(size, fill=""):
    script = SMALL_DISK.replace("SIZE", size).replace("FILL", fill)
    return Fault(script, mounts=True)


def wait_until_begun(process, folder, command, seconds=300):
    """Waits until the work has begun; says whether it has not ended before."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        if command.begun and any(folder.glob(command.begun)):
            return True
        time.sleep(0.02)
    return False


def send(number, after, process, folder, command):
    """Sends a signal some seconds after the work has begun."""
    if wait_until_begun(process, folder, command):
        time.sleep(after)
        process.send_signal(number)


def signalled(name, after=0.5):
    return Fault(disturb=functools.partial(send, getattr(signal, name), after))


def vanish(process, folder, command):
    """Renames the folder in which the command has begun to write."""
    if wait_until_begun(process, folder, command):
        top = pathlib.Path(command.begun).parts[0]
        (folder / top).rename(folder / "elsewhere")


@contextlib.contextmanager
def serving(content, promised):
    """Yields the URL of a server that gives `content`, and may promise more."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(promised))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/mnist.npz"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


PAGE = b"<!DOCTYPE html><title>Log in to this network</title>"
OFFLINE = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
FAULTS = {
    "no fault": Fault(),
    "full from the start": small_disk("2m", FULL),
    **{
        f"full at {size}": small_disk(size)
        for size in ("16k", "64k", "160k", "200k", "600k")
    },
    "read-only folder": Fault(READ_ONLY, mounts=True),
    "folder vanishes": Fault(disturb=vanish),
    **{f"ulimit -f {n}": Fault(f'ulimit -f {n}; exec "$@"') for n in (1, 20)},
    **{f"ulimit -v {n}": Fault(f'ulimit -v {n}; exec "$@"') for n in (400_000, 1_000_000)},
    **{name: signalled(name) for name in ("SIGINT", "SIGTERM", "SIGHUP")},
    "SIGHUP under nohup": Fault(
        'exec nohup "$@"', disturb=functools.partial(send, signal.SIGHUP, 0.5)
    ),
    "stdout closed": Fault('exec "$@" >&-'),
    "stdin and stderr closed": Fault('exec "$@" <&- 2>&-'),
    "stdout full": Fault('exec "$@" >/dev/full'),
    "reader is gone": Fault('"$@" | true; exit ${PIPESTATUS[0]}'),
    "two at once": Fault(twice=True),
    **{
        name: injected(name)
        for name in ("clock back", "clock lost", "no processes")
        + ("no tensorflow", "old tensorflow")
    },
    "no network": Fault(environment=OFFLINE),
    "download cut": injected("download", serves=(b"PK\x03\x04" + bytes(999), 11_490_434)),
    "download is a page": injected("download", serves=(PAGE, len(PAGE))),
}


def arguments(fault, command_line, folder):
    """The command line under a fault."""
    if fault.script is None:
        return command_line
    shell = ["bash", "-c", fault.script, str(folder), *command_line]
    if not fault.mounts:
        return shell
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *own, "--mount", *shell]


@functools.cache
def can_mount():
    """Whether a process may have mounts of its own here."""
    if not shutil.which("unshare"):
        return False
    line = arguments(Fault("mount -t tmpfs none /mnt", mounts=True), [], "/mnt")
    return subprocess.run(line, capture_output=True).returncode == 0
