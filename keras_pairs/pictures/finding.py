"""Finds the digits in a picture, as graph operations: where they are, and their ink.

The ink network looks at the whole picture, to locate what is drawn, and twice at a window
around that, where strokes have their full width.
"""

import tensorflow as tf

# Sides in pixels of the whole picture and of the window, as the ink network sees them.
WHOLE, WINDOW = 128, 64
# A window's side over that of what was found in it.
MARGIN = 1.35
# Share of a pixel that ink covers, from which on it counts.
INKED = 0.5
# The same of bodies, look by look: the first ones see digits small, and less surely.
IN_BODY = (0.2, 0.3, 0.5)
# In pixels of the window. Less is a speck.
LEAST_INK = 12.0
# Of 0…1: what is surest of a digit's ink and of its body. Measured on validation scenes in
# which something is found: below 0.85 are half of those without a digit, and one in 16 of
# those with one, below 0.7 one in 5 and one in 55. A plain 1 has little body: at 0.85 many
# a straight one would be refused.
SUREST = 0.7
# Of 0…1: a digit's inked pixels have this mean or more. Clouds and pages of print have
# less: of validation scenes without a digit it lets 12 in 300 pass and not 17, and refuses
# 3 in 600 of those with a digit that is read.
CLEAR = 0.64
# A digit has this share of the largest one's body, and of the tallest one's height.
LEAST_MASS, LEAST_HEIGHT = 0.1, 0.4
# A 1 beside a broad digit has less: what is so tall needs only this share of the body.
TALL, LEAST_TALL_MASS = 0.7, 0.05
# What is farther from all digits' bodies than this share of their longer sides is not
# theirs: a punched hole, a button of a program.
REACH = 0.3
# In pixels of the whole picture: what comes so near to its edges reaches them.
EDGE = 3.0
# The width of the band that continues a picture beyond its edges, over a window's side.
BAND = 0.03
# How many digits get a box.
MOST_DIGITS = 9


def find(network, picture):
    """Finds the digits in one picture.

    Args:
      network: function from float32 [1, side, side, 3] of 0…255 to logits
        [1, side, side, 2]: the ink network.
      picture: float32 [h, w, 3] of 0…255.

    Returns:
      dict: `ink` float32 [WINDOW, WINDOW] of 0…1, the ink in the window; `window` float32
      [4], the window's top, left, bottom and right in pixels of the picture; `count`
      int32 [], how many digits there are; `boxes` float32 [MOST_DIGITS, 4], theirs from
      left to right, in pixels as the window, and zeros behind the last.
    """
    size = tf.cast(tf.shape(picture)[:2], tf.float32)
    whole = _square([0.0, 0.0, size[0], size[1]], 1.0)
    ink, body = _look(network, picture, whole, WHOLE)

    def look_closer(tries, body, *_):
        window = _around(_near(ink, _digits(body, IN_BODY[0])), whole)
        seen, there = _look(network, picture, window, WINDOW)
        window = _around(_near(seen, _digits(there, IN_BODY[1])), window)
        seen, there = _look(network, picture, window, WINDOW)
        boxes = _digits(there, IN_BODY[2])
        seen = _near(seen, boxes)
        count = tf.where(_sure(seen, there), tf.shape(boxes)[0], 0)
        boxes = boxes[:MOST_DIGITS]
        boxes = tf.pad(boxes, [[0, MOST_DIGITS - tf.shape(boxes)[0]], [0, 0]])
        boxes = tf.ensure_shape(boxes, (MOST_DIGITS, 4))
        # The edge of a table is taller than a digit, and then the digit passes for a speck.
        again = (tries == 0) & (count == 0)
        rest = tf.cond(again, lambda: _off_edges(body, size), lambda: body)
        return tries + 1, rest, count, seen, boxes, window

    def go_on(tries, body, count, *_):
        return (tries == 0) | ((count == 0) & (tf.reduce_max(body) > IN_BODY[0]))

    nothing = tf.zeros((WINDOW, WINDOW)), tf.zeros((MOST_DIGITS, 4)), whole
    *_, count, ink, boxes, window = tf.while_loop(
        go_on, look_closer, (0, body, 0, *nothing), maximum_iterations=2
    )
    scale = (window[2] - window[0]) / WINDOW
    corner = tf.concat([window[:2], window[:2]], 0)
    boxes = tf.where(boxes[:, 2:3] > 0, corner + boxes * scale, 0.0)
    return {"ink": ink, "window": window, "count": count, "boxes": boxes}


