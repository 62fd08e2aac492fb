"""What people write digits on: papers, boards and tables, float32 [h, w, 3] of 0…1."""

import colorsys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.kinds_ink import dye, opaque

WORDS = (
    "the delivery was late because of heavy rain and nobody could say when it would "
    "arrive please send your answer by return of post together with a copy of our letter "
    "in spring most of the members met at the old library near the river for an hour"
).split()


def canvas(rng, shorter=(200, 460), aspects=(1, 4 / 3, 3 / 2, 16 / 9)):
    """(h, w) of a picture, upright or lying."""
    short = np.exp(rng.uniform(*np.log(shorter)))
    sides = round(short), round(short * rng.choice(aspects))
    return sides if rng.uniform() < 0.5 else sides[::-1]


def colour(rng, hue=(0, 1), saturation=(0, 1), value=(0, 1)):
    """float32 [3]; hue, saturation and value are (least, most), and a hue wraps around."""
    h, s, v = (rng.uniform(*limits) for limits in (hue, saturation, value))
    return np.float32(colorsys.hsv_to_rgb(h % 1, s, v))


def cloud(rng, size, cell, stretch=(1, 1)):
    """Smooth noise of about unit deviation, float32 [h, w].

    Args:
      cell: pixels after which it is another value.
      stretch: by how much more along (y, x).
    """
    shape = [
        int(side / (cell * more)) + 3 for side, more in zip(size, stretch, strict=True)
    ]
    coarse = Image.fromarray(rng.standard_normal(shape, "float32") * 1.3)
    return np.asarray(coarse.resize(size[::-1], Image.Resampling.BICUBIC))


def lines(size, places, thick, angle=0.0, axis=0):
    """Cover of straight lines at `places`, pixels along `axis`; `angle` in radians."""
    y, x = np.ogrid[: size[0], : size[1]]
    along = (y + angle * x) if axis == 0 else (x + angle * y)
    cover = np.zeros(size, "float32")
    for place in places:
        np.maximum(cover, np.clip((thick + 1) / 2 - abs(along - place), 0, 1), out=cover)
    return cover


def scribble(rng, size, count, length, thick, bend=0.25):
    """Cover of bent lines anywhere; `length` and `thick` are (least, most) pixels."""
    image = Image.new("L", size[::-1])
    pencil = ImageDraw.Draw(image)
    for _ in range(count):
        turns = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, bend, 20))
        steps = np.stack([np.cos(turns), np.sin(turns)], 1) * rng.uniform(*length) / 20
        points = rng.uniform(0, 1, 2) * size[::-1] + np.cumsum(steps, 0)
        width = max(round(rng.uniform(*thick)), 1)
        pencil.line([tuple(p) for p in points], 255, width, "curve")
    return np.asarray(image, "float32") / 255


def printed(rng, size, area, tall):
    """Cover of printed words, `tall` pixels high, in `area`, shares of the picture."""
    image = Image.new("L", size[::-1])
    pencil, font = ImageDraw.Draw(image), ImageFont.load_default(max(tall, 6))
    top, left, bottom, right = np.round(np.array([*size, *size]) * area).astype(int)
    for y in range(top, bottom - tall, round(1.5 * tall)):
        count = (right - left) // (2 * tall) + 2
        text = " ".join(rng.choice(WORDS, count))
        while pencil.textlength(text, font) > right - left and " " in text:
            text = text.rpartition(" ")[0]
        pencil.text((left, y), text, 255, font)
    return np.asarray(image, "float32") / 255


def plain(rng, size, shade=None, mottled=0.008, fibres=0.01):
    """Paper; `shade` is its colour, white where it is None."""
    if shade is None:
        shade = colour(rng, saturation=(0, 0.04), value=(0.88, 1))
    page = np.full((*size, 3), shade, "float32")
    page *= 1 + mottled * cloud(rng, size, max(size) / 6)[..., None]
    return page * (1 + fibres * cloud(rng, size, 1.5)[..., None])


