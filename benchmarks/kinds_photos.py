"""Kinds of picture that a phone's camera took, bytes of JPEG files.

Each function takes a glyph, uint8 [28, 28] with 0 as background, and a
`numpy.random.Generator`. Of an empty glyph it is the same photo without a digit.
"""

import numpy as np

from benchmarks import kinds_camera as camera
from benchmarks import kinds_papers as papers
from benchmarks.kinds_camera import photo
from benchmarks.kinds_ink import BROAD, draw, dye, opaque
from benchmarks.kinds_plain import dark, white

# Pens as people have them: from a ballpoint to a felt pen.
PEN = (0.06, 0.16)


def written(glyph, rng, page, height=(0.28, 0.65), pen=PEN, **options):
    """A page with a digit in dark ink."""
    shade = dark(rng)
    return dye(page, draw(glyph, rng, page.shape[:2], height, pen, **options), shade)


def sheet(rng):
    """A white sheet that will lie on a table."""
    return papers.plain(rng, papers.canvas(rng, aspects=(1, 2**0.5)))


def textured(rng, cover, loss):
    """Ink that a rough ground took only in part."""
    rough = np.clip(0.5 + 0.6 * papers.cloud(rng, cover.shape, 1.6), 0, 1)
    return cover * (1 - loss * rough)


def pencil(glyph, rng):
    """Faint, with the paper's grain in the line."""
    page = white(rng, fibres=0.015)
    cover = draw(glyph, rng, page.shape[:2], pen=(0.06, 0.10))
    grey = np.full(3, rng.uniform(0.45, 0.62))
    return photo(rng, dye(page, textured(rng, cover, 0.45), grey))


def ruled_paper(glyph, rng):
    return photo(rng, written(glyph, rng, papers.ruled(rng, papers.canvas(rng))))


def graph_paper(glyph, rng):
    return photo(rng, written(glyph, rng, papers.squared(rng, papers.canvas(rng))))


def notebook_with_margin(glyph, rng):
    page, margin = papers.notebook(rng, papers.canvas(rng))
    area = (0, margin + 0.01, 1, 1)
    return photo(rng, written(glyph, rng, page, area=area))


def crumpled_paper(glyph, rng):
    return photo(rng, written(glyph, rng, papers.crumpled(rng, papers.canvas(rng))))


def recycled_paper(glyph, rng):
    return photo(rng, written(glyph, rng, papers.recycled(rng, papers.canvas(rng))))


def kraft_cardboard(glyph, rng):
    page = papers.kraft(rng, papers.canvas(rng))
    return photo(rng, written(glyph, rng, page, pen=BROAD))


def paper_on_table(glyph, rng):
    size = papers.canvas(rng)
    page = written(glyph, rng, sheet(rng), (0.35, 0.65))
    return photo(rng, camera.lay(rng, page, papers.table(rng, size), rng.uniform(0.6, 0.9)))


def tilted_sheet(glyph, rng):
    """Taken from the side: perspective."""
    size = papers.canvas(rng)
    page = written(glyph, rng, sheet(rng), (0.4, 0.65), turn=5)
    share = rng.uniform(0.7, 0.95)
    return photo(rng, camera.lay(rng, page, papers.table(rng, size), share, tilt=0.1))


def edge_of_table(glyph, rng):
    """A sheet near the edge of a table, with the floor beyond."""
    size = papers.canvas(rng)
    page = written(glyph, rng, sheet(rng), (0.35, 0.6))
    edge = rng.uniform(0.06, 0.16) * size[1] + rng.uniform(-0.1, 0.1) * np.arange(size[0])
    along = np.arange(size[1]) - edge[:, None]
    beyond = np.clip(0.5 - along / 2, 0, 1).astype("float32")[..., None]
    floor = papers.plain(rng, size, papers.colour(rng, (0, 1), (0, 0.3), (0.05, 0.7)), 0.05)
    ground = papers.table(rng, size) * (1 - beyond) + floor * beyond
    ground = ground if rng.uniform() < 0.5 else ground[:, ::-1]
    return photo(rng, camera.lay(rng, page, ground, rng.uniform(0.6, 0.8)))


def sticky_note(glyph, rng):
    """A square note on a wooden desk."""
    size = papers.canvas(rng)
    hue = rng.choice([0.15, 0.93, 0.3, 0.53, 0.08])
    shade = papers.colour(rng, (hue, hue + 0.02), (0.3, 0.6), (0.92, 1))
    page = papers.plain(rng, (280, 280), shade)
    page *= np.linspace(1, 0.93, 280, dtype="float32")[:, None, None]
    note = written(glyph, rng, page, (0.45, 0.75), turn=5)
    share = rng.uniform(0.5, 0.8)
    return photo(rng, camera.lay(rng, note, papers.wood(rng, size), share, shadow=0.5))


