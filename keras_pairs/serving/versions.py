"""The versions in a folder, as a server sees them."""

import pathlib


def versions(export_dir):
    """The numbers of the versions in a folder, as a server sees them, ascending."""
    names = [path.name for path in pathlib.Path(export_dir).iterdir() if path.is_dir()]
    numbers = (int(name) for name in names if is_number(name))
    return sorted(number for number in numbers if str(number) in names)


def is_number(name):
    return name.isascii() and name.isdigit()
