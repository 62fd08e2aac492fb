"""MNIST's four files in its own format (LeCun et al., 1998), packed by gzip or not.

Like an .npz they may be damaged or hostile.
"""

import gzip
import logging
import math
import os
import re
import struct

import numpy as np

from keras_pairs.data import arrays, foreign_files
from keras_pairs.data.images import KEYS, Images
from keras_pairs.errors import UserError

# train-images-idx3-ubyte.gz, t10k-labels.idx1-ubyte, emnist-digits-test-images-idx3-ubyte
_NAME = re.compile(
    r"(.*?)(train|t10k|test)[-_.](images|labels)[-_.]idx[13][-_.]ubyte(\.gz)?", re.I
)
_USUAL = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
_NOUN = "an IDX file"
_GZIP = b"\x1f\x8b"
# Deflate packs at most 1,032 bytes into one.
_MOST_PACKED = 1100
_PIECE = 2**20


def recognises(path):
    """Whether a path is a folder with files of these names, or a file of this format."""
    if path.is_dir():
        return bool(_sets(path))
    return (foreign_files.kind(foreign_files.head(path)) or "").startswith(_NOUN)


def load(path):
    """Reads and checks the four files.

    Args:
      path: `pathlib.Path` of their folder, or of one of them.

    Returns:
      `Images`, named by what the files' names begin with (emnist-digits), or else by their
      folder.

    Raises:
      UserError: one line that begins with the path and says what is wrong.
    """
    name, paths = _find(path)
    found = {}
    for part in ("train", "test"):
        x, y = (_read(paths[f"{axis}_{part}"], axis) for axis in "xy")
        if len(x) != len(y):
            raise UserError(
                f"{path}: {paths[f'x_{part}'].name} has {len(x):,} images, "
                f"{paths[f'y_{part}'].name} {len(y):,} labels"
            )
        found |= {f"x_{part}": x, f"y_{part}": y}
    notes = []
    if name.lower().startswith("emnist"):
        for key in ("x_train", "x_test"):
            found[key] = np.ascontiguousarray(found[key].swapaxes(1, 2))
        notes.append("rows and columns exchanged, as EMNIST needs it")
    try:
        found, text = arrays.converted(found)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    if notes := notes + [text] * bool(text):
        logger = logging.getLogger(__name__)
        logger.warning("%s: converted: %s", path, "; ".join(notes))
    return Images(name, str(path), **found)


def _find(path):
    """(what the names begin with, {key: Path}) of the four files at a path."""
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    folder, wanted = path, None
    if not path.is_dir():
        folder, match = path.parent, _NAME.fullmatch(path.name)
        if match is None:
            usual = ", ".join(_USUAL.values())
            raise UserError(f"{path}: is not named as MNIST's files are: {usual}")
        wanted = match[1]
    found = _sets(folder)
    if wanted is None and len(found) > 1:
        names = ", ".join(sorted(name.strip("-_.") or "train-images…" for name in found))
        raise UserError(f"{path}: holds several data sets: {names} (give one of the files)")
    prefix, paths = next(iter(found.items()), ("", {}))
    if wanted is not None:
        prefix, paths = wanted, found.get(wanted, {})
    for key in KEYS:
        if key not in paths:
            raise UserError(f"{folder}: holds no {prefix}{_USUAL[key]} (.gz or not)")
    name = prefix.strip("-_.")
    return name or folder.resolve().name, paths


def _sets(folder):
    """{what names begin with: {key: Path}} of the files in a folder."""
    found = {}
    # Of a file that is there packed and unpacked, the latter comes first.
    for path in sorted(folder.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match and path.is_file():
            axis = "x" if match[3].lower() == "images" else "y"
            part = "train" if match[2].lower() == "train" else "test"
            found.setdefault(match[1], {}).setdefault(f"{axis}_{part}", path)
    return found


def _read(path, axis):
    """The array of a file: uint8 [N, 28, 28] of images (axis "x"), or uint8 [N]."""
    with foreign_files.opened(path, _NOUN) as file:
        packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        size = os.fstat(file.fileno()).st_size
        if not packed:
            return _content(file, axis, size)
        with gzip.GzipFile(fileobj=file) as unpacked:
            return _content(unpacked, axis, size * _MOST_PACKED)


def _content(file, axis, most):
    """Reads an array, of a file of at most `most` bytes."""
    start = file.read(foreign_files.HEAD)
    found = foreign_files.kind(start)
    if found != _NOUN:
        raise UserError(f"{found}, not {_NOUN}" if found else f"not {_NOUN}")
    axes = 3 if axis == "x" else 1
    if start[2] != 8 or start[3] != axes:
        what = "28×28 images of bytes" if axis == "x" else "labels of bytes"
        raise UserError(f"does not hold {what} (its magic number is 0x{start[:4].hex()})")
    begin = 4 + 4 * axes
    shape = struct.unpack(f">{axes}I", start[4:begin])
    # Before anything is allocated: a header may claim any size.
    if not 0 < shape[0] <= arrays.MAX_IMAGES:
        text = f"1 to {arrays.MAX_IMAGES:,} images, not {shape[0]:,}"
        raise UserError(f"must have {text}")
    if shape[1:] not in ((), (28, 28)):
        raise UserError(f"must hold images of 28×28 pixels, not {shape[1]}×{shape[2]}")
    if begin + math.prod(shape) > most:
        raise UserError("is shorter than its header says")
    array = np.empty(math.prod(shape), "uint8")
    start = np.frombuffer(start[begin:], "uint8")[: array.size + 1]
    end = len(start)
    if end <= array.size:
        array[:end] = start
        view = memoryview(array)
        while end < array.size:
            count = file.readinto(view[end : end + _PIECE])
            if not count:
                raise UserError("is shorter than its header says")
            end += count
    # Reading on to the end checks gzip's checksum, too.
    if end > array.size or file.read(1):
        raise UserError("is longer than its header says")
    return array.reshape(shape)
