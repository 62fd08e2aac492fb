"""Batch normalisation in training, for many channels: the way that is fast here."""

import tensorflow as tf

from keras_pairs import machine
from keras_pairs.networks import grouped
from keras_pairs.networks.stock import EPSILON


def normalize(x, gamma, beta):
    """Normalises each channel by its mean and variance in this batch.

    Args:
      x: float32 [n, h, w, channels].
      gamma, beta: float32 [channels].

    Returns:
      (float32 like x, mean [channels], unbiased variance [channels]). No gradient flows
      through the last two.
    """
    way = by_products if _kernel_is_slow(x.shape[-1]) else by_kernel
    return way(x, gamma, beta)


def _kernel_is_slow(channels):
    """Whether oneDNN would take its kernel for AVX2.

    That is seven to twelve times as slow, forward, as the one for AVX-512, which needs a
    multiple of 16 channels.
    """
    # On a GPU the gradient's operation expects other statistics.
    if not grouped.have_kernels() or tf.config.list_logical_devices("GPU"):
        return False
    vectors = machine.vectors()
    return vectors == "AVX2" or (vectors == "AVX-512" and channels % 16 != 0)


def by_kernel(x, gamma, beta):
    """`normalize` in one operation."""
    return tf.compat.v1.nn.fused_batch_norm(
        x, gamma, beta, epsilon=EPSILON, is_training=True
    )


@tf.custom_gradient
def by_products(x, gamma, beta):
    """`normalize` with sums over pixels as products; the gradient is the kernel's."""
    mean = _mean(x)
    variance = _mean(tf.math.squared_difference(x, mean))
    n = tf.cast(tf.size(x) // x.shape[-1], x.dtype)
    scale = gamma * tf.math.rsqrt(variance + EPSILON)

    def gradient(upstream, *_):
        return tf.raw_ops.FusedBatchNormGradV3(
            y_backprop=upstream,
            x=x,
            scale=gamma,
            reserve_space_1=mean,
            reserve_space_2=variance,
            reserve_space_3=tf.zeros([0]),
            epsilon=EPSILON,
            is_training=True,
        )[:3]

    unbiased = variance * n / tf.maximum(n - 1, 1)
    return (x * scale + (beta - mean * scale), mean, unbiased), gradient


def _mean(x):
    """Of each channel, [channels]."""
    n = tf.shape(x)[0]
    equal = tf.fill([1, n], 1 / tf.cast(n, x.dtype))
    # Over images, and then over pixels: a product over both would add up thousands of
    # numbers one after another, and round with each.
    pixels = tf.reshape(tf.matmul(equal, tf.reshape(x, [n, -1])), [-1, x.shape[-1]])
    return tf.reduce_mean(pixels, 0)
