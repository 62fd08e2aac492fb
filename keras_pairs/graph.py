"""Graphs without variables, checks inside a graph, and what they say."""

import contextlib
import logging
import re

import absl.logging
import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

from keras_pairs import machine
from keras_pairs.errors import UserError


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


def load(path):
    """`tf.saved_model.load`, without its words about what it can do without.

    Args:
      path: str or Path.

    Raises:
      UserError: if it cannot be read, with the reason. Of a damaged one TensorFlow raises
        whatever its readers met, even KeyError.
    """
    with contextlib.ExitStack() as stack:
        # It speaks through both.
        for logger in (tf.get_logger(), absl.logging.get_absl_logger()):
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL)
        return _load(path)


def _load(path):
    try:
        return tf.saved_model.load(str(path))
    except Exception as error:
        if machine.out_of_memory(error):
            raise UserError(f"{path}: too large for this machine's memory") from error
        why = _without_place(str(error).strip()) or type(error).__name__
        raise UserError(
            f"{path}: not a SavedModel that can be read ({why}); export the model again"
        ) from error


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
    return _without_place(error.message)


def _without_place(text):
    """Without where in a graph, which means nothing to whoever reads it."""
    text = re.sub(r"\{\{.*?\}\} ?", "", text)
    return re.sub(r"( \[Op:\w+\])?( name: *)?$", "", text.partition("\n")[0])


def reason(error):
    """As `message`, without the input's name, which means something to clients alone."""
    return re.sub(r"^(png_bytes: an image|pair:|images:) ", "", message(error))