def ruled(rng, size):
    """Lined paper."""
    page = plain(rng, size)
    gap = rng.uniform(0.08, 0.16) * min(size)
    # Enough lines for the picture's corners, however the paper is turned.
    places = np.arange(rng.uniform(-1, 0), 1.5 * size[0] / gap + 1) * gap - 0.1 * size[0]
    shade = colour(rng, (0.55, 0.66), (0.2, 0.6), (0.65, 0.9))
    thick = rng.uniform(0.003, 0.007) * min(size)
    angle = rng.uniform(-0.04, 0.04)
    return dye(page, lines(size, places, max(thick, 1), angle), shade)


def squared(rng, size):
    """Graph paper."""
    gap = rng.uniform(0.05, 0.11) * min(size)
    shade = colour(
        rng, rng.choice([0.58, 0.4, 0.06]) + np.zeros(2), (0.2, 0.45), (0.75, 0.9)
    )
    thick = max(rng.uniform(0.002, 0.005) * min(size), 0.8)
    angle = rng.uniform(-0.04, 0.04)
    page = plain(rng, size)
    for axis, sign in ((0, 1), (1, -1)):
        places = np.arange(rng.uniform(-3, -2), 1.1 * size[axis] / gap + 3) * gap
        page = dye(page, lines(size, places, thick, sign * angle, axis), shade)
    return page


def notebook(rng, size):
    """(lined paper with a red margin and holes, where the margin is as a share of w)."""
    page = ruled(rng, size)
    margin = rng.uniform(0.14, 0.22)
    red = colour(rng, (-0.03, 0.03), (0.4, 0.7), (0.8, 0.95))
    thick = max(0.006 * min(size), 1.2)
    page = dye(page, lines(size, [margin * size[1]], thick, axis=1), red)
    y, x = np.ogrid[: size[0], : size[1]]
    radius = rng.uniform(0.025, 0.04) * min(size)
    below = colour(rng, saturation=(0, 0.5), value=(0.1, 0.5))
    for place in np.arange(rng.uniform(0.05, 0.2), 1, rng.uniform(0.25, 0.35)):
        away = np.hypot(y - place * size[0], x - margin * 0.45 * size[1])
        page = opaque(page, np.clip(radius - away + 0.5, 0, 1), below)
    return page, margin


def crumpled(rng, size):
    """Paper that was a ball: facets that lean towards the light or off it."""
    y, x = np.mgrid[: size[0], : size[1]].astype("float32")
    height = np.zeros(size, "float32")
    for _ in range(14):
        way = rng.uniform(0, 2 * np.pi)
        ridge = x * np.cos(way) + y * np.sin(way)
        ridge -= rng.uniform(ridge.min(), ridge.max())
        ridge += 0.03 * max(size) * cloud(rng, size, max(size) / 4)
        height += rng.uniform(-1, 1) * abs(ridge)
    down, along = np.gradient(height)
    slope = np.clip((down + along) / 3, -1, 1)[..., None]
    return np.clip(plain(rng, size, fibres=0.015) * (0.92 + 0.13 * slope), 0, 1)


def recycled(rng, size, shade=None):
    """Yellowed paper with fibres and spots."""
    if shade is None:
        shade = colour(rng, (0.09, 0.14), (0.18, 0.38), (0.75, 0.92))
    page = plain(rng, size, shade, mottled=0.02, fibres=0.03)
    short = min(size)
    for tone in (0.55, 1.12):
        cover = scribble(rng, size, 70, (0.02 * short, 0.06 * short), (1, 1.4))
        page = np.clip(page * (1 + 0.35 * (tone - 1) * cover[..., None]), 0, 1)
    return page


def kraft(rng, size):
    """Brown cardboard."""
    page = recycled(rng, size, colour(rng, (0.07, 0.09), (0.38, 0.5), (0.62, 0.76)))
    gap = rng.uniform(0.02, 0.04) * min(size)
    _, x = np.ogrid[: size[0], : size[1]]
    return page * (1 + 0.015 * np.sin(2 * np.pi * x / gap))[..., None].astype("float32")


