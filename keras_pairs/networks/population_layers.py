"""Keras layers that hold the same layer of K networks: every weight is [K, …].

They differ from Keras' own in speed and in the axis of networks. In mathematics they differ
in the moving variance of batch normalisation, and in dropout's rate by less than 1/65,536.
"""

import keras
import tensorflow as tf

from keras_pairs.networks import grouped, initial, normalizing
from keras_pairs.networks.stock import EPSILON, MOMENTUM


class PopulationConv2D(keras.layers.Layer):
    """One convolution 3×3 per network, without bias: kernel [K, 3, 3, c, filters].

    Keras sends grouped convolutions through XLA, on a CPU about 30 times slower than the
    oneDNN kernel that `tf.nn.conv2d` calls.

    Args:
      networks: int >= 1, K.
      filters: int >= 1, of each network.
      padding: "valid" or "same".
      apart: whether the input has channels of each network's own, [n, h, w, K·c]; else all
        networks read the same [n, h, w, c].
    """

    def __init__(self, networks, filters, padding, apart, **kwargs):
        super().__init__(**kwargs)
        self.networks, self.filters = networks, filters
        self.padding, self.apart = padding.upper(), apart

    def build(self, input_shape):
        channels = input_shape[-1] // (self.networks if self.apart else 1)
        shape = (self.networks, 3, 3, channels, self.filters)
        self.kernel = self.add_weight(shape=shape, name="kernel")

    def call(self, inputs):
        kernel = tf.convert_to_tensor(self.kernel)
        if self.apart and self.networks > 1 and not grouped.convolutions_work():
            parts = zip(
                tf.split(inputs, self.networks, -1), tf.unstack(kernel), strict=True
            )
            return tf.concat([self._convolve(*part) for part in parts], -1)
        if self.networks > 1:
            # TensorFlow's form of grouped kernels: [3, 3, c, K·filters].
            kernel = tf.transpose(kernel, (1, 2, 3, 0, 4))
        shape = (3, 3, -1, self.networks * self.filters)
        return self._convolve(inputs, tf.reshape(kernel, shape))

    def _convolve(self, x, kernel):
        return tf.nn.conv2d(x, kernel, 1, self.padding)


class PopulationBatchNorm(keras.layers.Layer):
    """One batch normalisation per network on [n, h, w, K·c]: vectors [K, c].

    As in the paper's framework the moving average is of the unbiased variance.
    """

    def __init__(self, networks, **kwargs):
        super().__init__(**kwargs)
        self.networks = networks

    def build(self, input_shape):
        shape = (self.networks, input_shape[-1] // self.networks)

        def add(name, start, trainable):
            return self.add_weight(
                shape=shape, initializer=start, trainable=trainable, name=name
            )

        self.gamma, self.beta = add("gamma", "ones", True), add("beta", "zeros", True)
        self.moving_mean = add("moving_mean", "zeros", False)
        self.moving_variance = add("moving_variance", "ones", False)

    def call(self, inputs, training=None):
        gamma, beta, mean, variance = (
            tf.reshape(tf.convert_to_tensor(variable), [-1]) for variable in self.weights
        )
        if not training:
            return tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, EPSILON)
        outputs, *batch = normalizing.normalize(inputs, gamma, beta)
        for moving, now in zip(
            (self.moving_mean, self.moving_variance), batch, strict=True
        ):
            now = tf.reshape(now, moving.shape)
            moving.assign_sub((moving - now) * (1 - MOMENTUM))
        return outputs


class PopulationDense(keras.layers.Layer):
    """One dense layer per network: [K, n, features] → [K, n, units], kernel [K, …]."""

    def __init__(self, networks, units, **kwargs):
        super().__init__(**kwargs)
        self.networks, self.units = networks, units

    def build(self, input_shape):
        shape = (self.networks, input_shape[-1], self.units)
        self.kernel = self.add_weight(shape=shape, name="kernel")
        self.bias = self.add_weight(
            shape=(self.networks, self.units), initializer="zeros", name="bias"
        )

    def call(self, inputs):
        bias = tf.convert_to_tensor(self.bias)[:, None]
        return tf.matmul(inputs, tf.convert_to_tensor(self.kernel)) + bias


class SharedDropout(keras.layers.Layer):
    """Dropout with one mask for all networks: of [n, h, w, c] or [n, c].

    The mask is drawn as 16-bit integers, half the cost of floats; the rate is met to
    1/65536. The layer's name and the number of the call decide it.
    """

    def __init__(self, networks, rate, **kwargs):
        super().__init__(**kwargs)
        self.networks = networks
        self.threshold = round(rate * 65536)
        self.generator = keras.random.SeedGenerator(initial.stream(self.name))

    def call(self, inputs, training=None):
        if not training:
            return inputs
        shape = tf.shape(inputs)
        if len(inputs.shape) == 3:
            return inputs * self.mask(shape[1:])
        channels = inputs.shape[-1] // self.networks
        mask = self.mask(tf.concat([shape[:3], [1, channels]], 0))
        if self.networks == 1:
            return inputs * tf.reshape(mask, shape)
        blocks = tf.concat([shape[:3], [self.networks, channels]], 0)
        return tf.reshape(tf.reshape(inputs, blocks) * mask, shape)

    def mask(self, shape):
        """float32 of `shape`: 0 where dropped, 1/(1 − rate) elsewhere."""
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
