"""Pictures in files, as the tests of `pictures.image_files` want them."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw, features

from keras_pairs.errors import UserError
from keras_pairs.pictures.image_files import read_png

# Older ones warn that they do not know it.
HAS_AVIF = "avif" in features.modules and features.check("avif")


def heif():
    """pillow-heif with its writer registered; skips where it is missing."""
    found = pytest.importorskip("pillow_heif", reason="pip install 'keras_pairs[photos]'")
    found.register_heif_opener()
    return found


def require(suffix):
    """Skips where no package that is installed reads it."""
    if suffix == "heic":
        heif()
    if suffix == "avif" and not HAS_AVIF:
        pytest.skip("this Pillow has no AVIF")


def drawing(width=300, height=200, mode="RGB"):
    """Nothing is the same after a turn: a bar at the left, a block below at the right."""
    image = Image.new("RGB", (width, height), (240, 235, 225))
    pen = ImageDraw.Draw(image)
    pen.rectangle([width // 10, height // 10, width // 5, height * 4 // 5], (20, 30, 90))
    pen.rectangle([width // 2, height * 3 // 4, width * 9 // 10, height - 5], (150, 0, 0))
    return image.convert(mode)


def opened(content):
    return Image.open(io.BytesIO(content))


def pixels(image, mode="RGB"):
    return np.asarray(image.convert(mode)).astype(int)


def read(path):
    return opened(read_png(path))


def refusal(path):
    """The sentence without the path that it begins with."""
    with pytest.raises(UserError) as error:
        read_png(path)
    text = str(error.value)
    assert text.startswith(f"{path}: ") and "\n" not in text
    return text.removeprefix(f"{path}: ")


def chunk(name, data):
    """A chunk of a PNG."""
    crc = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + crc


def png_of(array, interlace=False):
    """A PNG of uint8 or uint16 [h, w, 1 to 4]; Pillow writes none of 16-bit colours."""
    high, wide, channels = array.shape
    bits = 8 * array.itemsize
    passes = [(0, 1, 0, 1)]
    if interlace:
        passes = [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4)]
        passes += [(2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)]
    big = array.astype(array.dtype.newbyteorder(">"))
    lines = [
        b"\0" + line.tobytes()
        for top, down, left, right in passes
        for line in big[top::down, left::right]
        if len(line)
    ]
    colours = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", wide, high, bits, colours, 0, 0, interlace)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return content + chunk(b"IDAT", zlib.compress(b"".join(lines))) + chunk(b"IEND", b"")


def patched(content, at, data):
    """`content` with other bytes from `at`."""
    return content[:at] + data + content[at + len(data) :]


def held(orientation):
    """Exif of a camera that was held so."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif
