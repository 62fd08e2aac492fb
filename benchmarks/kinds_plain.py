"""Kinds of picture that no camera took: drawn, scanned and saved in all sorts of files.

Each function takes a glyph, uint8 [28, 28] with 0 as background, and a
`numpy.random.Generator`. It returns uint8 [h, w], [h, w, 3] or [h, w, 4], or the bytes of a
file where the kind is about that. Of an empty glyph it is the same picture without a digit.
"""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks import kinds_papers as papers
from benchmarks.kinds_camera import jpeg, pixels
from benchmarks.kinds_ink import BROAD, draw, dye, opaque


def dark(rng):
    """An ink's colour: black, blue, or any other that is dark."""
    hue = rng.choice([0.63, rng.uniform()], p=[0.6, 0.4])
    return papers.colour(rng, (hue, hue), (0, 0.9), (0.02, 0.35))


def white(rng, **options):
    """A white sheet."""
    return papers.plain(rng, papers.canvas(rng), **options)


def black_on_white(glyph, rng):
    page = np.ones((*papers.canvas(rng), 3), "float32")
    return pixels(opaque(page, draw(glyph, rng, page.shape[:2]), np.zeros(3)))


def white_on_black(glyph, rng):
    return 255 - black_on_white(glyph, rng)


def thick_marker(glyph, rng):
    page, shade = white(rng, fibres=0), papers.colour(rng, value=(0, 0.5))
    cover = draw(glyph, rng, page.shape[:2], (0.35, 0.75), (0.17, 0.22))
    return pixels(opaque(page, cover, shade))


def thin_pen(glyph, rng):
    page, shade = white(rng, fibres=0), dark(rng)
    return pixels(dye(page, draw(glyph, rng, page.shape[:2], pen=(0.035, 0.055)), shade))


def coloured_ink_on_coloured_paper(glyph, rng, **paper_options):
    hue = rng.uniform()
    paper = papers.colour(rng, (hue, hue), (0.12, 0.45), (0.82, 1))
    other = hue + rng.uniform(0.2, 0.8)
    ink = papers.colour(rng, (other, other), (0.6, 1), (0.15, 0.5))
    page = white(rng, shade=paper, **paper_options)
    return pixels(opaque(page, draw(glyph, rng, page.shape[:2], pen=BROAD), ink))


def transparent_background(glyph, rng):
    """Only the ink is seen: dark, or now and then white."""
    size = papers.canvas(rng)
    ink = dark(rng) if rng.uniform() < 0.7 else np.ones(3)
    # What a program leaves where nothing is seen.
    behind = rng.choice([0.0, 1.0])
    cover = draw(glyph, rng, size)[..., None]
    shade = np.where(cover > 0, ink, behind)
    return pixels(np.concatenate([shade, cover], -1))


def grey_paper(glyph, rng):
    grey = rng.uniform(0.45, 0.78)
    page = white(rng, shade=np.full(3, grey), mottled=0.02)
    ink = np.full(3, rng.uniform(0, grey - 0.4))
    return pixels(opaque(page, draw(glyph, rng, page.shape[:2]), ink))


def small_off_centre(glyph, rng):
    page, shade = white(rng), dark(rng)
    top, left = rng.choice([0, 0.5], 2)
    corner = (top, left, top + 0.5, left + 0.5)
    cover = draw(glyph, rng, page.shape[:2], (0.13, 0.22), area=corner)
    return pixels(opaque(page, cover, shade))


def large(glyph, rng):
    page, shade = white(rng), dark(rng)
    return pixels(opaque(page, draw(glyph, rng, page.shape[:2], (0.78, 0.9)), shade))


def jpeg_quality_30(glyph, rng):
    page, shade = white(rng), papers.colour(rng, value=(0, 0.5))
    return jpeg(opaque(page, draw(glyph, rng, page.shape[:2]), shade), 30)


def mnist_light_on_dark(glyph, rng):
    return glyph


def mnist_dark_on_light(glyph, rng):
    return 255 - glyph


def mnist_on_grey_paper(glyph, rng):
    paper = rng.uniform(0.5, 0.88)
    ink = rng.uniform(0, paper - 0.4)
    return pixels(paper + (ink - paper) * (glyph / 255))


def very_wide(glyph, rng):
    page, shade = papers.plain(rng, papers.canvas(rng, (140, 260), (3, 4, 5))), dark(rng)
    page = page if page.shape[0] < page.shape[1] else page.swapaxes(0, 1)
    cover = draw(glyph, rng, page.shape[:2], (0.4, 0.85), pen=(0.06, 0.15))
    return pixels(opaque(page, cover, shade))


