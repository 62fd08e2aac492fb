"""The kit for K members in one graph: every weight is [K, …], and `w[k]` is member k.

Nobody outside this file knows how members lie side by side. Images are [n, h, w, K·c]: the
k-th of K equal blocks of channels is member k's. Features and logits are [K, n, c].

Members share dropout's masks, drawn once for one member's shape (common random numbers):
a member trained in a population equals the same member trained alone, and the random
numbers cost 1/K.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_pairs.networks import grouped, initial
from keras_pairs.networks.build import build_model, logits_of
from keras_pairs.networks.stock import EPSILON, MOMENTUM
from keras_pairs.outputs import OUTPUTS


class Population(keras.Model):
    """K networks of one configuration side by side, answering logits [batch, K, units].

    Made by `build_population`. Its loss is the sum of the members' losses: no weight
    belongs to two of them, so that its gradient is each member's own.
    """

    def compute_loss(self, *args, **kwargs):
        """The scalar that is minimised."""
        return tf.reduce_sum(super().compute_loss(*args, **kwargs))

    @property
    def members(self):
        """K."""
        return self.output[OUTPUTS[0].name].shape[1]

    def member(self, k, config):
        """Copies member k into a network of its own.

        Args:
          k: int, 0 <= k < K.
          config: `TrainingConfig` of that member.

        Returns:
          The `build_model(config)` with member k's weights.

        Raises:
          IndexError: if there is no member k.
        """
        if not 0 <= k < self.members:
            raise IndexError(f"There are {self.members} members. Received: k={k}")
        single = build_model(config)
        for layer in single.layers:
            if layer.weights:
                every = self.get_layer(layer.name).weights
                for variable, values in zip(layer.weights, every, strict=True):
                    variable.assign(values[k])
        return single


def build_population(configs, own_data=False, kit=None):
    """Builds one network per configuration, all in one graph, untrained.

    Args:
      configs: K `TrainingConfig`s that agree in all that decides the network; their
        `seed`s decide the initial weights.
      own_data: False: all members read the same pairs, `pair` is float32
        [batch, 2, 14, 14]. True: each reads its own, `pair` is [batch, K, 2, 14, 14].
      kit: `PopulationKit`; None: a plain one.

    Returns:
      `Population`.
    """
    kit = kit or PopulationKit(len(configs), own_data)
    pair = kit.pair()
    logits = logits_of(pair, configs[0], kit)
    outputs = {name: kit.batch_first(value) for name, value in logits.items()}
    outputs = {output.name: outputs[output.name] for output in OUTPUTS}
    population = Population(pair, outputs, name="digit_pairs")
    for layer in population.layers:
        if isinstance(layer, (PopulationConv2D, PopulationDense)):
            variables = layer.trainable_variables
            shapes = [tuple(variable.shape[1:]) for variable in variables]
            each = [initial.draw(layer.name, shapes, config.seed) for config in configs]
            for variable, values in zip(variables, zip(*each, strict=True), strict=True):
                variable.assign(np.stack(values))
    return population


class PopulationKit:
    """Makes the same layers as `stock.StockKit`, for K members.

    Args:
      members: int >= 1, K.
      own_data: whether each member reads its own pairs.
    """

    def __init__(self, members, own_data=False):
        self.members, self.own_data = members, own_data
        # Members that read the same images see the same channels, until a convolution.
        self.apart = own_data

    def pair(self):
        """The input, [batch, 2, 14, 14], or [batch, K, 2, 14, 14] of own data."""
        members = (self.members,) if self.own_data else ()
        return keras.Input((*members, 2, 14, 14), name="pair")

    def as_channels(self, pair):
        """The two images as channels: [batch, 14, 14, 2] or [batch, 14, 14, K·2]."""
        if self.own_data:
            pair = keras.ops.reshape(pair, (-1, 2 * self.members, 14, 14))
        return keras.ops.transpose(pair, (0, 2, 3, 1))

    def as_images(self, pair):
        """Each image by itself: [2·batch, 14, 14, 1] or [2·batch, 14, 14, K]."""
        if not self.own_data:
            return keras.ops.reshape(pair, (-1, 14, 14, 1))
        pair = keras.ops.transpose(pair, (0, 2, 3, 4, 1))
        return keras.ops.reshape(pair, (-1, 14, 14, self.members))

    def conv(self, x, filters, padding, name):
        """A convolution 3×3, [n, h, w, K·c] → [n, h', w', K·filters]."""
        apart, self.apart = self.apart, True
        return PopulationConv2D(self.members, filters, padding, apart, name=name)(x)

    def batch_norm(self, x, name):
        """Batch normalisation of each channel of each member."""
        return PopulationBatchNorm(self.members, name=name)(x)

    def relu(self, x, name):
        """The larger of x and 0."""
        return keras.layers.ReLU(name=name)(x)

    def max_pool(self, x, name):
        """Max pooling of 2×2."""
        return keras.layers.MaxPooling2D(name=name)(x)

    def dropout(self, x, rate, name):
        """Dropout, in training, with one mask for all members."""
        return SharedDropout(self.members, rate, name=name)(x)

    def features(self, x):
        """[n, h, w, K·c] → [K, n, h·w·c]."""
        _, height, width, channels = x.shape
        size = channels // self.members
        x = keras.ops.reshape(x, (-1, height * width, self.members, size))
        x = keras.ops.transpose(x, (2, 0, 1, 3))
        return keras.ops.reshape(x, (self.members, -1, height * width * size))

    def dense(self, x, units, name):
        """A fully connected layer, [K, n, features] → [K, n, units]."""
        return PopulationDense(self.members, units, name=name)(x)

    def of_both(self, x):
        """[K, 2·batch, features] of single images → [K, batch, 2·features] of pairs."""
        return keras.ops.reshape(x, (self.members, -1, 2 * x.shape[-1]))

    def of_image(self, x, image):
        """[K, 2·batch, n] of single images → [K, batch, n] of each pair's image."""
        return keras.ops.reshape(x, (self.members, -1, 2, x.shape[-1]))[:, :, image]

    def batch_first(self, x):
        """[K, batch, units] → [batch, K, units]."""
        return keras.ops.transpose(x, (1, 0, 2))


