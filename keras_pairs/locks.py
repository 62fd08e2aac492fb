"""Locks between processes, which end with their process however that ends."""

import contextlib
import warnings

import filelock

from keras_pairs.errors import UserError


@contextlib.contextmanager
def hold(path, wait=True):
    """Holds a lock.

    Args:
      path: str or Path, its file, made where absent.
      wait: whether to wait while another process holds it.

    Raises:
      filelock.Timeout: if another process holds it and `wait` is False.
      UserError: if there are no such locks here.
      OSError: if the file cannot be opened.
    """
    refusal = f"{path}: this system or its file system has no file locks"
    # filelock's stand-in for a lock is a file, which would outlive a killed process.
    if filelock.FileLock is filelock.SoftFileLock:
        raise UserError(refusal)
    lock = filelock.FileLock(path)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "flock not supported")
            lock.acquire(timeout=-1 if wait else 0)
    except (NotImplementedError, UserWarning) as error:
        raise UserError(refusal) from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def only_one(run_dir, what):
    """Holds a run folder for one process; the system frees it when the process is gone.

    Args:
      run_dir: Path of an existing folder.
      what: str, "training", "evaluation" or "search".

    Raises:
      UserError: if another process holds it, or as of `hold`.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(hold(run_dir / "lock", wait=False))
        except filelock.Timeout:
            raise UserError(f"another {what} is running in {run_dir}") from None
        yield