def joined(count, boxes):
    """`count` and `boxes` of `find` for a picture in which all is one digit's."""
    there = boxes[:, 2:3] > 0
    first = tf.reduce_min(tf.where(there, boxes[:, :2], tf.float32.max), 0)
    box = tf.concat([first, tf.reduce_max(boxes[:, 2:], 0)], 0)
    count = tf.minimum(count, 1)
    box = tf.where(count > 0, box, 0.0)
    return count, tf.pad(box[None], [[0, MOST_DIGITS - 1], [0, 0]])


def _square(box, margin):
    """The square around a box's middle, `margin` times its longer side: float32 [4]."""
    top, left, bottom, right = tf.unstack(box) if tf.is_tensor(box) else box
    half = tf.maximum(bottom - top, right - left) * margin / 2
    middle = (top + bottom) / 2, (left + right) / 2
    return tf.stack(
        [middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half]
    )


def _look(network, picture, window, side):
    """Ink and bodies in a window of a picture, two float32 [side, side] of 0…1.

    Beyond the picture's edges there are none.
    """
    first = tf.cast(tf.math.floor(window[:2]), tf.int32)
    length = tf.maximum(tf.cast(tf.round(window[2] - window[0]), tf.int32), 1)
    inside = []
    for axis in (0, 1):
        places = tf.range(first[axis], first[axis] + length)
        last = tf.shape(picture)[axis] - 1
        picture = tf.gather(picture, _continued(places, last, length), axis=axis)
        centre = tf.cast(first[axis], tf.float32) + (
            tf.range(side, dtype=tf.float32) + 0.5
        ) * tf.cast(length / side, tf.float32)
        inside.append((centre >= 0) & (centre <= tf.cast(last + 1, tf.float32)))
    seen = tf.image.resize(picture, (side, side), "bilinear", antialias=True)
    found = tf.sigmoid(network(seen[None])[0])
    found = tf.where((inside[0][:, None] & inside[1])[..., None], found, 0.0)
    return found[..., 0], found[..., 1]


def _continued(places, last, length):
    """The pixels that a window shows at `places` along one axis; 0 to `last` are there.

    Beyond the edges it shows a narrow band along them, mirrored: there is paper as
    elsewhere, and no second digit.
    """
    band = tf.cast(BAND * tf.cast(length, tf.float32), tf.int32)
    band = tf.clip_by_value(band, 1, last + 1)
    beyond = tf.maximum(-1 - places, places - last - 1)
    turned = tf.math.floormod(beyond, 2 * band)
    turned = tf.minimum(turned, 2 * band - 1 - turned)
    return tf.where(beyond < 0, places, tf.where(places < 0, turned, last - turned))


def _around(ink, window):
    """The window around a window's ink: float32 [4]; the same one where there is none."""
    side = ink.shape[0]
    box = _extent(ink > INKED)
    scale = (window[2] - window[0]) / side
    corner = tf.concat([window[:2], window[:2]], 0)
    # Fewer pixels than a window shows would be blown up to no use.
    closer = _square(corner + box * scale, MARGIN)
    return tf.where(box[2] > 0, closer, window)


def _extent(mask):
    """The box of what is true in bool [side, side]: float32 [4], zeros where nothing is."""
    edges = []
    for axis in (1, 0):
        places = tf.where(tf.reduce_any(mask, axis))[:, 0]
        places = tf.concat(
            [places, -tf.ones([tf.cast(tf.size(places) == 0, tf.int32)], tf.int64)], 0
        )
        edges.append((places[0], places[-1] + 1))
    (top, bottom), (left, right) = edges
    box = tf.cast(tf.stack([top, left, bottom, right]), tf.float32)
    return tf.maximum(box, 0.0)


