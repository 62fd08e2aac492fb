"""Digits drawn with pens of all kinds, one or several to a picture."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage, spatial

# A body's size over that of the digit's convex hull: of neighbours they must not touch.
BODY = 0.85


class Drawn(NamedTuple):
    """Digits without a paper.

    Attributes:
      ink: float32 [side, side] of 0…1, the share of each pixel that ink covers.
      body: float32 [side, side], 1 where a pixel lies in one digit's body: its convex hull,
        a little shrunk. Parts of one digit lie in one body, and each digit has its own.
      inside: (top, left, bottom, right) of 0…1, the box around all ink, or a part of the
        picture where there is none.
    """

    ink: np.ndarray
    body: np.ndarray
    inside: tuple


def digits(rng, glyphs, side, count, sizes):
    """Draws `count` of `glyphs` beside or below each other; see `scenes.scene`."""
    ink = np.zeros((side, side), "float32")
    # A soft brush, or a small picture that was enlarged.
    soft = rng.uniform(0.005, 0.06) if rng.random() < 0.25 else 0
    bodies = np.zeros((side, side), int)
    for glyph, middle, height, pen in _placed(rng, glyphs, count, sizes):
        digit = _drawn(rng, glyph, side, middle, height, pen)
        if soft:
            digit = ndimage.gaussian_filter(digit, soft * height * side)
            digit /= max(digit.max(), 1e-6)
        ink = np.maximum(ink, digit)
        bodies += _body(digit)
    inked = np.argwhere(ink > 0.3)
    inside = (0.2, 0.2, 0.8, 0.8)
    if len(inked):
        inside = (*inked.min(0) / side, *(inked.max(0) + 1) / side)
    return Drawn(ink, (bodies == 1).astype("float32"), inside)


def _placed(rng, glyphs, count, sizes):
    """Which digits stand where: yields (glyph, middle [2], height, pen), as shares."""
    if not count:
        return
    chosen = glyphs[rng.integers(len(glyphs), size=count)]
    if rng.random() < 0.12:
        chosen = np.stack([_geometric(rng) for _ in range(count)])
    axis = int(count == 1 or rng.random() < 0.8)
    relative = np.ones(count) if count == 1 else rng.uniform(0.75, 1.1, count)
    extents = np.array([np.subtract(*_extent(glyph)[::-1]) for glyph in chosen], float)
    extents *= (relative / extents.max(1))[:, None]
    gap = rng.uniform(0.15, 0.7)
    length = extents[:, axis].sum() + gap * (count - 1)
    most = min(sizes[1], 0.95 / length) if count > 1 else sizes[1]
    height = np.exp(rng.uniform(np.log(min(sizes[0], most)), np.log(most)))
    room = np.array([1 - height, 1 - height])
    room[axis] = 1 - height * length
    corner = rng.uniform(0, 1, 2) * np.maximum(room, 0) + np.minimum(room, 0) / 2
    pen = _pen(rng)
    for glyph, extent, size in zip(chosen, extents, relative, strict=True):
        middle = corner + height / 2
        middle[axis] = corner[axis] + height * extent[axis] / 2
        if count > 1:
            middle[1 - axis] += rng.normal(0, 0.1) * height
        yield glyph, middle, height * size, pen
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
    points = np.argwhere(digit > 0.5)
    body = Image.new("1", digit.shape)
    try:
        corners = points[spatial.ConvexHull(points).vertices]
    except (ValueError, spatial.QhullError):
        # Of a few pixels, or all on one line.
        return (digit > 0.5).astype(int)
    middle = corners.mean(0)
    corners = middle + BODY * (corners - middle)
    ImageDraw.Draw(body).polygon([(x, y) for y, x in corners.tolist()], fill=1)
    return np.asarray(body).astype(int)


def _pen(rng):
    """How strokes are drawn: (kind, thickness)."""
    kind = rng.choice(["as it is", "hard", "line"], p=[0.35, 0.4, 0.25])
    return kind, rng.uniform(0.2, 0.7) if kind == "hard" else rng.uniform(0.02, 0.14)


def _drawn(rng, glyph, side, middle, height, pen):
    """One digit, float32 [side, side] of 0…1, turned, sheared and stretched a little."""
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
    kind, thickness = pen
    pixel = height * side / span
    if kind == "hard":
        return np.clip((drawn - thickness) * max(2, pixel) + 0.5, 0, 1)
    if kind == "line" and height * side > 16:
        inside = ndimage.distance_transform_edt(drawn > 0.4)
        ridge = (inside > 0) & (inside >= ndimage.maximum_filter(inside, 3) - 0.6)
        away = ndimage.distance_transform_edt(~ridge)
        half = max(thickness * height * side / 2, 0.3)
        return np.clip(half + 0.5 - away, 0, 1).astype("float32") * min(1, 2 * half)
    return drawn
