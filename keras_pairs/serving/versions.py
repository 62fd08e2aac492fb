"""The versions in a folder: what a server sees are the folders with a number for a name."""

import pathlib


def numbers(folder):
    """The numbers of the versions in a folder, ascending."""
    names = [path.name for path in pathlib.Path(folder).iterdir() if path.is_dir()]
    found = (int(name) for name in names if is_number(name))
    return sorted(number for number in found if str(number) in names)


def newest(path):
    """The version that a path means, without looking into it.

    Args:
      path: Path of a version, or of a folder of versions.

    Returns:
      `pathlib.Path` of a version, of several the newest; None if the path means none.
    """
    if (path / "saved_model.pb").is_file():
        return path
    found = numbers(path) if path.is_dir() else []
    return path / str(found[-1]) if found else None


def is_number(name):
    """Whether a name is a number as a server reads it."""
    return name.isascii() and name.isdigit()