def very_tall(glyph, rng):
    page, shade = papers.plain(rng, papers.canvas(rng, (140, 260), (3, 4, 5))), dark(rng)
    page = page if page.shape[0] > page.shape[1] else page.swapaxes(0, 1)
    cover = draw(glyph, rng, page.shape[:2], (0.4, 0.85), pen=(0.06, 0.15))
    return pixels(opaque(page, cover, shade))


def cropped_tightly(glyph, rng):
    """The digit's own box and 3 to 6 % around it; a one keeps more at its sides."""
    size = (round(rng.uniform(200, 460)),) * 2
    shade, margin = dark(rng), rng.uniform(0.03, 0.06)
    cover = draw(glyph, rng, size, (0.7, 0.7), pen=(0.06, 0.16), margin=0.15)
    page = papers.plain(rng, size)
    inked = cover > 0.1
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    page = pixels(opaque(page, cover, shade))
    if not len(rows):
        return page
    tall, wide = np.ptp(rows), np.ptp(columns)
    side = max(wide, 0.5 * tall)
    edges = [
        *(rows[0] - margin * tall, rows[-1] + margin * tall),
        *(columns.mean() - side * (0.5 + margin), columns.mean() + side * (0.5 + margin)),
    ]
    top, bottom, left, right = np.clip(np.round(edges), 0, size[0]).astype(int)
    return page[top:bottom, left:right]


def specks(glyph, rng):
    """Dust and dirt of a scanner."""
    page, shade = white(rng), dark(rng)
    size = page.shape[:2]
    page = opaque(page, draw(glyph, rng, size), shade)
    dust = (rng.uniform(size=size) < rng.uniform(0.002, 0.008)) * rng.uniform(
        0.2, 0.9, size
    )
    page = page * (1 - dust[..., None])
    spots = papers.scribble(rng, size, rng.integers(3, 15), (1, 5), (1, 0.012 * min(size)))
    return pixels(dye(page, spots, np.full(3, 0.3)))


def fax(glyph, rng):
    """Black and white dots: thresholded, or dithered from a grey scan."""
    shade = rng.uniform(0.88, 0.97)
    page = white(rng, shade=np.full(3, shade), mottled=0.015)
    cover = draw(glyph, rng, page.shape[:2], (0.35, 0.7), (0.08, 0.15))
    page = opaque(page, cover, np.full(3, rng.uniform(0.02, 0.15)))
    # What the line adds.
    flips = rng.uniform(size=page.shape[:2]) < rng.uniform(0, 0.003)
    page = np.where(flips[..., None], 1 - page, page)
    dithered = rng.uniform() < 0.6
    dither = Image.Dither.FLOYDSTEINBERG if dithered else Image.Dither.NONE
    return png(Image.fromarray(pixels(page)).convert("L").convert("1", dither=dither))


def palette(glyph, rng):
    """A drawing program's file of few colours."""
    page = coloured_ink_on_coloured_paper(glyph, rng, mottled=0, fibres=0)
    return png(Image.fromarray(page).quantize(int(rng.choice([4, 16, 64]))))


def sixteen_bits(glyph, rng):
    """A scanner's grey, 16 bits a pixel."""
    return png(_deep(glyph, rng, 65535))


def twelve_of_sixteen_bits(glyph, rng):
    """The same from a sensor of 12 bits, whose white is 4095."""
    return png(_deep(glyph, rng, 4095))


def _deep(glyph, rng, top):
    page, grey = white(rng), rng.uniform(0.03, 0.4)
    page = opaque(page, draw(glyph, rng, page.shape[:2]), np.full(3, grey)).mean(-1)
    return Image.fromarray((top * np.clip(page, 0, 1)).astype("uint16"))


def exif_rotated(glyph, rng):
    """Stored lying, with the note how to turn it: JPEG, or PNG."""
    image = Image.fromarray(pixels(_written(glyph, rng)))
    turn, note = ((90, 6), (180, 3), (270, 8))[rng.integers(3)]
    exif = Image.Exif()
    exif[0x0112] = note
    buffer = io.BytesIO()
    kind = rng.choice(["JPEG", "PNG"])
    image.rotate(turn, expand=True).save(buffer, kind, exif=exif)
    return buffer.getvalue()


def _written(glyph, rng):
    page, shade = white(rng), dark(rng)
    return opaque(page, draw(glyph, rng, page.shape[:2], pen=(0.06, 0.15)), shade)


