"""Whether this TensorFlow has the grouped convolutions that a population is made of."""

import functools
import logging

import tensorflow as tf

from keras_pairs import machine


@functools.cache
def convolutions_work():
    """`have_kernels`, for a population, which takes a slower path without.

    The log says once what to set then, but not to a user who has turned oneDNN off.
    """
    if have_kernels():
        return True
    if not machine.onednn_refused():
        logging.getLogger(__name__).warning(
            "No grouped convolutions here: members are convolved one by one, which is "
            "slower; set %s=1 before TensorFlow is imported.",
            machine.ONEDNN,
        )
    return False


@functools.cache
def have_kernels():
    """Whether grouped convolutions and their gradients run on this device.

    Without oneDNN (see `machine.prefer_onednn`) the CPU has no kernel for the gradients.
    """
    # TensorFlow warns of a missing kernel at length.
    with machine.noise_held_back():
        try:
            # Keras traces layers in a graph, in which nothing would be computed.
            with tf.init_scope():
                _try()
        except (tf.errors.OpError, ValueError):
            return False
    return True


@tf.function(autograph=False, jit_compile=False)
def _try():
    x, kernel = tf.ones((1, 4, 4, 4)), tf.ones((3, 3, 2, 4))
    y = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID"))
    return tf.gradients(y, [x, kernel])
