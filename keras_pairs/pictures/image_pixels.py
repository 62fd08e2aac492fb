"""The pixels of a large, deep or turned picture: small, of 8 bits, upright.

Everything is done strip by strip: whole pictures of 50 megapixels are not copied.
"""

import math
import sys

import numpy as np
from PIL import Image, ImageOps
from PIL.ExifTags import Base

from keras_pairs.errors import UserError

# What PNG has, of 8 bits or fewer.
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
# How many bits cameras, scanners and programs give a value.
DEPTHS = (8, 10, 12, 14, 16, 24, 32)
# Pixels that are worked on at a time.
STRIP = 2**20
OTHER_ORDER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def lower_bytes(image):
    """A tile list that makes Pillow read the lower bytes of 16-bit colours.

    Pillow keeps the upper ones only. Asked for numbers of the other byte order it takes
    the lower for the upper.

    Args:
      image: a `PIL.Image` just opened, not loaded.

    Returns:
      list, the `tile` of the same file opened anew; None where 8 bits are all there is.
    """
    tiles = []
    for codec, extents, offset, args in image.tile:
        first, *rest = [args] if isinstance(args, str) else args
        bands, _, form = str(first).partition(";16")
        if bands not in ("RGB", "RGBA", "RGBX") or form not in OTHER_ORDER:
            return None
        first = f"{bands};16{OTHER_ORDER[form]}"
        args = first if isinstance(args, str) else (first, *rest)
        tiles.append((codec, extents, offset, args))
    return tiles or None


def deep(image, open_lower):
    """The values of a picture of more than 8 bits a channel, if it is one.

    Args:
      image: a `PIL.Image`, loaded.
      open_lower: None, or a function without arguments that returns the image of the
        lower bytes, see `lower_bytes`.

    Returns:
      `Deep`, or None where the picture has 8 bits, or 16 of which the upper 8 do.

    Raises:
      UserError: if it has numbers below 0 or fractions.
    """
    if image.mode == "F":
        raise UserError("its pixels are fractions: save it with 8 or 16 bits")
    if image.mode[0] == "I":
        return Deep(image)
    if open_lower is None:
        return None
    upper = max(high for _, high in image.getextrema()[:3])
    if DEPTHS[_depth(upper << 8)] == 16 and "transparency" not in image.info:
        return None
    return Deep(image, open_lower())


def _depth(peak):
    return next(i for i, bits in enumerate(DEPTHS) if peak < 1 << bits)


class Deep:
    """Values of more than 8 bits, to be scaled by as many as they need.

    Attributes:
      depth: int, bits that the largest value of the colours needs, of `DEPTHS`.
    """

    def __init__(self, image, lower=None):
        self._image, self._lower = image, lower
        tags = getattr(image, "tag_v2", {})
        # Pillow has no unsigned 32 bits; TIFF's tag of 339 says 1 where it meant them.
        unsigned = image.mode == "I" and tags.get(339, (1,))[0] == 1
        self._dtype = np.uint32 if unsigned else None
        lowest, colour, alpha = 0, 0, 0
        for box in strips(image.size):
            values = self._values(box)
            lowest = min(lowest, int(values.min()))
            colour = max(colour, int(values[..., :3].max()))
            alpha = max(alpha, int(values[..., 3:].max(initial=0)))
        if lowest < 0:
            raise UserError("its pixels go below 0: save it with 8 or 16 bits")
        self.depth, alpha_depth = (DEPTHS[_depth(peak)] for peak in (colour, alpha))
        depths = [self.depth] * 3 + [alpha_depth]
        self._scale = np.array([255 / (2**bits - 1) for bits in depths])

    def _values(self, box):
        """Integers [h, w, 1, 3 or 4]."""
        values = np.asarray(self._image.crop(box))
        if self._lower is not None:
            values = (values.astype("uint16") << 8) + np.asarray(self._lower.crop(box))
        if self._dtype and values.dtype == np.int32:
            values = values.view(self._dtype)
        return values if values.ndim == 3 else values[..., None]

    def crop(self, box):
        """A part with 8 bits: L, RGB, RGBA, or LA and RGBA where one shade is none."""
        values = self._values(box)
        colours = np.round(values * self._scale[: values.shape[-1]]).astype("uint8")
        none = self._image.info.get("transparency")
        if none is not None and values.shape[-1] < 4:
            seen = (values != none).any(-1, keepdims=True)
            colours = np.concatenate([colours, seen * np.uint8(255)], -1)
        return Image.fromarray(colours if colours.shape[-1] > 1 else colours[..., 0])


def strips(size, factor=1):
    """The boxes of strips as wide as the image; all but the last a multiple of `factor`."""
    width, height = size
    rows = factor * max(1, STRIP // (width * factor))
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def reduced(image, values, side):
    """The picture with 8 bits, and with the mean of k×k pixels in place of them.

    Args:
      image: a `PIL.Image`, loaded.
      values: its `deep`.
      side: int; k is the smallest that leaves no more pixels a side.

    Returns:
      `PIL.Image`, of a mode that PNG has.
    """
    factor = math.ceil(max(image.size) / side)
    if factor == 1 and values is None and image.mode in PNG_MODES:
        return image
    small = None
    for box in strips(image.size, factor):
        part = _plain(image.crop(box)) if values is None else values.crop(box)
        # Weighs colours by what is seen of them.
        part = part.reduce(factor)
        if small is None:
            size = (math.ceil(length / factor) for length in image.size)
            small = Image.new(part.mode, tuple(size))
        small.paste(part, (0, box[1] // factor))
    return small


def _plain(image):
    """An image of 8 bits in a mode whose shades have a mean."""
    if image.mode in ("LA", "RGBA"):
        return image
    clear = image.has_transparency_data
    if image.mode in ("1", "L", "La"):
        return image.convert("LA" if clear else "L")
    if image.mode == "LAB":
        raise UserError("its colours are LAB: save it as RGB")
    return image.convert("RGBA" if clear else "RGB")


def orientation(image):
    """How a camera was held: 1 to 8 as in Exif, 1 where nothing says it.

    To be asked before the image is loaded: a TIFF that is turned while it is loaded
    takes twice the memory. What was asked is not done by Pillow any more.
    """
    try:
        found = image.getexif().pop(Base.Orientation, 1)
    # Of damaged data Pillow raises whatever it met; the picture may be whole.
    except Exception:
        return 1
    return found if found in range(1, 9) else 1


def upright(image, held):
    """The picture turned by an `orientation`."""
    image = image.copy()
    # Nothing else that was stored is needed, and damaged data could not be written.
    image.info = {k: v for k, v in image.info.items() if k == "transparency"}
    exif = Image.Exif()
    exif[Base.Orientation] = held
    image.info["exif"] = exif.tobytes()
    return ImageOps.exif_transpose(image)
