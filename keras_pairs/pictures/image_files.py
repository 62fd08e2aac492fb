"""Image files as PNG files, the one form that a published model reads."""

import contextlib
import io
import itertools
import logging
import mmap
import pathlib
import re
import threading
import warnings

from PIL import Image, features

from keras_pairs import files, machine
from keras_pairs.errors import UserError
from keras_pairs.pictures import image_kinds, image_pixels

# The largest that phones call 50 megapixels is 8192 × 6144.
MAX_PIXELS = 50 * 2**20
# As many pixels of four bytes, and what stands around them.
MAX_BYTES = 256 * 2**20
# What a PNG has at most that is handed on as it is, and what all others are reduced to.
KEPT_SIDE, KEPT_BYTES = 1024, 16 * 2**20
# A JPEG is decoded at a half, a quarter or an eighth, but to no fewer pixels a side.
DRAFT_SIDE = 512
# Of a JPEG that is sent in steps; those that cameras and programs write have 10 or so.
MAX_SCANS = 100
# Pillow reads these in Python: a few seconds.
SLOW_CODECS, SLOW_PIXELS = ("ppm", "ppm_plain"), 4 * 2**20
MEGA = 2**20
JPEG_MARKER = re.compile(rb"\xff+([^\0\xff\xd0-\xd7])")


def read_png(path):
    """The bytes of an image file as PNG.

    A PNG file of up to 1024 pixels a side is handed on as it is: what it holds is judged by
    the model, which decodes it. Everything else is decoded, reduced by a whole number to at
    most 1024 pixels a side, turned upright and encoded: larger PNGs, those that store a
    rotation, those with 16 bits a channel that need 14 or fewer (they would be all but
    black), and all other formats. Transparency stays.

    While a picture of `MAX_PIXELS` is read, up to 1 GiB of memory is used. As a JPEG it
    takes 16 MiB, or 400 where it is progressive.

        read_png("IMG_1234.HEIC")[:4]  # b"\\x89PNG"

    Args:
      path: str or Path of a PNG, JPEG (MPO too: the first picture), GIF, BMP, TIFF, WebP,
        PPM, HEIC or AVIF file of up to `MAX_PIXELS` pixels and `MAX_BYTES` bytes. HEIC and
        AVIF need the extra `photos`.

    Returns:
      bytes.

    Raises:
      UserError: one line beginning with the path: the file is missing, empty, too large,
        not an image, damaged, animated, or a format that another package reads.
    """
    path = pathlib.Path(path)
    try:
        files.check_regular(path)
        with open(path, "rb") as file, SILENCE:
            return _read(file)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except MemoryError as error:
        raise UserError(f"{path}: needs more memory than there is") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _read(file):
    start = file.read(image_kinds.START)
    if not start:
        raise UserError("an empty file")
    size = file.seek(0, io.SEEK_END)
    if size > MAX_BYTES:
        raise UserError(f"larger than {MAX_BYTES // MEGA} MiB")
    file.seek(0)
    kind, what = image_kinds.kind(start)
    if kind is None:
        raise UserError(f"not an image of a known format{what and f', but {what}' or ''}")
    if kind == "PNG" and size <= KEPT_BYTES and max(_png_sides(start)) <= KEPT_SIDE:
        content = file.read()
        with contextlib.suppress(UserError, MemoryError):
            content = _encoded(file, kind, only_if_needed=True) or content
        return content
    return _encoded(file, kind)


def _png_sides(start):
    return [int.from_bytes(start[i : i + 4], "big") for i in (16, 20)]


