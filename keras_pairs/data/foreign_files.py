"""Files from anywhere: opened without waiting for ever, and told apart by their start."""

import codecs
import contextlib
import re
import warnings
import zlib

from keras_pairs import files
from keras_pairs.errors import UserError

# Bytes that `kind` looks at; more than the header of any array here.
HEAD = 4096

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


@contextlib.contextmanager
def opened(path, noun):
    """Yields a file to read; whatever goes wrong in the block is one line.

    Args:
      path: `pathlib.Path`.
      noun: str with its article, what the file should be.

    Raises:
      UserError: one line that begins with the path: it cannot be opened, or what the block
        raised. Of a damaged file the decompressors and numpy raise a dozen types.
    """
    try:
        files.check_regular(path)
        file = open(path, "rb")
    except UserError as error:
        raise UserError(f"{path}: {error}, not {noun}") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        with file, warnings.catch_warnings():
            # numpy's of headers that others wrote; they say nothing about the arrays.
            warnings.simplefilter("ignore")
            yield file
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except MemoryError as error:
        raise UserError(f"{path}: too large for this machine's memory") from error
    except Exception as error:
        damaged = noun.partition(" ")[2]
        raise UserError(f"{path}: a damaged {damaged}") from error


def head(path):
    """The first `HEAD` bytes of a file, or of less; none where there is no such file."""
    try:
        if not path.is_file():
            return b""
        with open(path, "rb") as file:
            return file.read(HEAD)
    except (OSError, ValueError):
        return b""


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
