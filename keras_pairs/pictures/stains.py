"""What is spilt or drawn over paper and ink, and lets a part of their light through."""

import numpy as np

from keras_pairs.pictures.papers import along, places, smooth

COFFEE = (0.5, 0.32, 0.15)


def stain(rng, side):
    """Coffee with its rings and drops, or the bands of a highlighter.

    Args:
      rng: numpy Generator.
      side: int, pixels a side.

    Returns:
      float32 [side, side, 3] of 0…1, how much light it lets through.
    """
    if rng.random() < 0.25:
        cover = _bands(rng, side)
        tint = rng.permutation([1, rng.uniform(0.3, 1), rng.uniform(0, 0.5)])
    else:
        cover = np.maximum(_rings(rng, side), _drops(rng, side))
        tint = np.array(COFFEE) + rng.normal(0, 0.1, 3)
        tint = rng.uniform(0, 1, 3) if rng.random() < 0.25 else np.clip(tint, 0, 1)
        tint = tint * rng.uniform(0.5, 1)
    share = rng.uniform(0.4, 1) * (1 - tint)
    return (1 - cover[..., None] * share).astype("float32")


def _round(rng, side, centre, radius):
    """Pixels' distances from the edge of a ragged disc, negative inside: [side, side]."""
    down, across = places(side)
    high, wide = np.exp(rng.normal(0, 0.1, 2))
    distance = np.hypot((down - centre[0]) * high, (across - centre[1]) * wide) - radius
    return distance + smooth(rng, side, 5) * radius * rng.uniform(0, 0.15)


def _soft(distance, wide):
    return 1 / (1 + np.exp(np.clip(distance / wide, -30, 30)))


def _rings(rng, side):
    """What cups leave: darkest where it dried last, at the edge, with gaps."""
    cover = np.zeros((side, side), "float32")
    for _ in range(rng.integers(0, 4)):
        # No smaller: a small ring is a 0.
        distance = _round(rng, side, rng.uniform(-0.2, 1.2, 2), rng.uniform(0.18, 0.6))
        wide = 10 ** rng.uniform(-2.4, -1.2)
        ring = np.exp(-((distance / wide) ** 2)) * rng.uniform(0.4, 1)
        ring *= np.clip(1 + smooth(rng, side, 4) * rng.uniform(0, 2.5), 0, 1)
        filled = _soft(distance, wide) * rng.choice([0, rng.uniform(0, 0.7)])
        cover = np.maximum(cover, np.maximum(ring, filled))
    return cover


def _drops(rng, side):
    """One to six, small ones and blots; some have a darker edge too."""
    cover = np.zeros((side, side), "float32")
    for _ in range(rng.integers(1, 7)):
        radius = 10 ** rng.uniform(-2.2, -0.6)
        distance = _round(rng, side, rng.uniform(0, 1, 2), radius)
        filled = _soft(distance, radius * rng.uniform(0.03, 0.3)) * rng.uniform(0.2, 0.9)
        if rng.random() < 0.5:
            filled *= 1 - rng.uniform(0, 0.6) * _soft(distance, radius / 5)
        cover = np.maximum(cover, filled)
    return cover


def _bands(rng, side):
    """One to three broad strokes, nearly level."""
    cover = np.zeros((side, side), "float32")
    for _ in range(rng.integers(1, 4)):
        level = along(rng, side, 0.2) + rng.uniform(-0.5, 0.5)
        level += smooth(rng, side, 3) * rng.uniform(0, 0.02)
        band = _soft(np.abs(level) - rng.uniform(0.02, 0.25), rng.uniform(0.002, 0.01))
        # From somewhere to somewhere.
        start, end = np.sort(rng.uniform(-0.3, 1.3, 2))
        across = places(side)[1]
        band *= _soft(start - across, 0.01) * _soft(across - end, 0.01)
        cover = np.maximum(cover, band)
    return cover
