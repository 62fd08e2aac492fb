"""Pictures with known ink: MNIST's digits drawn over procedural papers."""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from keras_pairs.pictures import papers


class Scene(NamedTuple):
    """One picture and what is known of it.

    Attributes:
      picture: uint8 [side, side, 3].
      ink: float32 [side, side], the share of each pixel that ink covers.
      count: int, how many digits there are.
    """

    picture: np.ndarray
    ink: np.ndarray
    count: int


def scene(rng, glyphs, side, sizes=(0.08, 0.9)):
    """Draws a digit over a paper.

        glyphs = load_images("digits").x_train
        picture, ink, count = scene(np.random.default_rng(0), glyphs, 64)

    Args:
      rng: numpy Generator, from which all is drawn.
      glyphs: uint8 [N, 28, 28], digits in MNIST's form.
      side: int, pixels a side.
      sizes: (float, float), the least and the largest height of a digit as a share of the
        picture's.

    Returns:
      `Scene`. One in eight has no digit, one in eight two to four.
    """
    kind = rng.random()
    large = side * (2 if rng.random() < 0.25 else 1)
    if kind < 0.03:
        return Scene(_noise(rng, side), np.zeros((side, side), "float32"), 0)
    count = 0 if kind < 0.125 else int(rng.integers(2, 5)) if kind < 0.25 else 1
    base = papers.colour(rng)
    canvas = papers.paper(rng, large, base)
    ink, inside = _digits(rng, glyphs, large, count, sizes)
    if count == 1 and rng.random() < 0.1:
        _frame(rng, canvas, inside)
    cover = ink
    if rng.random() < 0.25:
        # Pencil, chalk, a dry marker: the paper's grain shows through.
        grain = (
            rng.random((large, large))
            if rng.random() < 0.6
            else papers.smooth(rng, large, large // 6) / 2 + 0.5
        )
        cover = ink * np.clip(1.4 - grain * rng.uniform(0.3, 1.1), 0, 1)
    strength = rng.uniform(0.7, 1) if rng.random() < 0.3 else 1
    colour = papers.ink_colour(rng, base).astype("float32")
    canvas += (cover * strength)[..., None] * (colour - canvas)
    if rng.random() < 0.35:
        canvas = papers.on_table(rng, canvas, inside)
    canvas = papers.lit(rng, canvas)
    if large > side:
        canvas = _halved(canvas)
        ink = _halved(ink)
    canvas = papers.seen(rng, canvas)
    canvas, ink = _continued(rng, canvas, ink)
    picture = np.uint8(np.round(canvas * 255))
    if rng.random() < 0.2:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=int(rng.integers(15, 90)))
        picture = np.asarray(Image.open(buffer))
    return Scene(picture, ink, count)


def _digits(rng, glyphs, side, count, sizes):
    """(cover [side, side] of 0…1, the box (top, left, bottom, right) of it in 0…1)."""
    cover = np.zeros((side, side), "float32")
    if not count:
        return cover, (0.2, 0.2, 0.8, 0.8)
    high = sizes[1] if count == 1 else sizes[1] / count
    height = np.exp(rng.uniform(np.log(min(sizes[0], high)), np.log(high)))
    gap = height * rng.uniform(0.85, 1.4)
    row = gap * (count - 1)
    room = np.maximum(1 - height - np.array([0, row]), 0)
    corner = (
        rng.uniform(0, 1, 2) * room + np.minimum(1 - height - np.array([0, row]), 0) / 2
    )
    pen = _pen(rng)
    for i in range(count):
        top = corner[0] + (rng.normal(0, 0.12) * height if count > 1 else 0)
        left = corner[1] + gap * i
        glyph = glyphs[rng.integers(len(glyphs))]
        scale = height * (rng.uniform(0.75, 1.15) if count > 1 else 1)
        cover = np.maximum(cover, _drawn(rng, glyph, side, (top, left), scale, pen))
    where = np.argwhere(cover > 0.3)
    if not len(where):
        return cover, (0.2, 0.2, 0.8, 0.8)
    return cover, (*where.min(0) / side, *(where.max(0) + 1) / side)


def _pen(rng):
    """How strokes are drawn: (kind, thickness)."""
    kind = rng.choice(["as it is", "hard", "line"], p=[0.35, 0.4, 0.25])
    return kind, rng.uniform(0.25, 0.7) if kind == "hard" else rng.uniform(0.02, 0.09)


def _drawn(rng, glyph, side, corner, height, pen):
    """One digit, float32 [side, side] of 0…1, turned, sheared and stretched a little."""
    rows = np.flatnonzero(glyph.any(1))
    columns = np.flatnonzero(glyph.any(0))
    centre = np.array([rows[0] + rows[-1] + 1, columns[0] + columns[-1] + 1]) / 2
    span = max(np.ptp(rows), np.ptp(columns)) + 1
    # Pixels of the canvas → pixels of the glyph.
    turn, shear = rng.normal(0, 0.12), rng.normal(0, 0.12)
    stretch = np.exp(rng.normal(0, 0.08, 2))
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = matrix @ np.array([[1, 0], [shear, 1]]) @ np.diag(stretch)
    matrix *= span / (height * side)
    middle = (np.array(corner) + height / 2) * side
    offset = centre - matrix @ middle
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


def _frame(rng, canvas, inside):
    """The box of a form around the digit."""
    side = len(canvas)
    down, across = papers.places(side)
    gap = rng.uniform(0.04, 0.2, 4)
    top, left, bottom, right = np.array(inside) + gap * [-1, -1, 1, 1]
    distance = np.maximum(
        np.maximum(top - down, down - bottom), np.maximum(left - across, across - right)
    )
    width = rng.uniform(0.5, 2.5) * side / 128
    line = np.clip(width / 2 + 0.5 - np.abs(distance) * side, 0, 1)
    tint = np.clip(np.round(1 - canvas.mean((0, 1))) + rng.uniform(-0.5, 0.5, 3), 0, 1)
    canvas += (line * rng.uniform(0.4, 1))[..., None] * (tint.astype("float32") - canvas)


def _noise(rng, side):
    """No scene at all: noise of a random grain."""
    cells = int(rng.choice([side, side, side // 2, side // 4]))
    noise = (
        rng.random((cells, cells, 3))
        if rng.random() < 0.5
        else np.clip(rng.normal(rng.random(), 0.3, (cells, cells, 1)), 0, 1)
    )
    noise = np.repeat(np.repeat(noise, side // cells, 0), side // cells, 1)
    return np.uint8(np.broadcast_to(noise, (side, side, 3)) * 255)


def _continued(rng, canvas, ink):
    """Edges as `finding` continues them where a window reaches beyond the picture."""
    side = len(ink)
    if rng.random() < 0.8:
        return canvas, ink
    edges = []
    for axis in (1, 0):
        inked = np.flatnonzero((ink > 0).any(axis))
        # What is drawn stays inside.
        room = (inked[0], side - 1 - inked[-1]) if len(inked) else (side, side)
        low, high = (int(rng.integers(0, min(side // 4, limit) + 1)) for limit in room)
        inside = side - low - high
        places = (np.arange(side) - low) % (2 * inside)
        edges.append(low + np.minimum(places, 2 * inside - 1 - places))
    rows, columns = edges
    return canvas[rows][:, columns], ink[rows][:, columns]


def _halved(x):
    return x.reshape(len(x) // 2, 2, len(x) // 2, 2, *x.shape[2:]).mean((1, 3))
