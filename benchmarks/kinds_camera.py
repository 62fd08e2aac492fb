"""What light, a lens and a camera do to a page, float32 [h, w, 3] of 0…1."""

import io

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from benchmarks.kinds_papers import cloud


def slope(rng, size, least):
    """Light that falls from 1 to `least` across the picture, float32 [h, w, 1]."""
    y, x = np.mgrid[: size[0], : size[1]].astype("float32")
    way = rng.uniform(0, 2 * np.pi)
    across = x * np.cos(way) + y * np.sin(way)
    across = (across - across.min()) / np.ptp(across)
    return (least + (1 - least) * across)[..., None]


def corner(rng, size, light):
    """A shadow in a corner, where only `light` is left, float32 [h, w, 1]."""
    y, x = np.mgrid[: size[0], : size[1]].astype("float32")
    down, right = rng.integers(0, 2, 2)
    u = abs(x / size[1] - right)
    v = abs(y / size[0] - down)
    edge = u / rng.uniform(0.5, 0.95) + v / rng.uniform(0.5, 0.95) - 1
    edge += 0.06 * cloud(rng, size, max(size) / 3)
    lit = 1 / (1 + np.exp(-edge / rng.uniform(0.02, 0.12)))
    return (light + (1 - light) * lit)[..., None]


def vignette(size, light):
    """Light that falls off from the middle to `light` in the corners."""
    y, x = (np.linspace(-1, 1, side, dtype="float32") for side in size)
    return (1 - (1 - light) * (y[:, None] ** 2 + x**2) / 2)[..., None]


def cast(rng, size, light):
    """The shadow of a hand with a pen, which comes from below; `light` is left."""
    image = Image.new("L", size[::-1], 255)
    pencil = ImageDraw.Draw(image)
    h, w = size
    short = min(size)
    wrist = np.array([w * rng.uniform(0.6, 1.05), h * 1.1])
    tip = np.array([w * rng.uniform(0.2, 0.7), h * rng.uniform(0.3, 0.6)])
    palm = wrist + (tip - wrist) * 0.35
    # A pen, then fingers and the arm.
    parts = [(tip, wrist + (tip - wrist) * 0.2, 0.03)]
    for _ in range(4):
        finger = wrist + (tip - wrist) * rng.uniform(0.5, 0.7)
        parts.append((finger + rng.normal(0, 0.05, 2) * short, palm, 0.08))
    parts.append((palm, wrist + (wrist - tip) * 0.3, 0.3))
    for start, end, thick in parts:
        pencil.line([tuple(start), tuple(end)], 0, round(thick * short))
        for x, y in (start, end):
            r = thick * short / 2
            pencil.ellipse([x - r, y - r, x + r, y + r], 0)
    if rng.uniform() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    soft = ndimage.gaussian_filter(
        np.asarray(image, "float32") / 255, rng.uniform(0.01, 0.03) * short
    )
    return (light + (1 - light) * soft)[..., None]


def glare(rng, page, strength):
    """A lamp's reflection."""
    size = page.shape[:2]
    y, x = np.mgrid[: size[0], : size[1]].astype("float32")
    place = rng.uniform(0.1, 0.9, 2) * size
    wide = rng.uniform(0.1, 0.25, 2) * min(size)
    spot = np.exp(-(((y - place[0]) / wide[0]) ** 2) - ((x - place[1]) / wide[1]) ** 2)
    return page + strength * spot[..., None] * (1 - page)


def blurred(page, sigma):
    """Out of focus by `sigma` pixels."""
    return ndimage.gaussian_filter(page, (sigma, sigma, 0), truncate=3)


def shaken(rng, page, length):
    """Blurred by a camera that moved `length` pixels on a straight line."""
    way = rng.uniform(0, np.pi)
    count = max(round(length), 2)
    reach = count // 2 + 1
    framed = np.pad(page, ((reach, reach), (reach, reach), (0, 0)), "edge")
    total = np.zeros_like(page)
    for step in np.linspace(-length / 2, length / 2, count):
        y, x = reach + round(step * np.sin(way)), reach + round(step * np.cos(way))
        total += framed[y : y + page.shape[0], x : x + page.shape[1]]
    return total / count


def grain(rng, page, sigma):
    """A sensor's noise, which differs between the channels in part."""
    size = page.shape[:2]
    # Cameras smooth colours more than brightness.
    colours = np.stack([cloud(rng, size, 1.7) for _ in range(3)], -1)
    noise = rng.standard_normal((*size, 1), "float32")
    return page + sigma * (0.4 * colours + 0.6 * noise)


def lay(rng, sheet, table, share, tilt=0.02, shadow=0.35):
    """Lays a sheet on a table, turned by at most 5 degrees, as a camera sees it.

    Args:
      sheet, table: float32 [h, w, 3] each.
      share: how much of the table's height or width the sheet takes.
      tilt: how far perspective moves its corners, as a share of its sides.
      shadow: how dark its shadow on the table is.
    """
    size = np.array(table.shape[:2][::-1], float)
    sides = np.array(sheet.shape[:2][::-1], float)
    wide, tall = sides * share * (size / sides).min()
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) - 0.5
    quad = (corners + rng.uniform(-tilt, tilt, (4, 2))) * (wide, tall)
    angle = np.radians(rng.uniform(-5, 5))
    sine, cosine = np.sin(angle), np.cos(angle)
    quad = quad @ np.array([(cosine, sine), (-sine, cosine)])
    least, most = -quad.min(0), size - quad.max(0)
    # A sheet that is larger than the table's picture lies in its middle.
    quad += np.where(most > least, rng.uniform(least, np.maximum(most, least)), size / 2)
    back = _perspective(quad, (corners + 0.5) * sides)
    image = Image.fromarray(np.uint8(255 * np.clip(sheet, 0, 1)))
    image.putalpha(255)
    # Off the sheet its alpha is 0.
    seen = image.transform(
        tuple(size.astype(int)),
        Image.Transform.PERSPECTIVE,
        back,
        Image.Resampling.BICUBIC,
    )
    seen = np.asarray(seen, "float32") / 255
    alpha = seen[..., 3:]
    away = min(size) * rng.uniform(0.005, 0.02)
    dark = ndimage.gaussian_filter(alpha[..., 0], away)
    dark = ndimage.shift(dark, rng.uniform(-1, 1, 2) * away, order=1)[..., None]
    return table * (1 - shadow * dark) * (1 - alpha) + seen[..., :3] * alpha


def _perspective(places, sources):
    """The eight numbers by which PIL finds, for each of `places`, its source."""
    rows, wanted = [], []
    for (x, y), (u, v) in zip(places, sources, strict=True):
        rows += [(x, y, 1, 0, 0, 0, -u * x, -u * y), (0, 0, 0, x, y, 1, -v * x, -v * y)]
        wanted += [u, v]
    return tuple(np.linalg.solve(rows, wanted))


def pixels(page):
    """uint8, what a page is in a file."""
    return np.uint8(255 * np.clip(page, 0, 1) + 0.5)


def jpeg(page, quality):
    """A page as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels(page)).save(buffer, "JPEG", quality=int(quality))
    return buffer.getvalue()


def photo(rng, page, light=(0.85, 1.0), soft=(0.3, 0.8), noise=(0.004, 0.015)):
    """A page as a phone takes it, bytes of a JPEG file.

    Args:
      light, soft, noise: (least, most) of the light's fall across the picture, the lens'
        blur in pixels, and the sensor's noise.
    """
    size = page.shape[:2]
    page = page * slope(rng, size, rng.uniform(*light)) * rng.uniform(0.96, 1, 3)
    page = blurred(page.astype("float32"), rng.uniform(*soft))
    page = grain(rng, page, rng.uniform(*noise))
    return jpeg(page, rng.uniform(70, 95))
