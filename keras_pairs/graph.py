"""Graphs without variables, checks inside a graph, and what they say."""

import re

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants


def freeze(function, spec):
    """Makes the variables of a function constants: nothing is left to read or to train.

    Args:
      function: of a tensor to a tensor or a dict of tensors.
      spec: `tf.TensorSpec`.

    Returns:
      (concrete function to a list of tensors, by sorted names where they were a dict; what
      `function` gives, as symbolic tensors).
    """
    traced = tf.function(function, [spec], autograph=False).get_concrete_function()
    frozen = convert_to_constants.convert_variables_to_constants_v2(traced)
    return frozen, traced.structured_outputs


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
