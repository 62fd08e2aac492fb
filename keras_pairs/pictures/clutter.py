"""What lies on and around a sheet besides the digit: objects, frames, toolbars, hands."""

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from keras_pairs.pictures.papers import blend


def objects(rng, canvas, inside):
    """Lays one to three objects beside the digit, in place.

    Args:
      rng: numpy Generator.
      canvas: float32 [side, side, 3] of 0…1.
      inside: float (top, left, bottom, right) of 0…1, the box that stays free.
    """
    for _ in range(rng.integers(1, 4)):
        draw = (_disc, _bar, _strip, _hand, _boxes)[rng.integers(5)]
        for _ in range(4):
            cover = draw(rng, len(canvas))
            if not cover[_pixels(inside, len(canvas))].any():
                tint = rng.uniform(0, 1, 3)
                tint = tint if rng.random() < 0.7 else np.round(tint)
                if rng.random() < 0.3:
                    shade = ndimage.gaussian_filter(
                        cover, len(canvas) / rng.uniform(20, 60)
                    )
                    blend(canvas, shade * rng.uniform(0.1, 0.5), (0, 0, 0))
                blend(canvas, cover * rng.uniform(0.5, 1), tint)
                break


def _pixels(inside, side):
    top, left, bottom, right = (int(round(edge * side)) for edge in inside)
    return slice(max(0, top - 1), bottom + 2), slice(max(0, left - 1), right + 2)


def covered(side, draw, soft=0.0):
    """What `draw`, a function of an `ImageDraw` of twice the size, covers: [side, side]."""
    image = Image.new("L", (2 * side, 2 * side))
    draw(ImageDraw.Draw(image))
    cover = np.asarray(image.resize((side, side), Image.Resampling.BOX)) / np.float32(255)
    return ndimage.gaussian_filter(cover, soft) if soft else cover


def _disc(rng, side):
    """Holes of a notebook, coins, the ring that a cup leaves. No small ring: it is a 0."""
    radius = rng.uniform(0.01, 0.3) * 2 * side
    x, y = rng.uniform(-0.1, 1.1, 2) * 2 * side
    number = int(rng.integers(1, 6)) if radius < 0.1 * side else 1
    step = rng.uniform(0.1, 0.4) * 2 * side
    width = 0
    if number == 1 and rng.random() < 0.4:
        radius, width = radius + 0.6 * side, int(rng.uniform(0.01, 0.1) * side) + 1

    def draw(pencil):
        for i in range(number):
            box = [x - radius, y + i * step - radius, x + radius, y + i * step + radius]
            if width:
                pencil.ellipse(box, outline=255, width=width)
            else:
                pencil.ellipse(box, fill=255)

    return covered(side, draw)


def _bar(rng, side):
    """A pen, a ruler, a cable. They begin outside the picture: other bars are a 1."""
    start, angle = rng.uniform(0, 1) * 2 * side, rng.normal(0, 0.6)
    length = rng.uniform(0.3, 2.5) * side
    width = int(max(1, rng.uniform(0.005, 0.12) * 2 * side))
    end = (start + length * np.sin(angle), length * np.cos(angle))
    cover = covered(side, lambda pencil: pencil.line([(start, -width), end], 255, width))
    return np.rot90(cover, rng.integers(4)).copy()


def _strip(rng, side):
    """A toolbar or a title along an edge: a strip, or a row of small shapes."""
    at, high = rng.choice([0, 1]), rng.uniform(0.03, 0.2)
    top, bottom = (0, high) if at == 0 else (1 - high, 1)
    shapes, gap = rng.random() < 0.6, rng.uniform(0.3, 1.5)

    def draw(pencil):
        if not shapes:
            pencil.rectangle([0, top * 2 * side, 2 * side, bottom * 2 * side], fill=255)
            return
        size = high * rng.uniform(0.3, 0.8) * 2 * side
        left, middle = rng.uniform(0, 0.5) * 2 * side, (top + bottom) * side
        while left < 2 * side * rng.uniform(0.5, 1.2):
            box = [left, middle - size / 2, left + size, middle + size / 2]
            kind = rng.integers(4)
            if kind == 0:
                pencil.ellipse(box, fill=255)
            elif kind == 1:
                pencil.rectangle(box, outline=255, width=max(1, int(size / 8)))
            elif kind == 2:
                pencil.rectangle(box, fill=255)
            else:
                points = [(box[0], box[1]), (box[2], middle), (box[0], box[3])]
                pencil.line(points, 255, max(1, int(size / 6)))
            left += size * (1 + gap)

    cover = covered(side, draw)
    return cover.T if rng.random() < 0.4 else cover


def _hand(rng, side):
    """A hand or a thumb that reaches in from an edge: rounded bars side by side."""
    return fingers(rng, side, rng.uniform(0, 0.01) * side, 0.7)


def fingers(rng, side, soft, longest):
    """What a hand covers, its outline `soft` pixels wide: float32 [side, side] of 0…1."""
    edge, angle = rng.uniform(0, 1) * 2 * side, rng.normal(0, 0.4)
    width = rng.uniform(0.04, 0.2) * 2 * side
    number, reach = int(rng.integers(1, 6)), rng.uniform(0.05, longest) * 2 * side
    spread = abs(rng.normal(0, 0.12))

    def draw(pencil):
        for i in range(number):
            x = edge + i * width * 1.1
            length, lean = reach * rng.uniform(0.7, 1.1), angle + i * spread
            end = (x + length * np.sin(lean), length * np.cos(lean))
            pencil.line([(x, -width), end], 255, int(width))
            box = [end[0] - width / 2, end[1] - width / 2, end[0] + width / 2]
            pencil.ellipse([*box, end[1] + width / 2], fill=255)
        palm = edge + (number - 1) * width * 0.55
        wide = number * width * 0.6
        pencil.ellipse([palm - wide, -reach * 0.5, palm + wide, reach * 0.4], fill=255)

    cover = covered(side, draw, soft)
    return np.rot90(cover, rng.integers(4)).copy()


def _boxes(rng, side):
    """The empty fields of a form: a row of frames."""
    x, y = rng.uniform(-0.2, 0.9, 2) * 2 * side
    high, wide = rng.uniform(0.05, 0.4, 2) * 2 * side
    width, number = int(max(1, rng.uniform(0.004, 0.02) * 2 * side)), rng.integers(1, 6)

    def draw(pencil):
        for i in range(number):
            left = x + i * wide
            pencil.rectangle([left, y, left + wide, y + high], outline=255, width=width)

    return covered(side, draw)


def frame(rng, canvas, inside):
    """A box around the digit, in place, now and then in a row of others."""
    side = len(canvas)
    gap = rng.uniform(0.03, 0.25, 4)
    top, left, bottom, right = np.array(inside) + gap * [-1, -1, 1, 1]
    number, width = int(rng.choice([0, 0, 1, 3])), rng.uniform(0.003, 0.025) * 2 * side
    rounded = rng.uniform(0, 0.3) if rng.random() < 0.3 else 0

    def draw(pencil):
        for i in range(-number, number + 1):
            shift = i * (right - left)
            box = np.array([left + shift, top, right + shift, bottom]) * 2 * side
            radius = rounded * min(box[2] - box[0], box[3] - box[1])
            pencil.rounded_rectangle(
                list(box), radius, outline=255, width=int(max(1, width))
            )

    tint = np.clip(np.round(1 - canvas.mean((0, 1))) + rng.uniform(-0.6, 0.6, 3), 0, 1)
    blend(canvas, covered(side, draw) * rng.uniform(0.3, 1), tint)
