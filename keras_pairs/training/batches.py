"""From pairs to the batches of a training.

Batch order, new partners and augmentation are drawn from streams of their own, by name,
epoch and step. They are the same in every training: what a training gives follows from its
configuration, wherever it runs and whoever shares its graph.
"""

import numpy as np
import tensorflow as tf

from keras_pairs.networks.initial import stream
from keras_pairs.outputs import OUTPUTS
from keras_pairs.training.augmentation import move_pairs

# What a dataset runs needs no other form. AutoGraph would write it into files that stay in
# the temporary folder when a worker is ended.
as_it_is = tf.autograph.experimental.do_not_convert


def stack(pairs):
    """Images and digits of pairs.

    Args:
      pairs: one `data.Pairs` that all members share, or a list of K, one each.

    Returns:
      (float32 [n, 2, 14, 14], int32 [n, 2]), of K data sets (float32 [n, K, 2, 14, 14],
      int32 [n, K, 2]).
    """
    if isinstance(pairs, list):
        return tuple(np.stack(arrays, 1) for arrays in zip(*map(stack, pairs), strict=True))
    return pairs.images, pairs.digits


def in_order(arrays, size):
    """A dataset of batches (pair, targets) of what `stack` gives, in order."""

    @as_it_is
    def example(pair, digits):
        return pair, _targets(digits[..., 0], digits[..., 1])

    return tf.data.Dataset.from_tensor_slices(arrays).batch(size).map(example)


def shuffled(arrays, size, epochs, new_pairs=False, augmentation=False, done=0):
    """A dataset of the batches of `epochs` epochs, each in a new order.

    Args:
      arrays: what `stack` gives, n pairs.
      size: int >= 1, pairs of a batch; the last one of an epoch may have fewer.
      epochs: int >= 1.
      new_pairs: whether the images, not the pairs, are in a new order, and so find new
        partners.
      augmentation: whether the images are moved, see `augmentation.move`.
      done: int, so many of the epochs are left out at the beginning.
    """
    images, digits = arrays
    count = len(images)
    # First all first images, then all second ones.
    images, digits = (
        tf.constant(np.concatenate([np.take(array, side, axis) for side in (0, 1)]))
        for array, axis in ((images, images.ndim - 3), (digits, digits.ndim - 1))
    )

    @as_it_is
    def epoch(number):
        shape = [2 * count if new_pairs else count]
        seed = tf.stack([stream("batch_order"), tf.cast(number, tf.int32)])
        order = tf.argsort(tf.random.stateless_uniform(shape, seed))
        both = tf.split(order, 2) if new_pairs else [order, order + count]
        return tf.data.Dataset.from_tensor_slices(tf.stack(both, 1)).batch(size)

    @as_it_is
    def gather(step, indices):
        # [batch, 2, (K,) …] → [batch, (K,) 2, …]
        pair, classes = tf.gather(images, indices), tf.gather(digits, indices)
        if len(pair.shape) == 5:
            pair = tf.transpose(pair, (0, 2, 1, 3, 4))
        if augmentation:
            seed = tf.stack([stream("augmentation"), tf.cast(step, tf.int32)])
            pair = move_pairs(pair, seed)
        return pair, _targets(classes[:, 0], classes[:, 1])

    orders = tf.data.Dataset.range(done, epochs).flat_map(epoch)
    return orders.enumerate(done * -(-count // size)).map(gather).prefetch(2)


def _targets(first, second):
    """What each output should be, `outputs.targets` in the graph."""
    return {
        output.name: tf.cast(
            output.target(first, second), tf.float32 if output.binary else tf.int32
        )
        for output in OUTPUTS
    }
