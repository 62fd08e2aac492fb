"""Pictures with known ink: MNIST's digits drawn over procedural papers."""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_pairs.pictures import clutter, light, papers, stains, strokes


class Scene(NamedTuple):
    """One picture and what is known of it.

    Attributes:
      picture: uint8 [side, side, 3].
      ink: float32 [side, side] of 0…1, the share of each pixel that ink covers; of strokes
        thinner than a pixel, the share of the most that any covers.
      body: float32 [side, side], the digits' bodies, see `strokes.Drawn`.
      count: int, how many digits there are.
      which: tuple of int, as of `strokes.Drawn`.
    """

    picture: np.ndarray
    ink: np.ndarray
    body: np.ndarray
    count: int
    which: tuple


def scene(rng, glyphs, side, sizes=(0.08, 1.0)):
    """Draws a digit over a paper.

        glyphs = load_images("digits").x_train
        picture = scene(np.random.default_rng(0), glyphs, 64).picture

    Args:
      rng: numpy Generator, from which all is drawn.
      glyphs: uint8 [N, 28, 28], digits in MNIST's form.
      side: int, pixels a side.
      sizes: (float, float), the least and the largest height of a digit as a share of the
        picture's; what is more than 1 is cut.

    Returns:
      `Scene`. One in six has no digit, one in eight two to four.
    """
    kind = rng.random()
    large = side * (2 if rng.random() < 0.25 else 1)
    if kind < 0.03:
        nothing = np.zeros((side, side), "float32")
        return Scene(_noise(rng, side), nothing, nothing, 0, ())
    count = 0 if kind < 0.16 else int(rng.integers(2, 5)) if kind < 0.28 else 1
    # What a program drew: one colour, and neither lamp nor camera.
    plain = rng.random() < 0.12
    base = papers.colour(rng)
    if plain and rng.random() < 0.5:
        base = np.full(3, float(rng.random() < 0.7))
    canvas = papers.blank(large, base) if plain else papers.paper(rng, large, base)
    drawn = strokes.digits(rng, glyphs, large, count, sizes)
    if not count and rng.random() < 0.3:
        papers.text(rng, canvas, largest=0.12)
    if count == 1 and rng.random() < 0.14:
        clutter.frame(rng, canvas, drawn.inside)
    cover = drawn.ink
    if rng.random() < 0.25:
        # Pencil, chalk, a dry marker: the paper's grain shows through.
        grain = (
            rng.random((large, large))
            if rng.random() < 0.6
            else papers.smooth(rng, large, large // 6) / 2 + 0.5
        )
        cover = cover * np.clip(1.4 - grain * rng.uniform(0.3, 1.1), 0, 1)
    strength = rng.uniform(0.7, 1) if rng.random() < 0.3 else 1
    colour = papers.ink_colour(rng, base).astype("float32")
    canvas += (cover * strength)[..., None] * (colour - canvas)
    if rng.random() < 0.25:
        canvas *= stains.stain(rng, large)
    if rng.random() < 0.35:
        canvas = papers.on_table(rng, canvas, drawn.inside)
    if rng.random() < 0.35:
        clutter.objects(rng, canvas, drawn.inside if count else (0, 0, 0, 0))
    if not plain:
        shadows = rng.integers(1, 3) if rng.random() < 0.55 else 0
        shadows = [light.shadow(rng, large) for _ in range(shadows)]
        canvas = light.lit(rng, canvas, shadows)
    layers = [canvas, drawn.ink, drawn.body]
    if large > side:
        layers = [_halved(layer) for layer in layers]
    layers[1] = _whole(layers[1])
    if not plain:
        layers[0] = light.seen(rng, layers[0])
    canvas, ink, body = _continued(rng, layers)
    picture = np.uint8(np.round(np.clip(canvas, 0, 1) * 255))
    if rng.random() < 0.2:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=int(rng.integers(15, 90)))
        picture = np.asarray(Image.open(buffer))
    return Scene(picture, ink, body, count, drawn.which)


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


def _continued(rng, layers):
    """Edges that are continued, as a window shows them that reaches beyond the picture.

    All of the picture is mirrored there, ink as well, and not the band of `finding` alone.
    """
    _, ink, _ = layers
    side = len(ink)
    if rng.random() < 0.7:
        return layers
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
    return [layer[rows][:, columns] for layer in layers]


def _whole(ink):
    """`ink`, or where its strokes are thinner than a pixel, as if they filled one."""
    most = ink.max()
    return ink if most > 0.9 or not most else np.minimum(ink / (0.7 * most), 1)


def _halved(x):
    return x.reshape(len(x) // 2, 2, len(x) // 2, 2, *x.shape[2:]).mean((1, 3))
