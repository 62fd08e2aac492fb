"""Digits drawn with pens of all kinds, one or several to a picture."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage, spatial

# A body's size over that of the digit's convex hull: of neighbours they must not touch.
BODY = 0.85
# The width of a body's edge over the digit's height.
BODY_EDGE = 0.06
PENS = ("as it is", "hard", "line", "marker", "coarse")
# How viewers enlarge tiny pictures.
ENLARGED = (
    Image.Resampling.NEAREST,
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
)


class Drawn(NamedTuple):
    """Digits without a paper.

    Attributes:
      ink: float32 [side, side] of 0…1, the share of each pixel that ink covers.
      body: float32 [side, side], 1 where a pixel lies in one digit's body: its convex hull,
        a little shrunk and not too thin. Parts of one digit lie in one body, and each digit
        has its own.
      inside: (top, left, bottom, right) of 0…1, the box around all ink, or a part of the
        picture where there is none.
      which: tuple of int, the digits' places in `glyphs`; -1 where a program drew one.
    """

    ink: np.ndarray
    body: np.ndarray
    inside: tuple
    which: tuple


def digits(rng, glyphs, side, count, sizes):
    """Draws `count` of `glyphs` beside or below each other; see `scenes.scene`."""
    ink = np.zeros((side, side), "float32")
    # A soft brush, or a small picture that was enlarged.
    soft = rng.uniform(0.005, 0.06) if rng.random() < 0.25 else 0
    bodies = np.zeros((side, side), int)
    which = []
    for place, glyph, middle, height, pen in _placed(rng, glyphs, count, sizes):
        which.append(place)
        digit = _drawn(rng, glyph, side, middle, height, pen)
        if soft:
            digit = ndimage.gaussian_filter(digit, soft * height * side)
            digit /= max(digit.max(), 1e-6)
        ink = np.maximum(ink, digit.astype("float32"))
        bodies += _body(digit)
    inked = np.argwhere(ink > 0.3)
    inside = (0.2, 0.2, 0.8, 0.8)
    if len(inked):
        inside = (*inked.min(0) / side, *(inked.max(0) + 1) / side)
    return Drawn(ink, (bodies == 1).astype("float32"), inside, tuple(which))


def _placed(rng, glyphs, count, sizes):
    """Which digits stand where: yields (place in `glyphs` or -1, glyph, middle [2], height,
    pen), as shares.
    """
    if not count:
        return
    which = rng.integers(len(glyphs), size=count).tolist()
    chosen = glyphs[which]
    if rng.random() < 0.15:
        chosen, which = np.stack([_geometric(rng) for _ in range(count)]), [-1] * count
    axis = int(count == 1 or rng.random() < 0.8)
    relative = np.ones(count) if count == 1 else rng.uniform(0.75, 1.1, count)
    extents = np.array([np.subtract(*_extent(glyph)[::-1]) for glyph in chosen], float)
    extents *= (relative / extents.max(1))[:, None]
    gap = rng.uniform(0.15, 0.7)
    length = extents[:, axis].sum() + gap * (count - 1)
    most = min(sizes[1], 0.95 / length) if count > 1 else sizes[1]
    least = 0.8 * most if rng.random() < 0.1 else min(sizes[0], most)
    height = np.exp(rng.uniform(np.log(least), np.log(most)))
    room = np.array([1 - height, 1 - height])
    room[axis] = 1 - height * length
    corner = rng.uniform(0, 1, 2) * np.maximum(room, 0) + np.minimum(room, 0) / 2
    pen = _pen(rng)
    for place, glyph, extent, size in zip(which, chosen, extents, relative, strict=True):
        middle = corner + height / 2
        middle[axis] = corner[axis] + height * extent[axis] / 2
        if count > 1:
            middle[1 - axis] += rng.normal(0, 0.1) * height
        yield place, glyph, middle, height * size, pen
        corner[axis] += height * (extent[axis] + gap)


def _geometric(rng):
    """A 0, 1 or 7 as a drawing program's tools draw them, uint8 [28, 28]."""
    image = Image.new("L", (112, 112))
    pencil, width = ImageDraw.Draw(image), int(rng.integers(4, 18))
    kind = rng.integers(4)
    if kind == 0:
        wide = rng.uniform(14, 40)
        pencil.ellipse([56 - wide, 16, 56 + wide, 96], outline=255, width=width)
    elif kind == 3:
        corner = (rng.uniform(70, 90), rng.uniform(16, 24))
        points = [(rng.uniform(22, 36), 20), corner, (rng.uniform(36, 60), 96)]
        pencil.line(points, 255, width, "curve")
    else:
        x = rng.uniform(48, 64)
        ends = [(x, 16), (x + rng.normal(0, 8), 96)]
        pencil.line(ends, 255, width)
        if kind == 2:
            for x, y in ends:
                half = width / 2
                pencil.ellipse([x - half, y - half, x + half, y + half], fill=255)
    return np.asarray(image.resize((28, 28), Image.Resampling.BOX))


