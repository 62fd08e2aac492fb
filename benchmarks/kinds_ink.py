"""A digit of MNIST as ink: which part of each pixel of a larger picture it covers.

Pictures are float32 [h, w, 3] of 0…1 here, and cover is float32 [h, w] of 0…1.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

# A digit of 28×28 is drawn this many times larger before it is brought to its size.
ENLARGED = 8
# The skeleton is found on every second of these pixels: it need not be finer.
STEP = 2
# Grey from which MNIST's pixels are ink; the first that breaks it least is taken.
LEVELS = (0.4, 0.32, 0.24, 0.16)
WHOLE = (0.0, 0.0, 1.0, 1.0)
# Share of the picture's shorter side that a digit keeps off the borders of its area.
MARGIN = 0.04
# Heights of a digit, as shares of the picture's shorter side.
USUAL = (0.28, 0.68)
# A ballpoint's width and a felt pen's, as shares of the digit's height.
FINE, BROAD = (0.055, 0.085), (0.10, 0.17)


def draw(glyph, rng, size, height=USUAL, pen=None, area=WHOLE, turn=8, margin=MARGIN):
    """Puts a digit somewhere into a picture.

    Args:
      glyph: uint8 [n, m], MNIST's 28×28 or a row of digits; 0 = background. Of an empty
        one there is no ink, and as much is drawn from `rng`.
      rng: `numpy.random.Generator`.
      size: (h, w) of the picture.
      height: (least, most) of the digit, as a share of the picture's shorter side.
      pen: (least, most) width of its strokes as a share of its height; None: its own.
      area: (top, left, bottom, right) as shares of the picture, where it lies.
      turn: degrees by which it is turned at most.
      margin: share of the picture's shorter side to the area's borders.

    Returns:
      float32 [h, w], the cover.
    """
    shorter = min(size)
    tall = rng.uniform(*height) * shorter
    angle = rng.uniform(-turn, turn)
    place = rng.uniform(size=2)
    width = rng.uniform(*pen) if pen else None
    cover = np.zeros(size, "float32")
    if not glyph.any():
        return cover
    stamp = _cropped(_strokes(glyph, width))
    turned = Image.fromarray(stamp).rotate(angle, Image.Resampling.BICUBIC, expand=True)
    stamp = _cropped(np.asarray(turned))
    borders = np.reshape(area, (2, 2)) * size + shorter * margin * np.array([[1], [-1]])
    room = borders[1] - borders[0]
    scale = min(tall / len(stamp), *(room / stamp.shape))
    shape = np.maximum(np.floor(scale * np.array(stamp.shape)), 1).astype(int)
    stamp = Image.fromarray(stamp).resize(tuple(shape[::-1]), Image.Resampling.BICUBIC)
    top, left = (borders[0] + place * (room - shape)).round().astype(int)
    cover[top : top + shape[0], left : left + shape[1]] = np.asarray(stamp) / 255
    return cover


def row(glyphs, rng):
    """Digits side by side as one glyph, uint8 [n, m]: `draw` takes it.

    Of similar size, up to a tenth of their height up or down, with gaps of a quarter of
    the widest digit or more.
    """
    crops = []
    for glyph in glyphs:
        share = rng.uniform(0.85, 1.15)
        image = Image.fromarray(_cropped(glyph))
        shape = [max(round(share * side), 1) for side in image.size]
        crops.append(np.asarray(image.resize(shape, Image.Resampling.BICUBIC)))
    widest = max(crop.shape[1] for crop in crops)
    tallest = max(len(crop) for crop in crops)
    parts = []
    for crop in crops:
        # Strokes grow by about a pixel on each side where the pen is broad.
        gap = round(rng.uniform(0.25, 0.8) * widest) + 2
        shift = round(rng.uniform(-0.1, 0.1) * tallest)
        above = tallest - len(crop) // 2 + shift
        below = 2 * tallest - len(crop) - above
        parts.append(np.pad(crop, ((above, below), (0, gap))))
    return _cropped(np.concatenate(parts, 1))


def _cropped(image):
    """The part of uint8 [n, m] that has ink."""
    inked = image > 40
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _strokes(glyph, width):
    """uint8, `ENLARGED` times the glyph: with its own strokes, or a pen's of one width."""
    shape = tuple(side * ENLARGED for side in glyph.shape[::-1])
    large = np.asarray(Image.fromarray(glyph).resize(shape, Image.Resampling.BICUBIC))
    smooth = ndimage.gaussian_filter(large.astype("float32") / 255, ENLARGED / 4)
    # Some of MNIST's strokes are pale. They must not break, nor small loops be filled.
    level = min(LEVELS, key=lambda level: _count(smooth > level))
    if width is None:
        cover = (smooth - level) / 0.3 + 0.5
    else:
        cover = _redrawn(smooth > level, width) / 2 + 0.5
    return np.uint8(255 * np.pad(np.clip(cover, 0, 1), ENLARGED))


def _redrawn(mask, width):
    """Pixels to the edge of the ink, more than 0 inside, where a pen of `width` drew."""
    line = skeleton(mask[::STEP, ::STEP])
    to_line = ndimage.distance_transform_edt(~line).astype("float32") * STEP
    to_line = ndimage.zoom(to_line, STEP, order=1)
    inside = ndimage.distance_transform_edt(mask)
    own = np.median(inside[::STEP, ::STEP][line])
    edge = inside - ndimage.distance_transform_edt(~mask)
    tall = np.ptp(np.flatnonzero(mask.any(1)))
    half = width * tall / 2
    while True:
        # A loop that the writer filled stays filled: its middle line is no longer a loop.
        drawn = np.maximum(half - to_line, edge + half - own)
        # Nor may a broad pen close loops and gaps.
        if half <= own or (_count(drawn > 0), _count(drawn <= 0)) == (
            *(_count(mask), _count(~mask)),
        ):
            return drawn
        half *= 0.9


def _count(mask):
    """How many parts a mask has; what is smaller than a pixel of the glyph counts not."""
    parts, _ = ndimage.label(mask)
    return (np.bincount(parts.ravel())[1:] > ENLARGED**2).sum()


def skeleton(mask):
    """The middle lines of a bool [n, m] mask, one pixel wide: Zhang and Suen, 1984."""
    mask = np.pad(mask, 1)
    while True:
        before = mask
        for first in (True, False):
            # The eight neighbours, clockwise from the one above.
            around = [
                np.roll(mask, shift, (0, 1))
                for shift in (
                    *((1, 0), (1, -1), (0, -1), (-1, -1)),
                    *((-1, 0), (-1, 1), (0, 1), (1, 1)),
                )
            ]
            up, _, right, _, down, _, left, _ = around
            count = np.sum(around, 0)
            steps = np.sum(
                [~a & b for a, b in zip(around, around[1:] + around[:1], strict=True)], 0
            )
            if first:
                outer = ~(up & right & down) & ~(right & down & left)
            else:
                outer = ~(up & right & left) & ~(up & down & left)
            mask = mask & ~((count >= 2) & (count <= 6) & (steps == 1) & outer)
        if (mask == before).all():
            return mask[1:-1, 1:-1]


def opaque(page, cover, colour, strength=1.0):
    """A picture with ink that hides what is under it: marker, chalk, gel, a screen's."""
    share = strength * cover[..., None]
    return page + (np.asarray(colour, "float32") - page) * share


def dye(page, cover, colour, strength=1.0):
    """A picture with ink that the paper shines through: ballpoint, pencil, highlighter."""
    return page * (1 - strength * cover[..., None] * (1 - np.asarray(colour, "float32")))
