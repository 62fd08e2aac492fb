"""What values a field of a training may have, and how they are written.

Importable without TensorFlow.
"""

import dataclasses
import math
import numbers
import os
import pathlib
import sys
from collections.abc import Callable

# What counts something is a 32-bit number somewhere below.
LARGEST = 2**31 - 1
# A seed is counted on from, and every reader of JSON holds so many exactly.
LARGEST_SEED = 2**53 - 1


@dataclasses.dataclass(frozen=True)
class Kind:
    """The values of a field.

    Attributes:
      parse: function of a str to a value; raises ValueError for other text.
      right: function of a value, whether it is legal.
      rule: str, what a legal value is, as in "must be at least 1".
      text: str, what the text has to be where that is more, as in "must be an integer".
      choices: tuple of str, the legal values where they can be listed.
      shown: str, what `--help` says of values that cannot be listed.
      boolean: whether a flag's name alone says true, and with "no" before it false.
    """

    parse: Callable
    right: Callable
    rule: str
    text: str = ""
    choices: tuple = ()
    shown: str = ""
    boolean: bool = False

    def read(self, text):
        """The value that a text stands for.

        Raises:
          ValueError: with the rule, if it stands for none.
        """
        try:
            value = self.parse(text)
        except ValueError:
            raise ValueError(f"must be {self.text or self.rule}") from None
        if not self.right(value):
            raise ValueError(f"must be {self.rule}")
        return value


def integer(lower, upper=LARGEST):
    """An int of at least `lower` and at most `upper`."""
    ends = {LARGEST: ", less than 2**31", LARGEST_SEED: ", less than 2**53"}
    rule = f"at least {lower}{ends[upper]}" if upper in ends else f"{lower} to {upper}"

    def right(value):
        return _is(value, numbers.Integral) and lower <= value <= upper

    shown = f"at least {lower}" if upper in ends else rule
    return Kind(int, right, rule, f"an integer, {rule}", shown=f"integer, {shown}")


def number(lower, strict=False, below=math.inf):
    """A float of at least `lower` (more than it where `strict`) and less than `below`."""
    upper = "finite" if below == math.inf else f"less than {below:g}"
    above = f"at least {lower:g}"
    if strict:
        above = f"more than {lower:g}" if lower else "positive"
    rule = f"{above} and {upper}"

    def right(value):
        above = _is(value, numbers.Real) and (lower < value if strict else lower <= value)
        # An int may be more than any float.
        fits = not isinstance(value, numbers.Integral) or value <= sys.float_info.max
        return above and fits and value < below

    shown = rule.removesuffix(" and finite")
    return Kind(float, right, rule, f"a number, {rule}", shown=f"number, {shown}")


def _is(value, kind):
    # A bool is an int, but nobody means one by it.
    return isinstance(value, kind) and not isinstance(value, bool)


def choice(*names):
    """One of some names."""
    rule = f"one of {', '.join(names)}"
    return Kind(str, lambda value: value in names, rule, choices=names)


def yes_no():
    """A bool, written true or false."""
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

    def parse(text):
        return words.get(text.lower(), text)

    rule = "true or false"
    return Kind(parse, lambda value: isinstance(value, bool), rule, boolean=True)


def text():
    """A str that is not empty."""
    return Kind(str, lambda value: isinstance(value, str) and value != "", "a text")


def file():
    """A path; as text, that of an existing file. A record's file may be gone by now."""
    return _path(lambda path: path.is_file(), "an existing file")


def new_file(suffix=""):
    """The path of a file, existing or new, in an existing folder, or None.

    Args:
      suffix: str, what its name must end in.
    """

    def right(value):
        if value is None:
            return True
        path = pathlib.Path(value)
        free = path.is_file() or not path.is_dir()
        return value.endswith(suffix) and free and path.absolute().parent.is_dir()

    kind = f"a {suffix} file" if suffix else "a file"
    return Kind(str, right, f"{kind}, existing or new, in an existing folder")


def existing():
    """A path; as text, that of an existing file or folder."""
    return _path(lambda path: path.exists(), "an existing file or folder")


def _path(exists, text):
    def parse(value):
        if not exists(pathlib.Path(value)):
            raise ValueError(value)
        return value

    def right(value):
        path = os.fspath(value) if isinstance(value, os.PathLike) else value
        return path is None or (isinstance(path, str) and path != "")

    return Kind(parse, right, "a path", text)


def folder():
    """The path of a folder, existing or new, or None."""

    def right(value):
        if value is None:
            return True
        try:
            os.fsencode(value)
        except UnicodeEncodeError:
            return False
        path = pathlib.Path(value).absolute()
        above = (path, *path.parents)
        named = value != "" and "\0" not in value
        return named and not any(p.exists() and not p.is_dir() for p in above)

    return Kind(str, right, "a folder, existing or new")


def plain(value):
    """A field's value as JSON holds it: numpy's numbers and paths become Python's own."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return float(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def option(
    kind,
    help,
    default=dataclasses.MISSING,
    *,
    network=False,
    per_member=False,
    beyond_paper=False,
    data=False,
    grid=None,
):
    """A field of `config.TrainingConfig`: all that is known of it, in one place.

    Args:
      kind: `Kind`.
      help: str, for people.
      default: its value where nothing is said; without it the field must be given.
      network: whether the network's weights and graph depend on it.
      per_member: whether the members of a population may differ in it.
      beyond_paper: whether any other value than the default departs from the paper.
      data: whether it says where the images come from.
      grid: tuple, its values in the search of section II.C.
    """
    metadata = {
        "kind": kind,
        "help": help,
        "network": network,
        "per_member": per_member,
        "beyond_paper": beyond_paper,
        "data": data,
        "grid": grid,
    }
    return dataclasses.field(default=default, metadata=metadata)
