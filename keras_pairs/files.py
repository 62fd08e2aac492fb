"""Files that are whole or absent, run folders, and where a result came from."""

import contextlib
import csv
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile
import time

from keras_pairs import __version__, machine
from keras_pairs.errors import UserError

# What a file is called until it is whole.
TEMPORARY = ".tmp-"
# What a training and an evaluation write into their folder before they begin.
RECORD = "config.json"
# What reading a record raises where the file is gone, or holds something else.
DAMAGED = (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError)
DAMAGED += (AttributeError, IndexError, ArithmeticError)
# The same, and of what is there but cannot be read.
UNREADABLE = (OSError, *DAMAGED)
PACKAGES = ("keras", "tensorflow", "numpy", "keras-tuner", "scikit-learn")
# Paths of this process's own that are not whole.
_unfinished = set()


@contextlib.contextmanager
def atomic_write(path):
    """Yields a temporary sibling of `path` to write; renames it when the block ends.

    A reader sees the old file or the new one, never a part; a block that raises leaves
    the old one.

    Args:
      path: str or Path; its suffix is kept, as libraries choose formats by suffix.

    Raises:
      OSError: if the folder cannot be written or the disk is full; it names `path`.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    try:
        with unfinished(temporary):
            yield temporary
            # Windows flushes only what is open for writing.
            with open(temporary, "r+b") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
    except OSError as error:
        # A full disk names no file, and nobody asked for the temporary one.
        if error.errno and error.filename in (None, str(temporary)):
            error.filename = str(path)
        raise


@contextlib.contextmanager
def unfinished(path):
    """In the block `path`, a file or a folder, is not whole; after it, it is not there.

    Args:
      path: Path.
    """
    _unfinished.add(path)
    try:
        yield path
    finally:
        remove(path)
        _unfinished.discard(path)


@contextlib.contextmanager
def temporary_folder():
    """Yields the Path of a new folder, which is removed after the block."""
    with unfinished(pathlib.Path(tempfile.mkdtemp())) as folder:
        yield folder


def remove_unfinished():
    """Removes what is `unfinished`, for who ends this process at once.

    A signal may come while a block tidies up; then nobody else would.
    """
    for path in list(_unfinished):
        with contextlib.suppress(OSError):
            remove(path)


def remove(path):
    """Removes a file, or a folder with all in it; what is not there is no error."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_text(path, text):
    r"""Writes `text` as UTF-8, atomically; bytes of a path that are none become \udcff."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path, value):
    """Writes `value` as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path):
    """Reads a JSON file.

    Raises:
      OSError, ValueError: if it cannot be read or is not JSON.
    """
    return from_json(pathlib.Path(path).read_text(encoding="utf-8"))


def read_origin(path):
    """A record as results tell of it: without `source`, which is for who goes on.

    Raises:
      OSError, ValueError: as `read_json`.
    """
    found = read_json(path)
    found.pop("source", None)
    return found


def from_json(text):
    """The value of a JSON text, a str or bytes; ValueError if it is none."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def write_csv(path, rows):
    """Writes a list of dicts with the same keys as CSV with a header, as `write_text`."""
    with (
        atomic_write(path) as temporary,
        open(
            temporary, "w", newline="", encoding="utf-8", errors="backslashreplace"
        ) as file,
    ):
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def check_clock():
    """Refuses a clock that has lost the time: no zip archive can hold years before 1980.

    Raises:
      UserError: before hours of work, not after them.
    """
    year = time.localtime().tm_year
    if year < 1980:
        raise UserError(f"the clock says that it is {year}; set it")


def make_run_dir(path, kind):
    """Makes the folder of a run, and makes sure it can be written.

    Args:
      path: str, Path or None: `runs/<kind>-<date>-<time>` below the current folder.
      kind: str, the command.

    Returns:
      `pathlib.Path`.

    Raises:
      OSError: if it cannot be made or written.
      UserError: as `check_clock`.
    """
    check_clock()
    if path is None:
        stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        path = pathlib.Path("runs") / f"{kind}-{stamp}"
        path.parent.mkdir(exist_ok=True)
        number = 1
        while not _made(path):
            number += 1
            path = path.with_name(f"{kind}-{stamp}-{number}")
    path = pathlib.Path(path)
    path.mkdir(parents=True, exist_ok=True)
    probe = path / f"{TEMPORARY}{os.getpid()}-writable"
    probe.touch()
    # In two containers two processes have one number.
    probe.unlink(missing_ok=True)
    return path


def check_regular(path):
    """Refuses what is no file; what is not there is for `open` to tell.

    Args:
      path: Path.

    Raises:
      UserError: if it is a folder, a pipe or a device, of which reading might never end.
    """
    if path.exists() and not path.is_file():
        raise UserError("a folder" if path.is_dir() else "not a file")


@contextlib.contextmanager
def npz(path):
    """Yields the arrays of an .npz file, as `np.load` gives them.

    Raises:
      OSError: if it cannot be opened; of a damaged one zipfile and numpy raise a dozen
        types, here and where an array is read.
    """
    import numpy as np

    # numpy leaves a file open that is no archive.
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
        yield arrays


def check_unused(run_dir, what, own=(), flag="--run_dir"):
    """Refuses a folder in which something lies; writes nothing.

    Args:
      run_dir: Path of an existing folder.
      what: str, what will be there, for the message: "training", "search".
      own: what names begin with that are none the less allowed, besides a lock's and those
        of `TEMPORARY`: others who start at the same time may be trying to write.
      flag: str, with which another folder can be given.

    Raises:
      UserError: if it holds something.
    """
    own = ("lock", TEMPORARY, *own)
    if not all(path.name.startswith(own) for path in run_dir.iterdir()):
        article = "an" if what.startswith("e") else "a"
        raise UserError(
            f"{run_dir} holds something else than {article} {what}; use a new {flag}"
        )


def _made(path):
    """Makes a folder: whether it is new. Of two processes one makes it."""
    try:
        path.mkdir()
    except FileExistsError:
        return False
    return True


def provenance():
    """Versions, git commit and machine behind a result, as a dict for JSON."""
    versions = {"keras_pairs": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    cores = machine.cores()
    cores = "1 core" if cores == 1 else f"{cores} cores"
    known = [f"{platform.system()} {platform.machine()}", cores]
    return {
        "versions": versions,
        "commit": _commit(),
        "machine": ", ".join([*known, *filter(None, [machine.processor()])]),
    }


def _commit():
    def git(*arguments):
        return subprocess.run(
            ["git", *arguments],
            cwd=pathlib.Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    try:
        # An installed copy may lie inside somebody else's repository.
        git("ls-files", "--error-unmatch", "files.py")
        dirty = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("-dirty" if dirty else "")
    except (OSError, subprocess.CalledProcessError):
        return None
