"""Kinds of picture of coloured inks, as a phone's camera took them; see `kinds_photos`."""

import numpy as np

from benchmarks import kinds_papers as papers
from benchmarks.kinds_camera import photo
from benchmarks.kinds_ink import BROAD, FINE, draw, dye, opaque
from benchmarks.kinds_photos import textured
from benchmarks.kinds_plain import white


def green_on_red(glyph, rng):
    """Ink and paper of the same brightness."""
    red = papers.colour(rng, (-0.03, 0.03), (0.55, 0.8), (0.75, 0.95))
    green = papers.colour(rng, (0.3, 0.42), (0.7, 1), (0.3, 0.8))
    weights = np.float32([0.299, 0.587, 0.114])
    green *= min(
        (red @ weights) / (green @ weights) * rng.uniform(0.9, 1.1), 1 / max(green)
    )
    page = white(rng, shade=red)
    return photo(rng, opaque(page, draw(glyph, rng, page.shape[:2], pen=BROAD), green))


def light_ink_on_dark_paper(glyph, rng):
    page = white(
        rng, shade=papers.colour(rng, (0, 1), (0.4, 0.9), (0.15, 0.45)), fibres=0.02
    )
    ink = papers.colour(rng, (0, 1), (0, 0.35), (0.8, 1))
    cover = draw(glyph, rng, page.shape[:2], pen=(0.08, 0.15))
    return photo(rng, opaque(page, cover, ink, 0.9))


def ballpoint_twice(glyph, rng):
    """Blue ballpoint, each stroke drawn a second time beside the first."""
    page = white(rng)
    blue = papers.colour(rng, (0.61, 0.66), (0.6, 0.85), (0.45, 0.7))
    seed, size = rng.integers(2**32), page.shape[:2]
    # Drawn with the same numbers it lies at the same place, turned a little.
    first = draw(glyph, np.random.default_rng(seed), size, (0.35, 0.65), FINE)
    shift = rng.integers(-1, 2, 2) * round(0.012 * min(size))
    second = np.roll(first, shift, (0, 1)) * np.clip(
        0.7 + 0.3 * papers.cloud(rng, size, min(size) / 8), 0, 1
    )
    page = dye(page, textured(rng, first, 0.3), blue)
    return photo(rng, dye(page, textured(rng, second, 0.4), blue))


def highlighter(glyph, rng):
    hue = rng.choice([0.16, 0.33, 0.92, 0.09, 0.52])
    shade = papers.colour(rng, (hue, hue + 0.02), (0.75, 1), (0.92, 1))
    page = white(rng)
    cover = draw(glyph, rng, page.shape[:2], (0.4, 0.75), (0.16, 0.22))
    return photo(rng, dye(page, cover, shade, 0.95))