def _digits(body, least):
    """The boxes of the digits that a window shows, in its pixels: float32 [digits, 4].

    They are where bodies have `least` or more, from left to right. Parts of a digit that do
    not touch, as in many a 4 and 5, have one body.
    """
    labels = _components(body > least)
    side = body.shape[0]
    parts = side * side + 1

    def each(values, reduce):
        return reduce(tf.reshape(values, [-1]), tf.reshape(labels, [-1]), parts)[1:]

    mass = each(body, tf.math.unsorted_segment_sum)
    axis = tf.range(side, dtype=tf.float32)
    down, across = tf.meshgrid(axis, axis, indexing="ij")
    first, last = tf.math.unsorted_segment_min, tf.math.unsorted_segment_max
    top, bottom = each(down, first), each(down, last) + 1
    left, right = each(across, first), each(across, last) + 1
    height = tf.where(mass > 0, bottom - top, 0.0)
    tall = height >= TALL * tf.reduce_max(height)
    least_mass = tf.where(tall, LEAST_TALL_MASS, LEAST_MASS) * tf.reduce_max(mass)
    right_size = (mass >= least_mass) & (mass > 0)
    right_size &= height >= LEAST_HEIGHT * tf.reduce_max(height)
    found = tf.where(right_size)[:, 0]
    found = tf.gather(found, tf.argsort(tf.gather(left, found)))
    return tf.gather(tf.stack([top, left, bottom, right], 1), found)


def _off_edges(body, size):
    """`body` of a whole picture without the parts that reach the picture's edges."""
    labels = _components(body > IN_BODY[0])
    side = body.shape[0]
    # The picture lies in the middle of its square.
    half = tf.math.ceil(side * size / tf.reduce_max(size) / 2)
    middle = tf.abs(tf.range(side, dtype=tf.float32) + 0.5 - side / 2)
    at_edge = [middle > half[axis] - EDGE for axis in (0, 1)]
    at_edge = tf.reshape(at_edge[0][:, None] | at_edge[1], [-1])
    parts = tf.reshape(labels, [-1])
    reach = tf.math.unsorted_segment_max(tf.cast(at_edge, tf.int32), parts, side * side + 1)
    return tf.where(tf.gather(reach, labels) > 0, 0.0, body)


def _near(ink, boxes):
    """`ink` without what is far from all boxes; the same where there is no box."""
    size = boxes[:, 2:] - boxes[:, :2]
    reach = size / 2 + REACH * tf.reduce_max(size, 1, keepdims=True)
    middle = (boxes[:, 2:] + boxes[:, :2]) / 2
    centre = tf.range(ink.shape[0], dtype=tf.float32) + 0.5
    # [digits, rows or columns, places]
    within = tf.abs(centre - middle[:, :, None]) <= reach[:, :, None]
    near = tf.reduce_any(within[:, 0, :, None] & within[:, 1, None, :], 0)
    return tf.where(near | (tf.shape(boxes)[0] == 0), ink, 0.0)


def _sure(ink, body):
    """Whether a window shows a digit at all."""
    inked = ink > INKED
    total = tf.reduce_sum(tf.where(inked, ink, 0.0))
    enough = total >= LEAST_INK
    clear = total >= CLEAR * tf.reduce_sum(tf.cast(inked, tf.float32))
    return enough & clear & (tf.reduce_max(ink) >= SUREST) & (tf.reduce_max(body) >= SUREST)


def _components(mask):
    """Labels bool [side, side] by 8-connected part: int32 [side, side], 0 outside."""
    side = mask.shape[0]
    inside = tf.cast(mask, tf.float32)[None, :, :, None]
    numbers = tf.reshape(tf.range(1.0, side * side + 1), inside.shape) * inside

    def spread(labels, _):
        spread = labels
        for _ in range(4):
            spread = tf.nn.max_pool2d(spread, 3, 1, "SAME") * inside
        return spread, tf.reduce_any(spread != labels)

    numbers, _ = tf.while_loop(lambda _, changed: changed, spread, (numbers, True))
    return tf.cast(tf.reshape(numbers, mask.shape), tf.int32)
