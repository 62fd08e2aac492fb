"""Keras layers that hold the same layer of several independent networks.

They differ from Keras' own in speed and in one convention, never in mathematics; two go
beyond the paper, `RandomAffine` and `DerivedComparison`. The member axis of every weight is
found by `member_axis`: the last axis (blocks of equal size) of convolution kernels and
batch-norm vectors, the first axis of dense weights.
"""

import logging

import keras
import numpy as np
import tensorflow as tf

from keras_pairs import machine

register = keras.saving.register_keras_serializable(package="keras_pairs")


def member_axis(variable):
    """The axis along which a layer's weight is divided among the members (-1 or 0)."""
    return 0 if len(variable.shape) in (2, 3) else -1


_GROUPED_OK = {}


def grouped_convolutions_work():
    """Whether this TensorFlow has grouped convolutions and their gradients on its device.

    Without oneDNN (see `machine.prefer_onednn`) the CPU has no kernel for the gradients.
    Where the slower path will be taken, the log says once what to set, but not to a user
    who has turned oneDNN off.
    """
    if "answer" not in _GROUPED_OK:
        # TensorFlow warns of a missing kernel at length.
        with machine.noise_held_back():
            try:
                # Keras traces layers in a graph, in which nothing would be computed.
                with tf.init_scope():
                    _try_grouped_convolution()
                _GROUPED_OK["answer"] = True
            except (tf.errors.OpError, ValueError):
                _GROUPED_OK["answer"] = False
        if not _GROUPED_OK["answer"] and not machine.onednn_refused():
            logging.getLogger(__name__).warning(
                "No grouped convolutions here: members are convolved one by one, which is "
                "slower; set %s=1 before TensorFlow is imported.",
                machine.ONEDNN,
            )
    return _GROUPED_OK["answer"]


@tf.function(autograph=False, jit_compile=False)
def _try_grouped_convolution():
    x, kernel = tf.ones((1, 4, 4, 4)), tf.ones((3, 3, 2, 4))
    y = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID"))
    return tf.gradients(y, [x, kernel])


@register
class MemberConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` whose groups are members; stride 1, NHWC.

    Keras sends grouped convolutions on CPU through XLA, about 30 times slower than the
    oneDNN kernel called here.
    """

    def convolution_op(self, inputs, kernel):
        kernel = tf.convert_to_tensor(kernel)
        if self.groups == 1 or grouped_convolutions_work():
            return self._convolve(inputs, kernel)
        pieces = zip(
            tf.split(inputs, self.groups, axis=-1),
            tf.split(kernel, self.groups, axis=-1),
            strict=True,
        )
        return tf.concat([self._convolve(x, k) for x, k in pieces], axis=-1)

    def _convolve(self, inputs, kernel):
        return tf.nn.conv2d(inputs, kernel, 1, self.padding.upper())


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
class ImagesToBatch(keras.layers.Layer):
    """Pairs as single images: [batch, (K,) 2, h, w] → [2·batch, h, w, K or 1].

    A pair's images are neighbours on the batch axis, members are channels.
    """

    def call(self, inputs):
        *_, height, width = inputs.shape
        if len(inputs.shape) == 4:
            return tf.reshape(inputs, (-1, height, width, 1))
        x = tf.transpose(inputs, (0, 2, 3, 4, 1))
        return tf.reshape(x, (-1, height, width, inputs.shape[1]))


@register
class ImagesToChannels(keras.layers.Layer):
    """A pair's two images as channels: [2·batch, h, w, C] → [batch, h, w, C·2]."""

    def call(self, inputs):
        _, height, width, channels = inputs.shape
        x = tf.reshape(inputs, (-1, 2, height, width, channels))
        x = tf.transpose(x, (0, 2, 3, 4, 1))
        return tf.reshape(x, (-1, height, width, channels * 2))


@register
class RandomAffine(keras.layers.Layer):
    """Shifts, turns, scales and shears images [n, h, w, C] at random; in training only.

    Keras has a layer for each, but every one interpolates anew, and after four of them
    strokes of 14×14 images are blurred. Channels (members) move alike; 0 comes in.

    Args:
      shift: float, at most so many pixels in each direction.
      turn: float, at most so many degrees.
      scale: float, each side is scaled by 1 ± at most this.
      shear: float, at most this horizontal shift per vertical step.
      seed: int.
    """

    def __init__(self, shift, turn, scale, shear, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.amounts = {"shift": shift, "turn": turn, "scale": scale, "shear": shear}
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=None):
        if not training:
            return inputs
        count, height, width = tf.unstack(tf.shape(inputs)[:3])
        drawn = keras.random.uniform((6, count), -1, 1, seed=self.generator)
        across, down = tf.unstack(drawn[:2] * self.amounts["shift"])
        angle = drawn[2] * (self.amounts["turn"] * np.pi / 180)
        wide, high = tf.unstack(1 + drawn[3:5] * self.amounts["scale"])
        shear = drawn[5] * self.amounts["shear"]
        cos, sin = tf.cos(angle), tf.sin(angle)
        # Where a pixel of the result lies in the image: turned after sheared and scaled.
        xx, xy = cos * wide, (cos * shear - sin) * high
        yx, yy = sin * wide, (sin * shear + cos) * high
        x, y = ((tf.cast(side, tf.float32) - 1) / 2 for side in (width, height))
        to_x, to_y = x + across - xx * x - xy * y, y + down - yx * x - yy * y
        none = tf.zeros_like(angle)
        matrix = tf.stack([xx, xy, to_x, yx, yy, to_y, none, none], 1)
        return keras.ops.image.affine_transform(
            inputs,
            matrix,
            fill_mode="constant",
            fill_value=0.0,
            data_format="channels_last",
        )

    def get_config(self):
        return super().get_config() | self.amounts | {"seed": self.seed}


@register
class DerivedComparison(keras.layers.Layer):
    """The comparison that the two digits' classes imply, as a logit.

    P(first ≤ second) = Σ_{i≤j} P(first = i) · P(second = j). Takes two digits' logits,
    [K, batch, 10] each, and answers [K, batch, 1].
    """

    def call(self, first, second):
        both = (
            tf.nn.log_softmax(first)[..., :, None] + tf.nn.log_softmax(second)[..., None, :]
        )
        classes = tf.range(both.shape[-1])
        at_most = classes[:, None] <= classes[None, :]
        yes, no = (
            tf.reduce_logsumexp(tf.where(where, both, both.dtype.min), axis=(-2, -1))
            for where in (at_most, ~at_most)
        )
        return (yes - no)[..., None]


@register
class SplitMembers(keras.layers.Layer):
    """[batch, h, w, K·c] → [K, batch, h·w·c]: each member's own features."""

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