def corner_shadow(glyph, rng):
    page = written(glyph, rng, white(rng))
    page *= camera.corner(rng, page.shape[:2], rng.uniform(0.35, 0.6))
    return photo(rng, page)


def uneven_light(glyph, rng):
    page = written(glyph, rng, white(rng))
    return photo(rng, page, light=(0.3, 0.55), noise=(0.01, 0.03))


def vignetting(glyph, rng):
    page = written(glyph, rng, white(rng))
    return photo(rng, page * camera.vignette(page.shape[:2], rng.uniform(0.15, 0.4)))


def hand_shadow(glyph, rng):
    """The shadow of the hand that holds a pen or the phone."""
    page = written(glyph, rng, white(rng))
    return photo(rng, page * camera.cast(rng, page.shape[:2], rng.uniform(0.5, 0.75)))


def warm_lamp(glyph, rng):
    page = written(glyph, rng, white(rng))
    gains = (1, rng.uniform(0.72, 0.88), rng.uniform(0.4, 0.65))
    page = page * np.float32(gains)
    return photo(rng, page * camera.vignette(page.shape[:2], 0.6), light=(0.6, 0.9))


def night_noise(glyph, rng):
    """Too little light, a high ISO."""
    page = written(glyph, rng, white(rng), pen=(0.09, 0.16))
    return photo(rng, page * rng.uniform(0.28, 0.55), soft=(0.4, 0.7), noise=(0.04, 0.07))


def motion_blur(glyph, rng):
    tall = rng.uniform(0.35, 0.65)
    page = written(glyph, rng, white(rng), (tall, tall), (0.09, 0.16))
    length = rng.uniform(0.06, 0.13) * tall * min(page.shape[:2])
    return photo(rng, camera.shaken(rng, page, length))


def out_of_focus(glyph, rng):
    tall = rng.uniform(0.35, 0.65)
    page = written(glyph, rng, white(rng), (tall, tall), (0.09, 0.16))
    sigma = rng.uniform(0.025, 0.05) * tall * min(page.shape[:2])
    return photo(rng, camera.blurred(page, sigma))


def whiteboard(glyph, rng):
    """A coloured marker, glare, and what was not wiped off."""
    page = papers.whiteboard(rng, papers.canvas(rng))
    hue = rng.choice([0.0, 0.36, 0.62])
    shade = papers.colour(rng, (hue, hue), (0.3, 0.9), (0.08, 0.55))
    cover = draw(glyph, rng, page.shape[:2], pen=(0.09, 0.15))
    page = opaque(page, cover, shade, rng.uniform(0.85, 0.98))
    return photo(rng, camera.glare(rng, page, rng.uniform(0.4, 0.7)))


def blackboard(glyph, rng):
    page = papers.blackboard(rng, papers.canvas(rng))
    return photo(rng, _chalked(glyph, rng, page, 0.5))


def chalk_on_pavement(glyph, rng):
    page = papers.pavement(rng, papers.canvas(rng))
    return photo(rng, _chalked(glyph, rng, page, 0.65), light=(0.75, 1))


def _chalked(glyph, rng, page, loss):
    hue = rng.choice([0.15, 0.93, 0.55])
    shade = papers.colour(rng, (hue, hue), (0, 0.25), (0.9, 1))
    cover = draw(glyph, rng, page.shape[:2], (0.35, 0.75), (0.11, 0.17))
    return opaque(page, textured(rng, cover, loss), shade, 0.95)


def text_beside(glyph, rng):
    """Printed text above or below the digit."""
    size = papers.canvas(rng)
    tall = max(round(rng.uniform(0.03, 0.05) * min(size)), 8)
    share = rng.uniform(0.2, 0.35)
    above = rng.uniform() < 0.5
    text = (0.04, 0.06, share, 0.94) if above else (1 - share, 0.06, 0.98, 0.94)
    free = (share + 0.05, 0, 1, 1) if above else (0, 0, 1 - share - 0.05, 1)
    page = dye(papers.plain(rng, size), papers.printed(rng, size, text, tall), np.zeros(3))
    return photo(rng, written(glyph, rng, page, (0.3, 0.55), area=free))


