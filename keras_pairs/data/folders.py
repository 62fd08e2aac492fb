"""A folder of pictures, in folders named by their digits."""

import hashlib
import logging
import os
import pathlib
from typing import NamedTuple

import numpy as np

from keras_pairs import files
from keras_pairs.data import preparation
from keras_pairs.data.images import PARTS, Images
from keras_pairs.data.preparation import File
from keras_pairs.errors import UserError
from keras_pairs.outputs import CLASSES
from keras_pairs.paper import NUM_PAIRS

# Of each digit's pictures one in so many is for testing, where the folder does not say.
TEST_SHARE = 5
SHOWN = 10
_DIGITS = tuple(map(str, range(CLASSES)))


class Labelled(NamedTuple):
    """A file, its digit, and its part: "train", "test", or None where none is said."""

    file: File
    digit: int
    part: str | None


def load(path, verbose=True):
    """Reads `<digit>/*` of any picture format, with `train/` and `test/` above or without.

    Each picture becomes what the served model makes of it; see `preparation`. Without
    `train/` and `test/` a fifth of each digit's pictures is the test part, those whose
    names have the lowest digests: the same ones in whatever order the files are listed,
    and whatever becomes of other digits' files.

    Files that cannot be used are a warning.

    Args:
      path: `pathlib.Path` of a folder.
      verbose: whether to show progress.

    Returns:
      `Images`, named by the folder. They may be reused where there are too few for the
      paper's number of pairs.

    Raises:
      UserError: one line that begins with the path: there are no such folders, or no
        picture in them can be used.
    """
    folder = path.resolve()
    labelled = scan(path)
    results = preparation.prepare(folder, [each.file for each in labelled], verbose)
    refused = {
        each.file.name: result
        for each, result in zip(labelled, results, strict=True)
        if isinstance(result, str)
    }
    if len(refused) == len(labelled):
        name, reason = next(iter(refused.items()))
        first = _printable(f"{name}: {reason}")
        raise UserError(f"{path}: none of {len(refused):,} files can be used; {first}")
    _report(path, folder, refused, len(labelled))
    usable = [each.file.name not in refused for each in labelled]
    labelled = [each for each, can in zip(labelled, usable, strict=True) if can]
    x = np.stack([image for image, can in zip(results, usable, strict=True) if can])
    y = np.array([each.digit for each in labelled], "uint8")
    tests = _tests(labelled)
    test = np.array([each.file.name in tests for each in labelled])
    arrays = {"x_train": x[~test], "y_train": y[~test], "x_test": x[test]}
    arrays["y_test"] = y[test]
    few = len(arrays["x_train"]) < 4 * NUM_PAIRS or len(arrays["x_test"]) < 2 * NUM_PAIRS
    named = folder.parent if folder.name.lower() in PARTS else folder
    return Images(named.name, str(path), **arrays, reuse=few)


def scan(path):
    """The files of a data set, whatever they hold, in the order of their names.

    Args:
      path: `pathlib.Path` of its folder.

    Returns:
      list of `Labelled`; hidden files are left out.

    Raises:
      UserError: if there are no such folders, or not both parts.
    """
    if not path.is_dir():
        raise UserError(f"{path}: {'not a folder' if path.exists() else 'no such folder'}")
    try:
        parts = [each for each in _folders(path) if each.name.lower() in PARTS]
        tops = [(PARTS[each.name.lower()], each) for each in parts] or [(None, path)]
        found = []
        for part, top in tops:
            for folder in _folders(top):
                if folder.name in _DIGITS:
                    digit = int(folder.name)
                    found += [Labelled(file, digit, part) for file in _files(path, folder)]
        here = [folder.name for folder in _folders(path) if folder.name in _DIGITS]
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from error
    said = {each.part for each in found}
    if parts and (here or said == {"train"} or said == {"test"}):
        holds = ", ".join(sorted([f"{each.name}/" for each in parts] + here))
        raise UserError(
            f"{path}: pictures have to lie in train/ and test/, in both, or in neither; "
            f"it holds {holds}"
        )
    if not found:
        raise UserError(
            f"{path}: no pictures in folders named 0 to 9, nor in such below train/ and "
            "test/"
        )
    return sorted(found)


def _folders(path):
    return sorted(each for each in path.iterdir() if each.is_dir())


def _files(top, folder):
    """The `File`s below a folder, at any depth, by their names below `top`."""

    def stop(error):
        raise error

    for place, folders, names in os.walk(folder, onerror=stop):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.startswith("."):
                continue
            path = pathlib.Path(place, name)
            try:
                found = path.stat()
                size, time = found.st_size, found.st_mtime_ns
            except OSError:
                # A link to nothing; the preparation says so.
                size, time = -1, 0
            yield File(path.relative_to(top).as_posix(), size, time)


def _tests(labelled):
    """Names of the test part: those that the folder says, or else a draw of each digit."""
    if labelled[0].part is not None:
        return {each.file.name for each in labelled if each.part == "test"}
    tests = set()
    for digit in range(CLASSES):
        names = [each.file.name for each in labelled if each.digit == digit]
        names.sort(key=_digest)
        tests.update(names[: round(len(names) / TEST_SHARE)])
    return tests


def _digest(name):
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()


def _report(path, folder, refused, total):
    """Warns of the files that cannot be used; of many, a text file has all."""
    listing = preparation.cache_path(folder).with_suffix(".refused.txt")
    lines = [_printable(f"{name}: {reason}") for name, reason in refused.items()]
    text = f"{path}: {len(lines):,} of {total:,} files cannot be used:"
    shown = [f"\n  {line}" for line in lines[:SHOWN]]
    try:
        listing.unlink(missing_ok=True)
        if len(lines) > SHOWN:
            files.write_text(listing, "".join(f"{line}\n" for line in lines))
            shown.append(f"\n  … all of them in {listing}")
    except OSError:
        if len(lines) > SHOWN:
            shown.append(f"\n  … and {len(lines) - SHOWN:,} more")
    if lines:
        logging.getLogger(__name__).warning("%s%s", text, "".join(shown))


def _printable(text):
    """A file's name may hold anything: line ends, or bytes that are no text."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )
