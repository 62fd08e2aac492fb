"""From a PNG image to MNIST's form, as graph operations: what the signature `png` does.

The ink network finds the digit. The rest are the steps by which MNIST was made (LeCun et
al., 1998): the ink is cropped, scaled to fit 20×20 without changing its proportions, and
centred by its centre of mass in 28×28.
"""

import functools
import math

import tensorflow as tf

from keras_pairs.graph import freeze, require
from keras_pairs.pictures import finding, ink_network
from keras_pairs.pictures.image_files import MAX_PIXELS, MEGA

PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
SIDE, BOX = 28, 20
# MNIST's centres of mass lie in 14…15, both down and across, where its pixel 0 is 0…1.
CENTRE = 14.5
# Pixels; larger pictures are reduced to it first. Four times what the ink network sees of a
# whole picture.
LONGER_SIDE = 512
# Of 255: how near to black or white the median of a border is in MNIST's own form.
PURE = 8.0
# Of 255. Paper is less even than this, and a pencil leaves more.
FAINTEST_INK = 32.0
# Pixels of 28×28; of MNIST's strokes one in a hundred is thinner. Measured on drawings with
# thin pens: thickening them lifts the digits read right from 70 % to 95 %.
THINNEST_STROKE = 1.5
# What a picture without a digit, and one with several, is refused with.
NO_DIGIT = "png_bytes: an image shows no digit that can be found"
SEVERAL = "png_bytes: an image shows several digits; give each a picture of its own"

# Of what `look` gives.
SHAPES = {
    "image": (SIDE, SIDE),
    "count": (),
    "ink": (finding.WINDOW, finding.WINDOW),
    "window": (4,),
    "boxes": (finding.MOST_DIGITS, 4),
}


def mnist_form(png):
    """Decodes one picture of a digit and brings it to MNIST's form.

    Args:
      png: string [], a PNG file, see `look`.

    Returns:
      float32 [28, 28], 0 = background, 255 = ink.

    Raises:
      tf.errors.InvalidArgumentError: as `look`, and if the picture does not show
        exactly one digit.
    """
    return only_digits(look(png))


def only_digits(seen):
    """`image` of what `look` gave of a picture, or of a batch of them.

    Raises:
      tf.errors.InvalidArgumentError: if a picture does not show exactly one digit.
    """
    image = require(tf.reduce_all(seen["count"] > 0), NO_DIGIT, seen["image"])
    return require(tf.reduce_all(seen["count"] < 2), SEVERAL, image)


def look(png):
    """What is made of one picture, of however many digits.

    Grey, colour, palette, 16-bit (the upper 8 are used) and transparent images, in any
    light, dark on light or light on dark. An image of 28×28 pixels on black or white is
    taken for MNIST's form already: its pixels are the answer, or 255 minus them where its
    paper is white. On other paper it is taken for one digit.

    Args:
      png: string [], a PNG file.

    Returns:
      dict: `image` float32 [28, 28], 0 = background, 255 = ink, all that was found; `count`
      int32 [], how many digits were found; `ink` float32 [64, 64] of 0…1, the ink in the
      window that was read; `window` float32 [4], its top, left, bottom and right as shares
      of the picture's height and width; `boxes` float32 [9, 4], those of the digits from
      left to right, zeros behind the last.

    Raises:
      tf.errors.InvalidArgumentError: if it is not a whole PNG image, is animated or has
        more than `MAX_PIXELS` pixels.
    """
    colour = _on_paper(_reduced(tf.io.decode_png(_checked(png), channels=4)))
    border = tf.concat([colour[0], colour[-1], colour[:, 0], colour[:, -1]], 0)
    paper = tf.sort(border, axis=0)[tf.shape(border)[0] // 2]
    pure = tf.reduce_all(paper <= PURE) | tf.reduce_all(paper >= 255 - PURE)
    ready = tf.reduce_all(tf.shape(colour)[:2] == SIDE) & pure
    seen = tf.cond(ready, lambda: _ready(colour, paper), lambda: _found(colour))
    # Not in the branches: TensorFlow's optimiser would take the shape that one of them
    # ensures for that of every picture.
    return {name: tf.ensure_shape(seen[name], shape) for name, shape in SHAPES.items()}


@functools.cache
def _ink_network():
    """The shipped ink network as a function without variables."""
    with tf.init_scope():
        network = ink_network.load()
        spec = tf.TensorSpec([1, None, None, 3], tf.float32, "picture")
        frozen, _ = freeze(lambda picture: network(picture, training=False), spec)
    return lambda picture: frozen(picture)[0]


def _ready(colour, paper):
    """`look` at a picture that is in MNIST's form."""
    ink = tf.reduce_max(tf.abs(colour - tf.where(paper > 127, 255.0, 0.0)), -1)
    count = tf.cast(tf.reduce_max(ink) >= FAINTEST_INK, tf.int32)
    whole = tf.constant([0.0, 0.0, 1.0, 1.0])
    boxes = tf.pad(
        whole[None] * tf.cast(count, tf.float32), [[0, finding.MOST_DIGITS - 1], [0, 0]]
    )
    side = finding.WINDOW
    shown = tf.image.resize(ink[..., None] / 255, (side, side), "nearest")[..., 0]
    return {"image": ink, "count": count, "ink": shown, "window": whole, "boxes": boxes}


def _found(colour):
    """`look` at any other picture."""
    found = finding.find(_ink_network(), colour)
    size = tf.cast(tf.shape(colour)[:2], tf.float32)
    # Of MNIST's size, it holds one digit. Where its strokes are a pixel wide and pale, two
    # parts of a 4 look like two digits.
    count, boxes = tf.cond(
        tf.reduce_all(size == SIDE),
        lambda: finding.joined(found["count"], found["boxes"]),
        lambda: (found["count"], found["boxes"]),
    )
    size = tf.concat([size, size], 0)
    image = tf.cond(count > 0, lambda: _fit(found["ink"]), lambda: tf.zeros((SIDE, SIDE)))
    return {
        "image": image,
        "count": count,
        "ink": found["ink"],
        "window": found["window"] / size,
        "boxes": boxes / size,
    }


def _checked(png):
    """The PNG file, after what can be known without decoding it."""
    start = tf.strings.substr(png, 0, 24)
    right = tf.strings.substr(png, 0, 16) == PNG_START
    right &= tf.strings.length(start) == 24
    start = require(right, "png_bytes: an image is not a PNG file", start)
    # Width and height, big-endian.
    digits = tf.reshape(tf.io.decode_raw(start, tf.uint8)[16:], (2, 4))
    sides = tf.reduce_sum(tf.cast(digits, tf.int64) * [1 << 24, 1 << 16, 1 << 8, 1], 1)
    # Each side too: their product could leave int64.
    small = tf.reduce_all(sides <= MAX_PIXELS) & (sides[0] * sides[1] <= MAX_PIXELS)
    message = f"png_bytes: an image has more than {MAX_PIXELS // MEGA} megapixels"
    png = require(small, message, png)
    # The chunk that makes a PNG an animation stands before the pixels, and behind a colour
    # profile.
    head = tf.strings.substr(png, 0, 2**16)
    head = tf.strings.regex_replace(head, r"IDAT\C*", "")
    animated = tf.strings.regex_full_match(head, r"\C*acTL\C*")
    return require(~animated, "png_bytes: an image is animated", png)


def _reduced(rgba):
    """uint8 [h, w, 4] → float32, its longer side at most `LONGER_SIDE`."""
    size = tf.shape(rgba)[:2]
    scale = LONGER_SIDE / tf.cast(tf.reduce_max(size), tf.float32)
    reduced = tf.maximum(tf.cast(tf.round(tf.cast(size, tf.float32) * scale), tf.int32), 1)
    return tf.cond(
        scale < 1,
        # From integers: as floats a large picture would take four times the memory.
        lambda: tf.raw_ops.ResizeArea(images=rgba[None], size=reduced)[0],
        lambda: tf.cast(rgba, tf.float32),
    )


def _on_paper(rgba):
    """[h, w, 4] → [h, w, 3]: puts a transparent image on the paper it was meant for.

    Where the visible part is all of one shade it is ink, and the paper its opposite.
    Otherwise it is ink and paper, and the paper is the shade nearer to the mean.
    """
    colour, alpha = rgba[..., :3], rgba[..., 3:]
    # Of the largest: in images of 1 bit a pixel, what TensorFlow calls opaque is 1.
    alpha = tf.math.divide_no_nan(alpha, tf.reduce_max(alpha))
    shade = tf.reduce_mean(colour, -1, keepdims=True)
    # Edges of a reduced picture mix the ink's colour with the hidden paper's.
    seen = alpha >= 0.9
    dark = tf.reduce_min(tf.where(seen, shade, 255.0))
    light = tf.reduce_max(tf.where(seen, shade, 0.0))
    count = tf.reduce_sum(tf.cast(seen, tf.float32))
    mean = tf.math.divide_no_nan(tf.reduce_sum(tf.where(seen, shade, 0.0)), count)
    opposite = tf.where(mean < 128, 255.0, 0.0)
    nearer = tf.where(light - mean < mean - dark, light, dark)
    paper = tf.where(light - dark < 64, opposite, nearer)
    return paper + (colour - paper) * alpha


def _fit(ink):
    """Ink [h, w] of 0…1 → [28, 28] of 0…255: cropped, scaled, centred."""
    ink = tf.where(ink > 0.25, ink, 0.0)
    rows = tf.where(tf.reduce_any(ink > 0, 1))[:, 0]
    columns = tf.where(tf.reduce_any(ink > 0, 0))[:, 0]
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    size = tf.cast(tf.shape(ink), tf.float32)
    size = tf.maximum(tf.round(size * (BOX / tf.reduce_max(size))), 1)
    size = tf.cast(size, tf.int32)
    small = tf.image.resize(ink[..., None], size, "bilinear", antialias=True)[..., 0]
    small = _thicken(small * (255 / tf.reduce_max(small)))
    offset = tf.stack([_offset(small, axis) for axis in (0, 1)])
    offset = tf.clip_by_value(offset, 0, SIDE - size)
    return tf.pad(small, tf.stack([offset, SIDE - size - offset], 1))


def _thicken(ink):
    """Widens what a thin pen drew by a pixel on each side."""
    framed = tf.pad(ink, [[1, 1], [1, 1]])
    steps = tf.abs(framed[1:] - framed[:-1]), tf.abs(framed[:, 1:] - framed[:, :-1])
    # Total variation along both axes exceeds the outline's length by 4/π on average.
    outline = tf.add_n([tf.reduce_sum(step) for step in steps]) / 255 * (math.pi / 4)
    thickness = 2 * tf.reduce_sum(ink) / 255 / outline
    wide = tf.nn.max_pool2d(ink[None, :, :, None], 3, 1, "SAME")[0, :, :, 0]
    return tf.where(thickness < THINNEST_STROKE, wide, ink)


def _offset(ink, axis):
    """Where the image must begin for its centre of mass to lie where MNIST's do."""
    mass = tf.reduce_sum(ink, 1 - axis)
    places = tf.range(tf.cast(tf.size(mass), tf.float32)) + 0.5
    centre = tf.reduce_sum(mass * places) / tf.reduce_sum(mass)
    return tf.cast(tf.round(CENTRE - centre), tf.int32)
