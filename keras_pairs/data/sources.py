"""Where labelled images come from: a row for each source. Importable without TensorFlow."""

import dataclasses
import logging
import os
import pathlib
from collections.abc import Callable

import numpy as np

from keras_pairs.data import embedded, folders, idx_files, mnist, npz_files
from keras_pairs.data.images import Images
from keras_pairs.errors import UsageError, UserError
from keras_pairs.outputs import CLASSES


@dataclasses.dataclass(frozen=True)
class Source:
    """A source of images, by the name that `--dataset` has for it.

    Attributes:
      about: str, what it is, for `--help` and docs/data.md.
      load: function of a `pathlib.Path` or None, and of whether to show progress, to
        `Images`.
      path: str, an example of its --data_path; empty of a source that takes none.
      needs_path: bool, whether it is nothing without a path.
      recognises: function of a `pathlib.Path`, of which nothing need be there, whether it
        is of this source; "auto" takes the first row that says yes.
    """

    about: str
    load: Callable
    path: str = ""
    needs_path: bool = False
    recognises: Callable = lambda path: False


def load_images(
    dataset: str = "auto",
    data_path: str | os.PathLike | None = None,
    verbose: bool = True,
) -> Images:
    """The images behind `--dataset` and `--data_path`.

        images = load_images("digits")
        images.x_train.shape    # (1297, 28, 28)

    Args:
      dataset: a name that `--dataset` takes. "auto" is what lies at `data_path`, whichever
        it is; without it "mnist" if it can be had, else "digits" with a warning.
      data_path: None, or the path of an .npz, of IDX files, or of a folder of pictures.
      verbose: whether to show progress while pictures are prepared, which is done once.

    Returns:
      `Images`.

    Raises:
      UsageError: a `UserError`, if a path is given to a source that takes none, or none to
        one that needs it.
      UserError: if a file is missing or bad, or MNIST cannot be had.
    """
    check_source(dataset, data_path)
    source = SOURCES[dataset]
    if data_path is None:
        return source.load(None, verbose)
    try:
        images = source.load(pathlib.Path(data_path), verbose)
    except OSError as error:
        where = error.filename or data_path
        raise UserError(f"{where}: {error.strerror or error}") from error
    _warn_of_missing_digits(images)
    return images


def check_source(dataset: str, data_path: str | os.PathLike | None) -> None:
    """Refuses what names no source, before anything is read.

    Raises:
      UsageError: a `UserError`, if a path is given to a source that takes none, or none to
        one that needs it.
      UserError: if there is no such source, or the path is none.
    """
    if dataset not in [*SOURCES]:
        names = ", ".join(SOURCES)
        raise UserError(f"dataset must be one of {names}. Received: dataset={dataset!r}")
    if not isinstance(data_path, (str, os.PathLike, type(None))):
        raise UserError(f"data_path must be a path. Received: data_path={data_path!r}")
    source = SOURCES[dataset]
    if data_path is None and source.needs_path:
        raise UsageError(f"--dataset={dataset} needs --data_path, as {source.path}")
    if data_path is not None and not source.path:
        names = ", ".join(name for name, source in SOURCES.items() if source.path)
        raise UsageError(f"--data_path goes with --dataset={names}, not with {dataset}")


def again(dataset: str, data_path: str | None, images: Images) -> dict:
    """What `load_images` finds the same images with, from whatever folder.

    Args:
      dataset, data_path: what `load_images` found them with.
      images: `Images`.

    Returns:
      dict of `dataset` and `data_path`, the latter absolute.
    """
    if data_path is not None:
        return {"dataset": dataset, "data_path": os.path.abspath(data_path)}
    return {"dataset": found_by(dataset, images.name), "data_path": None}


def found_by(dataset: str, name: str) -> str:
    """The `dataset` that finds images without a path again, on any machine.

    Args:
      dataset: what they were found with.
      name: `Images.name`.
    """
    # What "auto" once found shall not be another source's when the network is there. Images
    # from elsewhere may be called anything.
    named = SOURCES.get(name)
    return name if named is not None and not named.needs_path else dataset


def _warn_of_missing_digits(images):
    counts = np.bincount(images.y_train, minlength=CLASSES)
    missing = ", ".join(str(digit) for digit in range(CLASSES) if not counts[digit])
    # Of a single digit there is more to say: `check_enough` does.
    if missing and np.count_nonzero(counts) > 1:
        logging.getLogger(__name__).warning(
            "%s: no training images of %s, which no network can learn from it",
            images.source,
            missing,
        )


def _auto(path, verbose):
    if path is not None:
        # The last row takes whatever is left, and says what it is not.
        rows = (row for row in SOURCES.values() if row.recognises(path))
        return next(rows).load(path, verbose)
    try:
        return mnist.load()
    except UserError as error:
        logging.getLogger(__name__).warning(
            "using the 1,797 digits inside scikit-learn, not MNIST (%s)",
            error,
        )
        return embedded.load()


def _mnist(path, verbose):
    return mnist.load() if path is None else _auto(path, verbose)


SOURCES = {
    "auto": Source(
        "the default: what is at --data_path, else MNIST if it can be had, else digits",
        _auto,
        "mine.npz",
    ),
    "mnist": Source(
        "MNIST from Keras' cache, or downloaded into it; with --data_path what is there",
        _mnist,
        "mnist.npz",
    ),
    "digits": Source(
        "the 1,797 digits inside scikit-learn", lambda path, verbose: embedded.load()
    ),
    "idx": Source(
        "MNIST's four IDX files, packed by gzip or not",
        lambda path, verbose: idx_files.load(path),
        "MNIST/raw/",
        needs_path=True,
        recognises=idx_files.recognises,
    ),
    "folder": Source(
        "pictures in folders named 0 to 9",
        folders.load,
        "drawings/",
        needs_path=True,
        recognises=pathlib.Path.is_dir,
    ),
    "npz": Source(
        "an .npz file of arrays",
        lambda path, verbose: npz_files.load(path),
        "mine.npz",
        needs_path=True,
        recognises=lambda path: True,
    ),
}
