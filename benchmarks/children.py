"""Processes that a benchmark starts, some of them of other code."""

import contextlib
import pathlib
import subprocess

from keras_pairs.fields import Kind

# Without its package Python would quietly take the one that is installed.
CHECKOUT = Kind(
    str,
    lambda path: path is None or (pathlib.Path(path) / "keras_pairs/__init__.py").is_file(),
    "a folder with a checkout of this project",
)


@contextlib.contextmanager
def started(command, **options):
    """Yields a process, which ends with the block at the latest.

    Args:
      command: list of str.
      options: of `subprocess.Popen`.
    """
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.terminate()