def _encoded(file, kind, only_if_needed=False):
    """An image file of a known kind as PNG; None where it need not be another file."""
    try:
        image = _opened(file, kind)
        if kind == "JPEG":
            _check_scans(file)
            _draft(image)
        lower = image_pixels.lower_bytes(image)
        _load(image, kind)
        profile = image.info.get("icc_profile")

        def open_lower():
            other = _opened(file, kind)
            other.tile = lower
            _load(other, kind)
            return other

        held = image_pixels.orientation(image)
        values = image_pixels.deep(image, lower and open_lower)
        if only_if_needed and held == 1 and (values is None or values.depth == 16):
            return None
        small = image_pixels.reduced(image, values, KEPT_SIDE)
        small = image_pixels.upright(small, held)
        buffer = io.BytesIO()
        # Of other inks than the screen's the profile says nothing about what is left.
        profile = profile if image.mode in image_pixels.PNG_MODES else None
        small.save(buffer, "PNG", compress_level=1, icc_profile=profile)
    except (UserError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise UserError(f"more than {MAX_PIXELS // MEGA} megapixels") from error
    # Of damaged files Pillow's readers raise whatever they met.
    except Exception as error:
        early = ": it ends too early" if "truncated" in str(error) else ""
        raise UserError(f"a damaged image{early}") from error
    return buffer.getvalue()


def _opened(file, kind):
    """The image, not loaded yet, of a size and kind that can be."""
    file.seek(0)
    if kind == "HEIF":
        try:
            import pillow_heif
        except ImportError as error:
            raise _needs_extra("HEIC") from error
        pillow_heif.register_heif_opener()
    if kind == "AVIF" and not features.check("avif"):
        raise _needs_extra("AVIF")
    image = Image.open(file, formats=[kind])
    width, height = image.size
    if width * height > MAX_PIXELS:
        size = f"{width} × {height} pixels"
        raise UserError(f"{size} are more than {MAX_PIXELS // MEGA} megapixels")
    if _has_more(image, kind):
        raise UserError("animated, or of several pages")
    slow = bool(image.tile) and image.tile[0][0] in SLOW_CODECS
    if slow and width * height > SLOW_PIXELS:
        raise UserError(
            f"a PPM of text or of other than 8 bits is read up to {SLOW_PIXELS // MEGA} "
            "megapixels"
        )
    return image


def _draft(image):
    """Has a large JPEG decoded reduced."""
    longest = max(image.size)
    if longest > KEPT_SIDE:
        wanted = (max(1, side * DRAFT_SIDE // longest) for side in image.size)
        image.draft(None, tuple(wanted))


def _load(image, kind):
    """Decodes an image; libtiff writes to file descriptor 2 what it dislikes."""
    if kind != "TIFF":
        image.load()
        return
    failure = None
    with machine.noise_held_back():
        try:
            image.load()
        except Exception as error:
            failure = error
    if failure:
        raise failure


def _needs_extra(name):
    return UserError(f"{name} is read after: pip install 'keras_pairs[photos]'")


def _has_more(image, kind):
    """Whether there are pictures after the first that are part of what is shown."""
    # Phones put what else the camera saw, or its depth, beside the picture.
    if kind in ("JPEG", "HEIF"):
        return False
    if kind != "TIFF":
        return getattr(image, "is_animated", False)
    # Pillow would look for all of them, of which there may be millions.
    try:
        image.seek(1)
    except EOFError:
        return False
    return True


def _check_scans(file):
    """Refuses a JPEG of so many steps that decoding each of them would take minutes.

    Raises:
      UserError: if it has more than `MAX_SCANS`.
    """
    # Closes itself with the last match in it.
    content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    begun = re.finditer(rb"\xff\xda", content)
    if not any(itertools.islice(begun, MAX_SCANS, None)):
        return
    # A video may follow the picture, or a preview come before it.
    place, scans = 2, 0
    while (marker := JPEG_MARKER.search(content, place)) and marker[1] != b"\xd9":
        scans += marker[1] == b"\xda"
        if scans > MAX_SCANS:
            raise UserError(f"a JPEG in more than {MAX_SCANS} steps")
        place = marker.end()
        place += int.from_bytes(content[place : place + 2], "big")


class _Silence:
    """Pillow's warnings and log are about what the answer says better.

    They are the process's: the first thread that reads turns them off, the last one on.
    """

    def __init__(self):
        self.lock, self.readers, self.life = threading.Lock(), 0, contextlib.ExitStack()

    def __enter__(self):
        with self.lock:
            if not self.readers:
                self.life.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
                log = logging.getLogger("PIL")
                self.life.callback(log.setLevel, log.level)
                log.setLevel(logging.CRITICAL)
            self.readers += 1

    def __exit__(self, *_):
        with self.lock:
            self.readers -= 1
            if not self.readers:
                self.life.close()


SILENCE = _Silence()
