"""The table: a command, a fault, and what is to become of it.

Of every row it holds besides: no traceback, no file that is half written, and no result
where the exit status says that there is none.
"""

import dataclasses

FAILED = (1,)
ROOM = "No space left on device"
LIMIT = "File too large"
MEMORY = "not enough memory"


@dataclasses.dataclass(frozen=True)
class Row:
    """What is to become of a command under a fault.

    Attributes:
      command, fault: keys of `commands.COMMANDS` and `faults.FAULTS`.
      codes: tuple of int, the exit statuses that are right.
      says: regular expression of the one sentence that is told where it fails; None where
        nobody is left to tell one.
      arguments: tuple of str, behind the command's own.
      again: whether the same command is to end well without the fault.
      killed: whether temporary files may be left: nobody could remove them.
      whole: whether a status of 0 promises the command's files.
    """

    command: str
    fault: str
    codes: tuple = FAILED
    says: str | None = ""
    arguments: tuple = ()
    again: bool = True
    killed: bool = False
    whole: bool = True

    def __str__(self):
        return f"{self.command}: {self.fault}"


WRITE = ("train", "evaluate", "score", "export", "export keras", "export onnx")
WRITE += ("export litert", "predict --show", "ink", "search", "report")
# A size of disk that is reached in the middle of the work.
MIDDLE = {
    "train": ("16k", "64k", "200k", "600k"),
    "evaluate": ("16k", "64k"),
    "score": ("16k", "64k"),
    "export": ("200k", "600k"),
    "export keras": ("200k",),
    "export onnx": ("160k",),
    "export litert": ("160k",),
    "predict --show": ("16k",),
    "ink": ("16k", "200k"),
    "search": ("16k", "64k"),
}
ASKS = ("predict", "status")
MNIST = ("--dataset=mnist",)
NO_MNIST = "MNIST cannot be downloaded"


def rows():
    """All rows, the cheapest first."""
    # Before TensorFlow is imported.
    yield Row("train", "no network", says=NO_MNIST, arguments=MNIST, again=False)
    for fault in ("download cut", "download is a page"):
        yield Row("train", fault, says=f"{NO_MNIST}: .* gave", arguments=MNIST, again=False)
    for name in (*WRITE[:4], "predict", "serve", "ink", "report"):
        missing = "tensorflow is missing; pip install"
        yield Row(name, "no tensorflow", says=missing, again=name == "export")
        old = "tensorflow 2.10.0 is too old; pip install"
        yield Row(name, "old tensorflow", says=old, again=False)
    for fault in ("no tensorflow", "old tensorflow"):
        yield Row("status", fault, codes=(0,))
    for name in (*ASKS, *WRITE, "serve"):
        yield Row(name, "stdout closed", says="standard output is closed", again=False)
    for name in ASKS:
        yield Row(name, "stdout full", says="standard output: No space", again=False)
        yield Row(name, "reader is gone", codes=(0, 1), says=None, again=False)
        yield Row(name, "stdin and stderr closed", codes=(0,), again=False)
        yield Row(name, "two at once", again=False)
        yield Row(name, "read-only folder", codes=(0,), again=False)
        yield Row(name, "full from the start", codes=(0,), again=False)
        for fault in ("clock back", "clock lost", "no processes"):
            yield Row(name, fault, codes=(0,), again=False)
    for name in WRITE:
        folder = "Read-only file system"
        yield Row(name, "read-only folder", says=folder, again=False)
        yield Row(name, "full from the start", says=ROOM)
        if name != "predict --show":
            yield Row(name, "clock lost", says="the clock says that it is 1970")
    # Where memory ends while others' libraries are loaded, they end the process.
    for name in ("predict", "train"):
        yield Row(name, "ulimit -v 400000", says=MEMORY)
        yield Row(name, "ulimit -v 1000000", codes=(1, -6, -11, 134, 139), says=None)
    for name, sizes in MIDDLE.items():
        for size in sizes:
            yield Row(name, f"full at {size}", says=ROOM)
    yield Row("predict --show", "clock lost", codes=(0,), again=False)
    for name in WRITE:
        # Where the other has ended before, there is nothing left to train.
        second = "another .* is running in|holds a finished training"
        yield Row(name, "two at once", says=second, again=name != "train")
        yield Row(name, "ulimit -f 1", says=LIMIT)
        yield Row(name, "clock back", codes=(0,), again=False)
        yield Row(name, "stdin and stderr closed", codes=(0,), again=False)
    for name in ("train", "export", "ink"):
        yield Row(name, "ulimit -f 20", says=LIMIT)
    for name in ("train", "evaluate", "score", "ink", "search", "report"):
        says = "No such file or directory"
        # Nobody can remove what has moved elsewhere.
        yield Row(name, "folder vanishes", says=says, killed=True)
    for name in ("train", "score", "export", "report", "ink"):
        yield Row(name, "no processes", codes=(0,), again=False)
    for name in ("evaluate", "search"):
        yield Row(name, "no processes", says="no other thread or process can be started")
    for name in ("train", "evaluate", "score", "export", "ink", "search"):
        yield Row(name, "SIGINT", codes=(130,), says="interrupted")
        yield Row(name, "SIGTERM", codes=(143,), says="ended by SIGTERM")
        yield Row(name, "SIGHUP", codes=(129,), says="ended by SIGHUP")
    yield Row("train", "SIGHUP under nohup", codes=(0,), again=False)


ROWS = [*rows()]


def few():
    """One row of each fault, so chosen that the commands take turns."""
    chosen = {}
    for row in ROWS:
        turns = [kept.command for kept in chosen.values()]
        kept = chosen.get(row.fault)
        if kept is None or turns.count(row.command) < turns.count(kept.command) - 1:
            chosen[row.fault] = row
    return [*chosen.values()]