def _extent(glyph):
    """The corners of the box around a glyph's ink, two of float [2]."""
    inked = np.argwhere(glyph > 0)
    return inked.min(0).astype(float), inked.max(0) + 1.0


def _body(digit):
    """The body of one digit's ink, int [side, side]."""
    points = np.argwhere(digit > 0.5 * digit.max())
    try:
        corners = points[spatial.ConvexHull(points).vertices]
    except (ValueError, spatial.QhullError):
        # Of a few pixels, or all on one line.
        corners = np.array([points.min(0), points.max(0)])
    middle, height = corners.mean(0), np.ptp(points, 0).max()
    corners = middle + BODY * (corners - middle)
    outline = [(x, y) for y, x in corners.tolist()]
    body = Image.new("1", digit.shape)
    pencil = ImageDraw.Draw(body)
    if len(outline) > 2:
        pencil.polygon(outline, fill=1)
    # A 1 gets a body too.
    pencil.line([*outline, outline[0]], 1, int(max(1, BODY_EDGE * height)))
    return np.asarray(body).astype(int)


def _pen(rng):
    """How strokes are drawn: (kind, thickness), the latter 0…1 or a share of the height."""
    kind = rng.choice(PENS, p=[0.25, 0.3, 0.25, 0.12, 0.08])
    thickness = {
        "as it is": 0,
        "hard": rng.uniform(0.2, 0.7),
        "line": 10 ** rng.uniform(-2.1, -0.85),
        "marker": rng.uniform(0, 0.14),
        "coarse": 0,
    }
    return kind, thickness[kind]


def _coarse(rng, glyph):
    """A glyph as a tiny picture that was enlarged: of 7 to 12 pixels, softly or not."""
    (top, left), (bottom, right) = np.array(_extent(glyph), int)
    image = Image.fromarray(glyph).crop((left, top, right, bottom))
    scale = rng.integers(7, 13) / max(image.size)
    size = [max(1, round(length * scale)) for length in image.size]
    tiny = image.resize(size, Image.Resampling.BOX)
    how = Image.Resampling(rng.choice(ENLARGED))
    large = np.asarray(tiny.resize([8 * length for length in size], how), float)
    return np.pad(large * (255 / large.max()), 8)


def _drawn(rng, glyph, side, middle, height, pen):
    """One digit, float32 [side, side] of 0…1, turned, sheared and stretched a little."""
    kind, thickness = pen
    if kind == "coarse":
        glyph = _coarse(rng, glyph)
    low, high = _extent(glyph)
    centre, span = (low + high) / 2, (high - low).max()
    # Pixels of the canvas → pixels of the glyph.
    turn, shear = rng.normal(0, 0.12), rng.normal(0, 0.12)
    stretch = np.exp(rng.normal(0, 0.08, 2))
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = matrix @ np.array([[1, 0], [shear, 1]]) @ np.diag(stretch)
    matrix *= span / (height * side)
    offset = centre - matrix @ (np.asarray(middle) * side)
    # Pillow's order is x, y.
    (a, b), (d, e) = matrix[1, ::-1], matrix[0, ::-1]
    image = Image.fromarray(glyph.astype("float32") / 255)
    data = (a, b, offset[1], d, e, offset[0])
    drawn = image.transform(
        (side, side), Image.Transform.AFFINE, data, Image.Resampling.BICUBIC
    )
    drawn = np.clip(np.asarray(drawn), 0, 1)
    pixel = height * side / span
    if kind == "hard":
        # No flatter than leaves the paper clean.
        return np.clip((drawn - thickness) * max(pixel, 0.5 / thickness) + 0.5, 0, 1)
    if kind == "line" and height * side > 16:
        away = ndimage.distance_transform_edt(~_ridge(drawn > 0.4))
        half = max(thickness * height * side / 2, 0.15)
        # Thinner than a pixel: one pixel, and fainter.
        return np.clip(max(half, 0.5) + 0.5 - away, 0, 1) * min(1, 2 * half)
    if kind == "marker":
        away = ndimage.distance_transform_edt(drawn <= 0.4)
        return np.clip(thickness / 2 * height * side + 1 - away, 0, 1)
    return drawn


def _ridge(mask):
    """The middle of a mask's strokes, bool as the mask, one to three pixels wide."""
    inside = ndimage.distance_transform_edt(mask)
    ridge = inside >= ndimage.maximum_filter(inside, 3) - 0.75
    # A corner of the mask is no stroke of its own.
    ridge &= inside > 0.3 * inside.max()
    # Two steps out and back close gaps, and need as much room at the edges.
    closed = ndimage.binary_closing(np.pad(ridge, 2), np.ones((3, 3)), 2)
    return closed[2:-2, 2:-2] & mask
