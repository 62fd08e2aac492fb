"""Checks inside a TensorFlow graph, and what they say."""

import re

import tensorflow as tf


def require(condition, message, value):
    """`value`, once `condition` (bool []) holds; else INVALID_ARGUMENT with `message`.

    The answer depends on the check, so that no optimiser can drop it and nothing behind
    it runs before it.
    """
    check = tf.raw_ops.Assert(condition=condition, data=[tf.constant(message)])
    with tf.control_dependencies([check]):
        return tf.identity(value)


def message(error):
    """What a graph refused, as one line without where in the graph it did.

    Args:
      error: `tf.errors.OpError`.
    """
    asserted = re.search(r"assertion failed: \[(.*?)\]", error.message)
    if asserted:
        return asserted[1]
    if "Invalid PNG" in error.message:
        return "a damaged PNG image"
    return error.message.splitlines()[0]


def reason(error):
    """The same without the input's name, which only who asks a server knows."""
    return re.sub(r"^(png_bytes: an image|pair:|images:) ", "", message(error))