def print_shining_through(glyph, rng):
    """The other side's text, mirrored and blurred."""
    size = papers.canvas(rng)
    tall = max(round(rng.uniform(0.03, 0.06) * min(size)), 8)
    text = papers.printed(rng, size, (0.03, 0.04, 0.99, 0.97), tall)[:, ::-1]
    page = dye(papers.plain(rng, size), text, np.full(3, 0.4), rng.uniform(0.12, 0.3))
    return photo(rng, written(glyph, rng, camera.blurred(page, 0.02 * tall + 0.6)))


def photo_of_screen(glyph, rng):
    """A drawing on a monitor, with a gentle moiré."""
    size = papers.canvas(rng)
    page = np.ones((*size, 3), "float32")
    page = opaque(page, draw(glyph, rng, size, pen=(0.07, 0.16)), dark(rng))
    if rng.uniform() < 0.3:
        page = 1 - page
    y, x = np.mgrid[: size[0], : size[1]].astype("float32")
    bend = 1 + 0.1 * papers.cloud(rng, size, max(size) / 2)
    waves = []
    for _ in range(3):
        pitch, way = rng.uniform(6, 22), rng.uniform(0, np.pi)
        waves.append(np.sin(2 * np.pi / pitch * (x * np.cos(way) + y * np.sin(way)) * bend))
    page = 0.06 + page * np.float32([0.86, 0.9, 0.94])
    page *= 1 + rng.uniform(0.02, 0.05) * np.stack(waves, -1)
    return photo(rng, page.astype("float32"))


def coffee_stain(glyph, rng):
    page = white(rng)
    size = page.shape[:2]
    y, x = np.mgrid[: size[0], : size[1]].astype("float32")
    place, radius = rng.uniform(0, 1, 2) * size, rng.uniform(0.25, 0.4) * min(size)
    away = np.hypot(y - place[0], x - place[1])
    away += 0.01 * min(size) * papers.cloud(rng, size, min(size) / 8)
    ring = np.exp(-(((away - radius) / (0.02 * min(size))) ** 2))
    ring *= np.clip(0.7 + 0.3 * papers.cloud(rng, size, min(size) / 5), 0, 1)
    inside = 0.25 / (1 + np.exp(np.clip((away - radius) / 3, -30, 30)))
    brown = papers.colour(rng, (0.07, 0.09), (0.4, 0.6), (0.55, 0.75))
    page = dye(page, np.maximum(ring, inside), brown, rng.uniform(0.5, 0.9))
    return photo(rng, written(glyph, rng, page))


def fold_lines(glyph, rng):
    """A letter that was folded once or twice, one way or both."""
    page = written(glyph, rng, white(rng))
    for axis in range(rng.integers(1, 3)):
        side = page.shape[axis]
        shade = np.ones(side)
        for place in ((0.5,), (0.33, 0.67))[rng.integers(2)]:
            along = np.arange(side) - (place + rng.uniform(-0.04, 0.04)) * side
            lean = (
                rng.choice([-1, 1])
                * rng.uniform(0.02, 0.1)
                * np.exp(-5 * abs(along) / side)
            )
            crease = np.exp(-((along / max(0.004 * side, 1.2)) ** 2))
            shade += lean * np.sign(along) - rng.uniform(0.1, 0.25) * crease
        page = page * (shade[:, None, None] if axis == 0 else shade[:, None])
    return photo(rng, page)


def thermal_receipt(glyph, rng):
    """A faded print with streaks; the shop's lines stand above it."""
    width = round(rng.uniform(200, 320))
    size = (round(width * rng.uniform(1.3, 2.2)), width)
    page = papers.plain(rng, size, papers.colour(rng, (0.1, 0.7), (0, 0.06), (0.85, 0.96)))
    text = papers.printed(rng, size, (0.03, 0.08, 0.16, 0.92), max(round(0.05 * width), 9))
    cover = draw(glyph, rng, size, (0.4, 0.75), (0.1, 0.16), (0.2, 0, 1, 1), turn=3)
    cover = np.maximum(cover, text)
    # Dots of the print head that are weak, and rows that came out paler.
    weak = 1 - 0.5 * (rng.uniform(size=size[1]) < 0.08) * rng.uniform(0.4, 1, size[1])
    rows = 1 - 0.15 * (np.arange(size[0]) % 3 == 0)
    cover = (
        cover * weak * rows[:, None] * (0.85 + 0.15 * papers.cloud(rng, size, width / 4))
    )
    ink = papers.colour(rng, (0.6, 0.75), (0.05, 0.3), (0.3, 0.5))
    page = dye(page, np.clip(cover, 0, 1).astype("float32"), ink, rng.uniform(0.6, 0.95))
    return photo(rng, page)