class PopulationConv2D(keras.layers.Layer):
    """One convolution 3×3 per member, without bias: kernel [K, 3, 3, c, filters].

    Keras sends grouped convolutions through XLA, on a CPU about 30 times slower than the
    oneDNN kernel that `tf.nn.conv2d` calls.

    Args:
      members: int >= 1, K.
      filters: int >= 1, of each member.
      padding: "valid" or "same".
      apart: whether the input has channels of each member's own, [n, h, w, K·c]; else all
        members read the same [n, h, w, c].
    """

    def __init__(self, members, filters, padding, apart, **kwargs):
        super().__init__(**kwargs)
        self.members, self.filters = members, filters
        self.padding, self.apart = padding.upper(), apart

    def build(self, input_shape):
        channels = input_shape[-1] // (self.members if self.apart else 1)
        shape = (self.members, 3, 3, channels, self.filters)
        self.kernel = self.add_weight(shape=shape, name="kernel")

    def call(self, inputs):
        kernel = tf.convert_to_tensor(self.kernel)
        if self.apart and self.members > 1 and not grouped.convolutions_work():
            parts = zip(tf.split(inputs, self.members, -1), tf.unstack(kernel), strict=True)
            return tf.concat([self._convolve(*part) for part in parts], -1)
        if self.members > 1:
            # TensorFlow's form of grouped kernels: [3, 3, c, K·filters].
            kernel = tf.transpose(kernel, (1, 2, 3, 0, 4))
        shape = (3, 3, -1, self.members * self.filters)
        return self._convolve(inputs, tf.reshape(kernel, shape))

    def _convolve(self, x, kernel):
        return tf.nn.conv2d(x, kernel, 1, self.padding)


class PopulationBatchNorm(keras.layers.Layer):
    """One batch normalisation per member on [n, h, w, K·c]: vectors [K, c].

    Through TensorFlow's fused kernel. As in the paper's framework the moving average is of
    the unbiased variance.
    """

    def __init__(self, members, **kwargs):
        super().__init__(**kwargs)
        self.members = members

    def build(self, input_shape):
        shape = (self.members, input_shape[-1] // self.members)

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
        outputs, *batch = tf.compat.v1.nn.fused_batch_norm(
            inputs, gamma, beta, epsilon=EPSILON, is_training=True
        )
        for moving, now in zip(
            (self.moving_mean, self.moving_variance), batch, strict=True
        ):
            now = tf.reshape(now, moving.shape)
            moving.assign_sub((moving - now) * (1 - MOMENTUM))
        return outputs


class PopulationDense(keras.layers.Layer):
    """One dense layer per member: [K, n, features] → [K, n, units], kernel [K, …]."""

    def __init__(self, members, units, **kwargs):
        super().__init__(**kwargs)
        self.members, self.units = members, units

    def build(self, input_shape):
        shape = (self.members, input_shape[-1], self.units)
        self.kernel = self.add_weight(shape=shape, name="kernel")
        self.bias = self.add_weight(
            shape=(self.members, self.units), initializer="zeros", name="bias"
        )

    def call(self, inputs):
        bias = tf.convert_to_tensor(self.bias)[:, None]
        return tf.matmul(inputs, tf.convert_to_tensor(self.kernel)) + bias


class SharedDropout(keras.layers.Layer):
    """Dropout with one mask for all members: of [n, h, w, c] or [n, c].

    The mask is drawn as 16-bit integers, half the cost of floats; the rate is met to
    1/65536. The layer's name and the number of the call decide it.
    """

    def __init__(self, members, rate, **kwargs):
        super().__init__(**kwargs)
        self.members = members
        self.threshold = round(rate * 65536)
        self.generator = keras.random.SeedGenerator(initial.stream(self.name))

    def call(self, inputs, training=None):
        if not training:
            return inputs
        shape = tf.shape(inputs)
        if len(inputs.shape) == 3:
            return inputs * self.mask(shape[1:])
        channels = inputs.shape[-1] // self.members
        mask = self.mask(tf.concat([shape[:3], [1, channels]], 0))
        if self.members == 1:
            return inputs * tf.reshape(mask, shape)
        blocks = tf.concat([shape[:3], [self.members, channels]], 0)
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
