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
    if not grouped.convolutions_work() or tf.config.list_logical_devices("GPU"):
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
    flat = tf.reshape(x, [-1, x.shape[-1]])
    n = tf.cast(tf.shape(flat)[0], x.dtype)
    equal = tf.fill([1, tf.shape(flat)[0]], 1 / n)
    mean = tf.matmul(equal, flat)
    variance = tf.matmul(equal, tf.math.squared_difference(flat, mean))[0]
    mean = mean[0]
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