def wood(rng, size):
    """A table top with grain along its longer side."""
    shade = colour(rng, (0.05, 0.1), (0.35, 0.65), (0.35, 0.75))
    stretch = (1, 14) if size[1] >= size[0] else (14, 1)
    bends = cloud(rng, size, min(size) / 9, stretch)
    rings = np.sin(bends * rng.uniform(3, 7))
    fine = cloud(rng, size, 1.5, stretch)
    return np.clip(shade * (1 + 0.10 * rings + 0.07 * fine)[..., None], 0, 1)


def cloth(rng, size):
    """A woven fabric."""
    shade = colour(rng, saturation=(0.1, 0.6), value=(0.25, 0.85))
    y, x = np.ogrid[: size[0], : size[1]]
    gap = rng.uniform(4, 9)
    weave = np.sin(2 * np.pi * x / gap) * np.sin(2 * np.pi * y / gap)
    folds = cloud(rng, size, max(size) / 4)
    thread = cloud(rng, size, 2)
    return np.clip(
        shade * (1 + 0.1 * weave + 0.06 * folds + 0.06 * thread)[..., None], 0, 1
    )


def table(rng, size):
    """A table top: wood, cloth, or of one colour."""
    draw = rng.uniform()
    if draw < 0.45:
        return wood(rng, size)
    if draw < 0.65:
        return cloth(rng, size)
    shade = colour(rng, saturation=(0, 0.4), value=(0.12, 0.6))
    return np.clip(plain(rng, size, shade, 0.03, 0.03), 0, 1)


def pavement(rng, size):
    """Asphalt or concrete, sometimes with a joint."""
    shade = colour(rng, (0.05, 0.15), (0, 0.08), (0.28, 0.5))
    page = plain(rng, size, shade, mottled=0.05, fibres=0.12)
    page *= 1 + 0.08 * cloud(rng, size, 4)[..., None]
    if rng.uniform() < 0.4:
        place, angle = rng.choice([0.06, 0.94]), rng.uniform(-0.05, 0.05)
        joint = lines(size, [place * size[0]], 0.02 * min(size), angle)
        page = page * (1 - 0.5 * joint[..., None])
    return np.clip(page, 0, 1)


def blackboard(rng, size):
    """A board with chalk that was wiped off."""
    shade = colour(rng, (0.3, 0.5), (0, 0.4), (0.12, 0.3))
    dust = 0.05 + 0.035 * cloud(rng, size, max(size) / 10, (1, 3))
    dust += 0.02 * cloud(rng, size, 2, (1, 8))
    wiped = scribble(
        rng, size, 5, (max(size) / 3, max(size)), np.array([0.1, 0.2]) * min(size)
    )
    dust += 0.04 * wiped * (1 + 0.5 * cloud(rng, size, 3, (1, 6)))
    return np.clip(plain(rng, size, shade) + np.clip(dust, 0, 1)[..., None], 0, 1)


def whiteboard(rng, size):
    """A board with what is left of older writing."""
    page = plain(rng, size, colour(rng, (0.5, 0.65), (0, 0.04), (0.85, 0.95)), fibres=0.003)
    short = min(size)
    for _ in range(rng.integers(2, 5)):
        shade = colour(rng, saturation=(0.3, 0.9), value=(0.3, 0.7))
        left = scribble(rng, size, 2, (short / 4, short), (0.01 * short, 0.02 * short), 0.6)
        page = dye(page, left, shade, rng.uniform(0.04, 0.10))
    wiped = scribble(rng, size, 3, (short / 2, short), (0.08 * short, 0.15 * short))
    return dye(
        page, wiped * (0.7 + 0.3 * cloud(rng, size, 4, (1, 6))), (0.6, 0.6, 0.65), 0.06
    )
