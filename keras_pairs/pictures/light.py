"""Lamps, shadows and cameras: what becomes of a scene before it is a picture."""

import numpy as np
from scipy import ndimage

from keras_pairs.pictures import clutter
from keras_pairs.pictures.papers import along, places, smooth


def lit(rng, canvas, shadows=()):
    """The scene under a lamp: gradients, shadows, glare, a cast.

    Args:
      rng: numpy Generator.
      canvas: float32 [side, side, 3].
      shadows: sequence of [side, side] of 0…1, how much light each lets through.

    Returns:
      float32 [side, side, 3].
    """
    side = len(canvas)
    light = np.ones((side, side), "float32")
    if rng.random() < 0.5:
        light *= 1 + along(rng, side) * rng.uniform(0, 1.3)
    if rng.random() < 0.25:
        down, across = places(side)
        centre = rng.uniform(0.2, 0.8, 2)
        distance = np.hypot(down - centre[0], across - centre[1])
        light *= 1 - np.clip(distance * rng.uniform(0.2, 1), 0, 0.8)
    for shadow in shadows:
        light *= shadow
    canvas = canvas * light[..., None]
    if rng.random() < 0.12:
        down, across = places(side)
        centre = rng.uniform(0, 1, 2)
        distance = np.hypot(down - centre[0], (across - centre[1]) * rng.uniform(0.3, 3))
        glare = np.exp(-((distance / rng.uniform(0.05, 0.3)) ** 2)) * rng.uniform(0.1, 0.7)
        canvas = canvas + glare[..., None] * (1 - canvas)
    if rng.random() < 0.3:
        canvas = canvas * rng.uniform(0.6, 1.1, 3)
    return np.clip(canvas, 0, 1.2).astype("float32")


def seen(rng, canvas):
    """The scene through a camera or a scanner: blur, noise, exposure, bits, compression."""
    side = len(canvas)
    if rng.random() < 0.35:
        blur = rng.uniform(0.3, 1.6) * side / 128
        canvas = ndimage.gaussian_filter(canvas, (blur, blur, 0))
    if rng.random() < 0.1:
        length = max(2, int(rng.uniform(0.01, 0.045) * side))
        canvas = ndimage.uniform_filter1d(canvas, length, int(rng.integers(2)))
    if rng.random() < 0.4:
        canvas = np.clip(canvas, 0, None) ** rng.uniform(0.6, 1.6)
        canvas = rng.uniform(0, 0.15) + canvas * rng.uniform(0.6, 1.1)
    if rng.random() < 0.08:
        wave = np.sin(along(rng, side) * side * rng.uniform(0.3, 2.5))
        canvas = canvas + (wave * rng.uniform(0.01, 0.08))[..., None]
    if rng.random() < 0.55:
        grey = rng.random() < 0.5
        noise = rng.standard_normal((side, side, 1 if grey else 3)).astype("float32")
        canvas = canvas + noise * 10 ** rng.uniform(-2.2, -0.9)
    if rng.random() < 0.05:
        grey = canvas.mean(-1, keepdims=True)
        threshold = grey.mean() * rng.uniform(0.6, 1) + rng.normal(0, 0.15, grey.shape)
        canvas = np.repeat((grey > threshold).astype("float32"), 3, -1)
    return np.clip(canvas, 0, 1)


def shadow(rng, side):
    """How much light the shadow of an edge, a hand or a head lets through: [side, side]."""
    kind = rng.random()
    soft = side * 10 ** rng.uniform(-2.3, -0.8)
    if kind < 0.35:
        edge = along(rng, side) + rng.uniform(-0.45, 0.45)
        edge += smooth(rng, side, 4) * rng.choice([0, rng.uniform(0, 0.3)])
        cover = 1 / (1 + np.exp(-np.clip(edge * side / soft * 2, -30, 30)))
    elif kind < 0.8:
        cover = clutter.fingers(rng, side, soft, 1.1)
    else:
        x, y = rng.uniform(-0.1, 1.1, 2) * 2 * side
        wide, high = rng.uniform(0.1, 0.6, 2) * 2 * side
        box = [x - wide, y - high, x + wide, y + high]
        cover = clutter.covered(side, lambda pencil: pencil.ellipse(box, fill=255), soft)
    return 1 - rng.uniform(0.15, 0.75) * cover
