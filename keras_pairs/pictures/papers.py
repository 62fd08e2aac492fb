"""What digits are written on: procedural papers, boards and tables.

Every function draws from the generator that it is given, and from nothing else. Colours are
float32 of 0…1; a canvas is [side, side, 3].
"""

import numpy as np
from PIL import Image
from scipy import ndimage


def smooth(rng, side, cells):
    """Smooth noise, float32 [side, side] of mean 0 and about -1…1, `cells` bumps a side."""
    small = rng.standard_normal((cells + 2, cells + 2)).astype("float32")
    image = Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(image) / 2, -1, 1)


def places(side):
    """Coordinates of a canvas's pixels, two arrays [side, side] of 0…1: down, across."""
    axis = (np.arange(side, dtype="float32") + 0.5) / side
    return np.meshgrid(axis, axis, indexing="ij")


def along(rng, side, spread=np.pi):
    """How far each pixel lies along a random direction, [side, side], 0 in the middle."""
    angle = rng.uniform(-spread, spread)
    down, across = places(side)
    return (down - 0.5) * np.cos(angle) + (across - 0.5) * np.sin(angle)


def colour(rng):
    """A paper's colour [3]: mostly white or grey, sometimes any."""
    kind = rng.random()
    if kind < 0.4:
        return np.clip(rng.uniform(0.75, 1) + rng.normal(0, 0.03, 3), 0, 1)
    if kind < 0.55:
        return np.clip(rng.uniform(0.3, 0.8) + rng.normal(0, 0.05, 3), 0, 1)
    if kind < 0.75:
        return np.clip(rng.uniform(0, 0.3) + rng.normal(0, 0.05, 3), 0, 1)
    return rng.uniform(0, 1, 3)


def ink_colour(rng, paper):
    """A colour [3] that differs from `paper`'s, mostly by much, sometimes by hue alone."""
    if rng.random() < 0.15:
        # As bright as the paper: two channels go opposite ways.
        step = rng.permutation([1.0, -0.6, rng.uniform(-0.3, 0.3)])
        changed = np.clip(paper + step * rng.uniform(0.3, 0.8) * rng.choice([-1, 1]), 0, 1)
        if np.abs(changed - paper).max() > 0.2:
            return changed
    if rng.random() < 0.1 and paper.min() > 0.5:
        # A highlighter or a felt tip: takes some of the light of one or two channels.
        taken = rng.permutation([1, rng.choice([0, rng.uniform(0, 1)]), 0])
        return paper * (1 - rng.uniform(0.35, 0.95) * taken)
    least = rng.choice([0.12, 0.25, 0.45], p=[0.25, 0.3, 0.45])
    for _ in range(20):
        if rng.random() < 0.6:
            found = np.clip(rng.uniform(0, 0.35) + rng.normal(0, 0.08, 3), 0, 1)
            found = 1 - found if paper.mean() < 0.5 else found
        else:
            found = rng.uniform(0, 1, 3)
        difference = np.abs(found - paper).max()
        if difference > least:
            # Faint inks are as frequent as they are hard.
            faint = rng.uniform(least, difference) if rng.random() < 0.4 else difference
            return paper + (found - paper) * faint / difference
    return 1 - np.round(paper)


def blank(side, base):
    """A canvas of colour `base`, and nothing else."""
    return np.broadcast_to(base.astype("float32"), (side, side, 3)).copy()


def paper(rng, side, base):
    """A sheet of colour `base`: fibres, folds, stains, and what is printed on it."""
    canvas = blank(side, base)
    if rng.random() < 0.6:
        tone = smooth(rng, side, int(rng.integers(2, 12))) * rng.uniform(0, 0.08)
        canvas += tone[..., None]
    if rng.random() < 0.25:
        canvas *= 1 - rng.uniform(0.05, 0.3) * _crumpled(rng, side)[..., None]
    if rng.random() < 0.15:
        canvas += _grain(rng, side)[..., None] * rng.uniform(0.03, 0.15)
    for chance, draw in (
        (0.4, _rulings),
        (0.25, _blotch),
        (0.25, _specks),
        (0.15, text),
        (0.12, _folds),
        (0.1, _ghost),
    ):
        if rng.random() < chance:
            draw(rng, canvas)
    return canvas


