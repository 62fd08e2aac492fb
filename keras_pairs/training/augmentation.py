"""Training images, moved a little: part of the training, not of the network."""

import keras
import numpy as np
import tensorflow as tf

# How far an image moves at most: pixels, degrees, and fractions.
AMOUNTS = {"shift": 1.5, "turn": 12, "scale": 0.12, "shear": 0.2}


def move(images, seed, amounts=None):
    """Shifts, turns, scales and shears each image at random.

    In one step: Keras has a layer for each, but every one interpolates anew, and after four
    of them the strokes of 14×14 images are blurred.

    Args:
      images: float32 [n, h, w, C]; an image's channels (members) move alike, 0 comes in.
      seed: int32 [2], decides the movements.
      amounts: dict of floats >= 0, default `AMOUNTS`: shift, at most so many pixels in each
        direction; turn, degrees; scale, each side becomes 1 ± at most this; shear, the
        horizontal shift per vertical step.

    Returns:
      float32 [n, h, w, C].
    """
    amounts = amounts or AMOUNTS
    count, height, width = tf.unstack(tf.shape(images)[:3])
    drawn = tf.random.stateless_uniform((6, count), seed, -1, 1)
    across, down = tf.unstack(drawn[:2] * amounts["shift"])
    angle = drawn[2] * (amounts["turn"] * np.pi / 180)
    wide, high = tf.unstack(1 + drawn[3:5] * amounts["scale"])
    shear = drawn[5] * amounts["shear"]
    cos, sin = tf.cos(angle), tf.sin(angle)
    # Where a pixel of the result lies in the image: turned after sheared and scaled.
    xx, xy = cos * wide, (cos * shear - sin) * high
    yx, yy = sin * wide, (sin * shear + cos) * high
    x, y = ((tf.cast(side, tf.float32) - 1) / 2 for side in (width, height))
    to_x, to_y = x + across - xx * x - xy * y, y + down - yx * x - yy * y
    none = tf.zeros_like(angle)
    return keras.ops.image.affine_transform(
        images,
        tf.stack([xx, xy, to_x, yx, yy, to_y, none, none], 1),
        fill_mode="constant",
        fill_value=0.0,
        data_format="channels_last",
    )


def move_pairs(pairs, seed):
    """`move` of pairs, [batch, 2, h, w] or, of K members' own data, [batch, K, 2, h, w].

    Members' pairs at the same place of a batch move alike.
    """
    height, width = pairs.shape[-2:]
    if len(pairs.shape) == 4:
        moved = move(tf.reshape(pairs, (-1, height, width, 1)), seed)
        return tf.reshape(moved, (-1, 2, height, width))
    members = pairs.shape[1]
    images = tf.transpose(pairs, (0, 2, 3, 4, 1))
    moved = move(tf.reshape(images, (-1, height, width, members)), seed)
    moved = tf.reshape(moved, (-1, 2, height, width, members))
    return tf.transpose(moved, (0, 4, 1, 2, 3))