def png(image):
    """A `PIL.Image` as the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def drawing_program(glyph, rng):
    """A screenshot of a window with a toolbar and a palette."""
    size = papers.canvas(rng, (260, 460), (1, 4 / 3, 3 / 2))
    short = min(size)
    bar, side = rng.uniform(0.09, 0.14) * short, rng.uniform(0.06, 0.1) * short
    area = (bar / size[0], side / size[1], 0.95, 1.0)
    ink = rng.choice([np.zeros(3), papers.colour(rng, (0, 1), (0.6, 1), (0.3, 0.8))])
    cover = draw(glyph, rng, size, (0.35, 0.65), pen=(0.05, 0.12), area=area)
    page = Image.fromarray(pixels(opaque(np.ones((*size, 3)), cover, ink)))
    pencil = ImageDraw.Draw(page)
    grey = int(rng.uniform(200, 245))
    pencil.rectangle([0, 0, size[1], bar], (grey,) * 3)
    pencil.rectangle([0, bar, side, size[0]], (grey - 10,) * 3)
    pencil.rectangle([0, 0.95 * size[0], size[1], size[0]], (grey - 5,) * 3)
    pencil.line([0, bar, size[1], bar], (150,) * 3)
    pencil.line([side, bar, side, size[0]], (150,) * 3)
    pencil.text((4, 2), "File  Edit  View  Help", 0, ImageFont.load_default(0.35 * bar))
    for x in np.arange(bar, size[1] - bar, bar):
        shade = tuple(pixels(papers.colour(rng)).tolist())
        box = [x, 0.5 * bar, x + 0.4 * bar, 0.9 * bar]
        rng.choice([pencil.rectangle, pencil.ellipse])(box, shade, (60,) * 3)
    for y in np.arange(1.5 * bar, 0.8 * size[0], side):
        box = [0.2 * side, y, 0.8 * side, y + 0.6 * side]
        pencil.rectangle(box, tuple(pixels(papers.colour(rng)).tolist()), (60,) * 3)
    return np.asarray(page)


def finger_on_phone(glyph, rng):
    """A note drawn by finger in a phone's dark mode."""
    width = round(rng.uniform(200, 340))
    size = (round(width * rng.uniform(1.9, 2.2)), width)
    shade = papers.colour(rng, (0.55, 0.7), (0, 0.3), (0, 0.13))
    light = rng.choice([np.ones(3), papers.colour(rng, (0, 1), (0.4, 0.8), (0.85, 1))])
    cover = draw(glyph, rng, size, (0.4, 0.85), (0.07, 0.14), (0.12, 0, 0.85, 1))
    page = Image.fromarray(pixels(opaque(np.full((*size, 3), shade), cover, light)))
    pencil, unit = ImageDraw.Draw(page), 0.03 * width
    font, grey = ImageFont.load_default(1.4 * unit), (150,) * 3
    pencil.rounded_rectangle([27 * unit, unit, 30 * unit, 2.5 * unit], unit / 3, grey)
    pencil.text((2 * unit, unit), rng.choice(["LTE", "Fri", "Notes"]), grey, font)
    for left, word in ((2, "Clear"), (18, "Done")):
        box = [left * unit, size[0] - 7 * unit, (left + 12) * unit, size[0] - 3 * unit]
        pencil.rounded_rectangle(box, unit, (45,) * 3)
        pencil.text((box[0] + 4 * unit, box[1] + unit), word, grey, font)
    return np.asarray(page)


def form_field(glyph, rng):
    """A printed form: the digit stands in one of a few boxes."""
    page, ink = white(rng), dark(rng)
    size, short = page.shape[:2], min(page.shape[:2])
    side = rng.uniform(0.27, 0.45) * short
    count = int(rng.integers(1, max(int(0.92 * size[1] / side), 1) + 1))
    left = rng.uniform(0.03, 0.97 - count * side / size[1]) * size[1]
    top = rng.uniform(0.2, 0.95 - side / size[0]) * size[0]
    used = rng.integers(count)
    thick = max(rng.uniform(0.004, 0.01) * short, 1)
    frame = np.zeros(size, "float32")
    for axis, places, least, most in (
        (0, (top, top + side), left, left + count * side),
        (1, left + side * np.arange(count + 1), top, top + side),
    ):
        cover = papers.lines(size, places, thick, axis=axis)
        along = np.arange(size[1 - axis])
        inside = (along >= least - thick / 2) & (along <= most + thick / 2)
        frame = np.maximum(frame, cover * (inside if axis == 0 else inside[:, None]))
    label = papers.printed(
        rng, size, (0.05, left / size[1], 0.18, 0.95), round(0.06 * short)
    )
    shade = papers.colour(rng, (0.5, 0.7), (0, 0.6), (0.1, 0.6))
    page = dye(page, np.maximum(frame, label), shade)
    box = np.array([top, left + used * side, top + side, left + (used + 1) * side])
    area = box / [*size, *size]
    height = np.array([0.6, 0.8]) * side / short
    cover = draw(glyph, rng, size, height, (0.07, 0.13), area, margin=0.05 * side / short)
    return pixels(dye(page, cover, ink))
