"""The versions in a folder: what a server sees are the folders with a number for a name."""

import pathlib

from keras_pairs.errors import UserError

# What a version is to a server, and its network in plain Keras.
SAVED_MODEL, NETWORK = "saved_model.pb", "model.keras"
# Digits that fit into a server's 64 bits, whichever they are.
MOST_DIGITS = 18


def numbers(folder):
    """The numbers of the versions in a folder, ascending."""
    names = [path.name for path in pathlib.Path(folder).iterdir() if path.is_dir()]
    # Of "007" there is no version, nor a second one where there is a 7.
    return sorted(int(n) for n in names if is_number(n) and n == str(int(n)))


def newest(path):
    """The version that a path means, without looking into it.

    Args:
      path: Path of a version, or of a folder of versions.

    Returns:
      `pathlib.Path` of a version, of several the newest; None if the path means none.
    """
    if (path / SAVED_MODEL).is_file():
        return path
    found = numbers(path) if path.is_dir() else []
    return path / str(found[-1]) if found else None


def is_number(name):
    """Whether a name is a number as a server reads it."""
    return name.isascii() and name.isdigit() and len(name) <= MOST_DIGITS


def find(path):
    """The version that a path names: itself, or the newest in it.

    Args:
      path: str or Path of a version, or of a folder of versions.

    Returns:
      `pathlib.Path`.

    Raises:
      UserError: if it is neither.
    """
    path = pathlib.Path(path)
    if version := newest(path):
        return version
    if path.suffix == ".keras" or (path / NETWORK).is_file():
        raise UserError(
            f"{path}: a Keras model; python -m keras_pairs.export --model={path} makes a "
            "published one of it"
        )
    if not path.is_dir():
        raise UserError(f"{path}: no such folder (train or export a model first)")
    raise UserError(f"{path}: neither a SavedModel nor a folder of versions")
