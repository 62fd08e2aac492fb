"""Keras layers that hold the same layer of several independent networks.

They differ from Keras' own in speed and in one convention, never in mathematics. The
member axis of every weight is found by `member_axis`: the last axis (blocks of equal
size) of convolution kernels and batch-norm vectors, the first axis of dense weights.
"""

import logging

import keras
import tensorflow as tf

register = keras.saving.register_keras_serializable(package="keras_pairs")


def member_axis(variable):
    """The axis along which a layer's weight is divided among the members (-1 or 0)."""
    return 0 if len(variable.shape) in (2, 3) else -1


_GROUPED_OK = {}


def grouped_convolutions_work():
    """Whether this TensorFlow has grouped convolutions and their gradients on its device.

    Without oneDNN (TF_ENABLE_ONEDNN_OPTS=0) the CPU has no kernel for the gradients. Says
    so once, on the log, where the slower path will be taken.
    """
    if "answer" not in _GROUPED_OK:
        try:
            # Keras traces layers in a graph, in which nothing would be computed.
            with tf.init_scope():
                _try_grouped_convolution()
            _GROUPED_OK["answer"] = True
        except (tf.errors.OpError, ValueError) as error:
            _GROUPED_OK["answer"] = False
            logging.getLogger(__name__).warning(
                "No grouped convolutions here (%s): members are convolved one by one, "
                "which is slower.",
                type(error).__name__,
            )
    return _GROUPED_OK["answer"]


@tf.function(autograph=False, jit_compile=False)
def _try_grouped_convolution():
    x, kernel = tf.ones((1, 4, 4, 4)), tf.ones((3, 3, 2, 4))
    y = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID"))
    return tf.gradients(y, [x, kernel])


@register
class MemberConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` whose groups are members; stride 1, valid padding, NHWC.

    Keras sends grouped convolutions on CPU through XLA, about 30 times slower than the
    oneDNN kernel called here.
    """

    def convolution_op(self, inputs, kernel):
        kernel = tf.convert_to_tensor(kernel)
        if self.groups == 1 or grouped_convolutions_work():
            return tf.nn.conv2d(inputs, kernel, 1, "VALID")
        pieces = zip(
            tf.split(inputs, self.groups, axis=-1),
            tf.split(kernel, self.groups, axis=-1),
            strict=True,
        )
        return tf.concat([tf.nn.conv2d(x, k, 1, "VALID") for x, k in pieces], axis=-1)


@register
class MemberBatchNorm(keras.layers.BatchNormalization):
    """Batch normalisation per channel through TensorFlow's fused kernel.

    Momentum 0.9 and epsilon 1e-5 are those of the paper's framework (Keras' defaults,
    0.99 and 1e-3, lag visibly behind at five batches an epoch), and so is the unbiased
    variance in the moving average.
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)

    def call(self, inputs, training=None, mask=None):
        if not training:
            return super().call(inputs, training=False, mask=mask)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            tf.convert_to_tensor(self.gamma),
            tf.convert_to_tensor(self.beta),
            epsilon=self.epsilon,
            is_training=True,
        )
        for moving, batch in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            moving.assign_sub((moving - batch) * (1 - self.momentum))
        return outputs


@register
class SharedDropout(keras.layers.Layer):
    """Dropout with one mask for all members.

    The mask has the shape of one member's activations: [batch, h, w, C/K] of a
    convolution's [batch, h, w, C] (`members` = K), [batch, units] of a dense layer's
    [K, batch, units] (`members` = None). It is drawn as 16-bit integers, half the cost of
    floats; the rate is met to 1/65536.

    Args:
      rate: float in [0, 1), the fraction dropped.
      members: int or None, as above.
      seed: int; with the call's number it decides the mask.
    """

    def __init__(self, rate, members=None, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.members, self.seed = rate, members, seed
        self.threshold = round(rate * 65536)
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=None):
        if not training:
            return inputs
        shape = tf.shape(inputs)
        if self.members is None:
            return inputs * self._mask(shape[1:])
        blocks = tf.concat([shape[:3], [self.members, -1]], 0)
        mask = self._mask(tf.concat([shape[:3], [1, inputs.shape[-1] // self.members]], 0))
        if self.members == 1:
            return inputs * tf.reshape(mask, shape)
        return tf.reshape(tf.reshape(inputs, blocks) * mask, shape)

    def _mask(self, shape):
        size = tf.reduce_prod(shape)
        bits = tf.random.stateless_uniform(
            [(size + 1) // 2],
            tf.cast(self.generator.next(), tf.int32),
            minval=None,
            maxval=None,
            dtype=tf.int32,
        )
        bits = tf.reshape(tf.bitcast(bits, tf.uint16), [-1])[:size]
        keep = tf.cast(tf.cast(bits, tf.int32) >= self.threshold, self.compute_dtype)
        return tf.reshape(keep * (1 / (1 - self.threshold / 65536)), shape)

    def get_config(self):
        config = {"rate": self.rate, "members": self.members, "seed": self.seed}
        return super().get_config() | config


@register
class SplitMembers(keras.layers.Layer):
    """[batch, h, w, K·nb_f] → [K, batch, h·w·nb_f]: each member's own features."""

    def __init__(self, members, **kwargs):
        super().__init__(**kwargs)
        self.members = members

    def call(self, inputs):
        _, height, width, channels = inputs.shape
        x = tf.reshape(inputs, (-1, height * width, self.members, channels // self.members))
        x = tf.transpose(x, (2, 0, 1, 3))
        size = height * width * channels // self.members
        return tf.reshape(x, (self.members, -1, size))

    def get_config(self):
        return super().get_config() | {"members": self.members}


@register
class MemberDense(keras.layers.Layer):
    """One dense layer per member: [K, batch, features] → [K, batch, units]."""

    def __init__(self, units, members, **kwargs):
        super().__init__(**kwargs)
        self.units, self.members = units, members

    def build(self, input_shape):
        shape = (self.members, input_shape[-1], self.units)
        self.kernel = self.add_weight(shape=shape, name="kernel")
        self.bias = self.add_weight(
            shape=(self.members, self.units), initializer="zeros", name="bias"
        )

    def call(self, inputs):
        bias = tf.expand_dims(tf.convert_to_tensor(self.bias), 1)
        return tf.matmul(inputs, tf.convert_to_tensor(self.kernel)) + bias

    def get_config(self):
        return super().get_config() | {"units": self.units, "members": self.members}


@register
class MembersToBatch(keras.layers.Layer):
    """[K, batch, units] → [batch, K, units], without axes of length 1 behind batch.

    A comparison has one unit: [batch, K]. A single network's digit: [batch, units].
    """

    def call(self, inputs):
        members, _, units = inputs.shape
        shape = [size for size in (members, units) if size > 1] or [1]
        return tf.reshape(tf.transpose(inputs, (1, 0, 2)), [-1, *shape])


WITH_WEIGHTS = (MemberConv2D, MemberBatchNorm, MemberDense)
