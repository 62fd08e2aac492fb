"""MNIST's arrays from an .npz that may be damaged, hostile or no .npz at all."""

import codecs
import io
import math
import re
import warnings
import zipfile
import zlib

import numpy as np

from keras_pairs.data import pixels
from keras_pairs.errors import UserError

KEYS = ("x_train", "y_train", "x_test", "y_test")
# In each part; EMNIST has 280,000 digits. A zip file may unpack to 1,000 times its size.
MAX_IMAGES = 10**6
# Characters; numpy writes 118 of the arrays that are wanted here.
MAX_HEADER = 1000
# Bytes, with room for such a header.
HEAD = 4096
# Three quarters of white: paper is lighter, even in poor scans. A median border above it is
# not ink, which digits have inside, nor noise, of which a quarter is above it.
LIGHT = 191

_STARTS = (
    (rb"\x93NUMPY", "a single array (.npy)"),
    (rb"\x89PNG\r\n", "a PNG picture"),
    (rb"\xff\xd8\xff", "a JPEG picture"),
    (rb"GIF8", "a GIF picture"),
    (rb"%PDF-", "a PDF"),
    (rb"\x89HDF\r\n", "an HDF5 file"),
    (rb"\x00\x00[\x08\x09\x0b-\x0e][\x01-\x04]", "an IDX file"),
    (rb"\x80[\x02-\x05]", "a Python pickle (pickled content is not read)"),
)
_WEB_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*(<!doctype html|<html|<[^>]*>\s*<html)", re.I)


def read(path):
    """Reads and checks an .npz with MNIST's keys. Pickled content is never executed.

    Args:
      path: `pathlib.Path`.

    Returns:
      dict of arrays by `KEYS`: x uint8 [N, 28, 28], y uint8 [N] of 0…9.

    Raises:
      UserError: one line that begins with the path and says what is wrong.
    """
    try:
        # Reading a pipe or a device might never end.
        if path.exists() and not path.is_file():
            raise UserError("a folder" if path.is_dir() else "not a file")
        file = open(path, "rb")
    except UserError as error:
        raise UserError(f"{path}: {error}, not an .npz archive") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        with file, warnings.catch_warnings():
            # numpy's of headers that others wrote; they say nothing about the arrays.
            warnings.simplefilter("ignore")
            return _read(file)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except MemoryError as error:
        raise UserError(f"{path}: too large for this machine's memory") from error
    except Exception as error:
        # Of a damaged file zipfile, the decompressors and numpy raise a dozen types.
        raise UserError(f"{path}: a damaged .npz archive") from error


def kind(head):
    """What a file is.

    Args:
      head: bytes, the first `HEAD` of the file, or all.

    Returns:
      str, a noun with its article; None for a zip archive and where it is not known.
    """
    if not head:
        return "an empty file"
    if head.startswith(b"\x1f\x8b"):
        return "an IDX file in gzip" if _idx_inside(head) else "a gzip file"
    for start, noun in _STARTS:
        if re.match(start, head):
            return noun
    if _WEB_PAGE.match(head):
        return "an HTML page (a download that failed leaves one)"
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return None
    if re.search(r"[^\s\x20-\x7e\x80-\U0010ffff]", text):
        return None
    lines = text.splitlines()[:2]
    for separator in ",;\t":
        counts = {line.count(separator) for line in lines}
        if len(lines) == 2 and len(counts) == 1 and counts != {0}:
            return "a CSV file"
    return "a text file"


def _idx_inside(head):
    try:
        return kind(zlib.decompressobj(31).decompress(head, 16)) == "an IDX file"
    except zlib.error:
        return False


def _read(file):
    head = file.read(HEAD)
    if not head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        found = kind(head)
        raise UserError(f"{found}, not an .npz archive" if found else "not an .npz archive")
    with zipfile.ZipFile(file) as archive:
        members = {key: _member(archive, key) for key in KEYS}
        # Before any array is unpacked: a header may claim any size.
        headers = {key: _header(archive, key, members[key]) for key in KEYS}
        for part in ("train", "test"):
            _check_headers(part, *(headers[f"{axis}_{part}"] for axis in "xy"))
        for key, (shape, dtype, start) in headers.items():
            if members[key].file_size != start + math.prod(shape) * dtype.itemsize:
                raise UserError(f"{key} is shorter or longer than its header says")
        arrays = {}
        for key, member in members.items():
            with archive.open(member) as packed:
                arrays[key] = np.lib.format.read_array(
                    packed, allow_pickle=False, max_header_size=MAX_HEADER
                )
    for part in ("train", "test"):
        _check_pixels(f"x_{part}", arrays[f"x_{part}"])
        arrays[f"y_{part}"] = _labels(f"y_{part}", arrays[f"y_{part}"])
    return arrays


def _member(archive, key):
    names = archive.namelist()
    for name in (f"{key}.npy", key):
        if name in names:
            return archive.getinfo(name)
    raise UserError(f"has no array named {key}")


def _header(archive, key, member):
    """(shape, dtype, where the data begin) of an array; no more than this is unpacked."""
    if member.flag_bits & 1:
        raise UserError("an encrypted archive")
    try:
        with archive.open(member) as packed:
            start = io.BytesIO(packed.read(HEAD))
    except (NotImplementedError, RuntimeError) as error:
        raise UserError(f"{key} is packed in a way that Python cannot unpack") from error
    try:
        version = np.lib.format.read_magic(start)
    except ValueError as error:
        raise UserError(f"{key} is not an array (.npy)") from error
    # Versions 2 and 3 differ in the names of fields, which no array here has.
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read_header(start, max_header_size=MAX_HEADER)
    if dtype.hasobject:
        raise UserError(f"{key} holds Python objects (pickled content is not read)")
    return shape, dtype, start.tell()


def _check_headers(part, x, y):
    (shape, dtype, _), (y_shape, y_dtype, _) = x, y
    if dtype != np.uint8 or len(shape) != 3 or shape[1:] != (28, 28):
        raise UserError(f"x_{part} must be uint8 [N, 28, 28], not {dtype} {list(shape)}")
    if not 0 < shape[0] <= MAX_IMAGES:
        raise UserError(f"x_{part} must have 1 to {MAX_IMAGES:,} images, not {shape[0]:,}")
    if y_dtype.kind not in "iu" or y_shape != shape[:1]:
        raise UserError(
            f"y_{part} must be integers {list(shape[:1])}, not {y_dtype} {list(y_shape)}"
        )


def _check_pixels(name, x):
    peak = x.max()
    if peak == 0:
        raise UserError(f"{name} is all black; ink must be up to 255")
    if pixels.are_scaled(peak):
        raise UserError(f"{name}: {pixels.SCALED}")
    border = np.concatenate([x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]], 1)
    if np.median(border) > LIGHT:
        raise UserError(
            f"{name} is dark on light; the background must be 0 and ink up to 255 (take "
            "255 minus the pixels)"
        )


def _labels(name, y):
    for label in (y.min(), y.max()):
        if not 0 <= label <= 9:
            raise UserError(f"{name} must hold digits 0 to 9, not {label}")
    return y.astype("uint8")