def blend(canvas, cover, tint):
    """Covers the canvas in place, by shares of 0…1 [side, side], with a colour."""
    canvas += np.clip(cover, 0, 1)[..., None] * (np.asarray(tint, "float32") - canvas)


def _crumpled(rng, side):
    """Creases: where smooth noises cross 0, [side, side] of 0…1."""
    creases = [np.abs(smooth(rng, side, int(rng.integers(2, 9)))) for _ in range(3)]
    return np.exp(-np.min(creases, 0) * rng.uniform(5, 25))


def _grain(rng, side):
    """Wood, cloth or scratches: noise drawn out along one direction."""
    stretch = [side // 3, int(rng.integers(1, 3))]
    noise = ndimage.uniform_filter(
        rng.standard_normal((side, side)), rng.permutation(stretch)
    )
    return (noise / (noise.std() + 1e-6) / 2).astype("float32")


def _tint(rng, canvas):
    """A colour of something printed: near the paper's, or a pale or dark line's."""
    base = canvas.mean((0, 1))
    other = rng.uniform(0, 1, 3) if rng.random() < 0.6 else np.round(1 - base)
    return base + (other - base) * rng.uniform(0.15, 0.9)


def _rulings(rng, canvas):
    """Ruled lines, squares, and a margin."""
    side = len(canvas)
    tint = _tint(rng, canvas)
    spacing = rng.uniform(0.05, 0.35)
    # In pixels; below one it is a fainter line.
    width = rng.uniform(0.3, 2.2) * side / 128
    turn = rng.normal(0, 0.06)
    down, across = places(side)
    axes = [down + across * turn, across - down * turn]
    both = rng.random() < 0.35
    bend = smooth(rng, side, 2) * rng.uniform(0, 0.02)
    for axis in axes if both else [axes[int(rng.random() < 0.15)]]:
        phase = (axis + bend) / spacing + rng.random()
        distance = np.abs(phase - np.round(phase)) * spacing * side
        blend(canvas, np.clip(width / 2 + 0.5 - distance, 0, min(width, 1)), tint)
    if rng.random() < 0.4:
        # Beside the digit, or right through it.
        place, tint = rng.uniform(0, rng.choice([0.35, 1])), rng.uniform(0, 1, 3)
        width *= rng.uniform(0.7, 2)
        for shift in (0, rng.uniform(0.01, 0.04))[: rng.integers(1, 3)]:
            distance = np.abs(axes[1] - place - shift) * side
            blend(canvas, np.clip(width / 2 + 0.5 - distance, 0, min(width, 1)), tint)


def _blotch(rng, canvas):
    """Stains: discs or rings with ragged edges, faint or dark."""
    side = len(canvas)
    down, across = places(side)
    for _ in range(rng.integers(1, 3)):
        centre, radius = rng.uniform(0, 1, 2), rng.uniform(0.05, 0.5)
        distance = np.hypot(down - centre[0], across - centre[1])
        distance = distance + smooth(rng, side, 4) * rng.uniform(0, 0.06)
        disc = 1 / (
            1 + np.exp(np.clip((distance - radius) * rng.uniform(20, 200), -30, 30))
        )
        cover = disc * rng.uniform(0, 0.4)
        # A small ring would be a 0.
        if radius > 0.25 and rng.random() < 0.8:
            wide = 10 ** rng.uniform(-2.2, -0.9)
            ring = np.exp(-(((distance - radius) / wide) ** 2))
            ring *= np.clip(1 + smooth(rng, side, 5) * rng.uniform(0, 2), 0, 1)
            cover = np.maximum(cover, ring * rng.uniform(0.2, 0.8))
        blend(canvas, cover, _tint(rng, canvas))


def _specks(rng, canvas):
    """Dust and dots of one to three pixels of the finished picture, dark or light."""
    side = len(canvas)
    dots = (rng.random((side, side)) < 10 ** rng.uniform(-4, -1.7)).astype("float32")
    size = rng.uniform(0.3, 1.3) * side / 128
    dots = ndimage.gaussian_filter(dots, size) * (6 * size**2 + 1)
    blend(
        canvas, dots, _tint(rng, canvas) if rng.random() < 0.5 else np.round(rng.random(3))
    )


def text(rng, canvas, largest=0.05):
    """Rows of small marks, as print is seen from afar; on a part of the sheet or faint."""
    side = len(canvas)
    height = max(2, int(side * rng.uniform(0.015, largest)))
    marks = np.zeros((side, side), "float32")
    part = np.sort(rng.uniform(-0.1, 1.1, (2, 2)), 0) * side
    faint = rng.random() < 0.4
    for top in range(0, side - height, int(height * rng.uniform(1.5, 2.5))):
        if faint or part[0, 0] < top < part[1, 0]:
            strokes = rng.random((3, side // max(2, height // 2))) < 0.5
            row = Image.fromarray(np.uint8(strokes * 255)).resize((side, height))
            marks[top : top + height] = np.asarray(row) / 255
    if not faint:
        marks[:, : max(0, int(part[0, 1]))] = 0
        marks[:, max(0, int(part[1, 1])) :] = 0
    blend(canvas, marks * (rng.uniform(0.05, 0.25) if faint else 0.8), _tint(rng, canvas))


def _folds(rng, canvas):
    """One to three straight folds: a dark line beside a light one, or a step of shade."""
    side = len(canvas)
    for _ in range(rng.integers(1, 4)):
        distance = (along(rng, side) + rng.uniform(-0.4, 0.4)) * side / rng.uniform(0.5, 3)
        canvas += (np.tanh(distance) * rng.uniform(-0.05, 0.05))[..., None]
        edge = np.exp(-(distance**2)) * np.sign(distance) * rng.uniform(-0.25, 0.25)
        canvas += edge[..., None]


def _ghost(rng, canvas):
    """What was wiped off or shines through: faint, soft, curved strokes."""
    side = len(canvas)
    for _ in range(rng.integers(1, 4)):
        curve = np.abs(smooth(rng, side, int(rng.integers(2, 5))) - rng.uniform(-0.3, 0.3))
        where = smooth(rng, side, 3) > rng.uniform(-0.1, 0.4)
        cover = ndimage.gaussian_filter(np.exp(-curve * 25) * where, side / 100)
        blend(canvas, cover * rng.uniform(0.05, 0.2), _tint(rng, canvas))


def on_table(rng, sheet, inside):
    """Lays a sheet on a table: what lies outside a four-sided area becomes the table.

    Args:
      rng: numpy Generator.
      sheet: float32 [side, side, 3].
      inside: float (top, left, bottom, right) of 0…1, what must stay on the sheet.

    Returns:
      float32 [side, side, 3].
    """
    side = len(sheet)
    down, across = places(side)
    top, left, bottom, right = inside
    cover = np.ones((side, side), "float32")
    sharp = side * rng.uniform(0.3, 1.5)
    # The sheet's, to which each edge adds its own.
    turn = rng.normal(0, 0.3) if rng.random() < 0.4 else 0
    for axis, other, ends, edge, sign in (
        (down, across, (left, right), top, 1),
        (across, down, (top, bottom), left, -1),
        (1 - down, across, (left, right), 1 - bottom, -1),
        (1 - across, down, (top, bottom), 1 - right, 1),
    ):
        if edge > 0.03 and rng.random() < 0.75:
            lean = sign * turn + rng.normal(0, 0.12)
            # At both ends of what stays the edge keeps a distance.
            near = edge + min((end - 0.5) * lean for end in ends)
            start = near - edge * rng.uniform(0.1, 0.8)
            cover *= 1 / (
                1 + np.exp(-np.clip((axis + (other - 0.5) * lean - start) * sharp, -30, 30))
            )
    table = np.broadcast_to(colour(rng).astype("float32"), sheet.shape).copy()
    if rng.random() < 0.6:
        table += _grain(rng, side)[..., None] * rng.uniform(0.02, 0.2)
    if rng.random() < 0.4:
        table += (smooth(rng, side, 10) * rng.uniform(0, 0.2))[..., None]
    if rng.random() < 0.4:
        shade = ndimage.gaussian_filter(cover, side * rng.uniform(0.01, 0.05))
        table *= (1 - rng.uniform(0.1, 0.6) * shade)[..., None]
    return table + (sheet - table) * cover[..., None]
