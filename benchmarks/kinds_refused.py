"""Pictures that show no digit, or several: a reader should refuse them."""

import numpy as np

from benchmarks import kinds_papers as papers
from benchmarks import kinds_photos as photos
from benchmarks import kinds_plain as plain
from benchmarks.kinds_camera import photo, pixels
from benchmarks.kinds_ink import row

PAPERS = (
    *(plain.black_on_white, plain.white_on_black, plain.grey_paper, plain.specks),
    *(photos.pencil, photos.ruled_paper, photos.graph_paper, photos.notebook_with_margin),
    *(photos.crumpled_paper, photos.recycled_paper, photos.kraft_cardboard),
    *(photos.paper_on_table, photos.corner_shadow, photos.uneven_light, photos.vignetting),
    *(photos.night_noise, photos.whiteboard, photos.blackboard, photos.fold_lines),
)
EMPTY = np.zeros((28, 28), "uint8")


def blank(rng):
    """A paper that nobody wrote on."""
    return rng.choice(PAPERS)(EMPTY, rng)


def several(glyphs, rng):
    """Two to four digits side by side on a paper; glyphs are uint8 [n, 28, 28]."""
    # On a sheet that is itself small, more than two would be tiny.
    small = () if len(glyphs) == 2 else (photos.paper_on_table,)
    paper = rng.choice([paper for paper in PAPERS if paper not in small])
    return paper(row(glyphs, rng), rng)


def noise(rng):
    """Uniform, Gaussian, coloured, or a camera's with the lens covered."""
    size = papers.canvas(rng)
    kind = rng.integers(4)
    if kind == 0:
        return rng.integers(0, 256, (*size, 3), "uint8")
    if kind == 1:
        sigma = rng.uniform(0.05, 0.3)
        return pixels(rng.uniform(0.2, 0.8) + sigma * rng.standard_normal((*size, 3)))
    if kind == 2:
        cell = rng.uniform(2, 8)
        channels = [papers.cloud(rng, size, cell) for _ in range(3)]
        return pixels(0.5 + rng.uniform(0.1, 0.25) * np.stack(channels, -1))
    page = np.full((*size, 3), rng.uniform(0.01, 0.06), "float32")
    return photo(rng, page, noise=(0.02, 0.06))


def no_digit(rng):
    """Wood, cloth, a sky, or a page of text."""
    size = papers.canvas(rng)
    kind = rng.integers(4)
    if kind < 2:
        return photo(rng, (papers.wood, papers.cloth)[kind](rng, size))
    if kind == 2:
        blue = papers.colour(rng, (0.5, 0.62), (0.1, 0.4), (0.8, 1))
        light = np.linspace(rng.uniform(0.3, 0.7), 1, size[0], dtype="float32")
        sky = light[:, None, None] * np.broadcast_to(blue, (*size, 3))
        fine = papers.cloud(rng, size, max(size) / 20, (1, 2))
        clouds = papers.cloud(rng, size, max(size) / 5, (1, 2)) + 0.4 * fine
        clouds = 1 / (1 + np.exp(1 - 1.5 * clouds))
        return photo(rng, sky + 0.6 * clouds[..., None] * (1 - sky))
    tall = max(round(rng.uniform(0.03, 0.06) * min(size)), 8)
    text = papers.printed(rng, size, (0.03, 0.05, 0.98, 0.95), tall)
    return photo(rng, papers.plain(rng, size) * (1 - 0.9 * text[..., None]))
