"""The kit for K networks in one graph: every weight is [K, …], and `w[k]` is network k's.

Nobody outside the kit and its layers knows how networks lie side by side. Images are
[n, h, w, K·c]: the k-th of K equal blocks of channels is network k's. Features and logits
are [K, n, c]. A member of a population is one network, or, as a committee, N that lie side
by side.

Networks share dropout's masks, drawn once for one network's shape (common random numbers):
a member trained in a population equals the same member trained alone, and the random
numbers cost 1/K.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_pairs.networks import heads, initial
from keras_pairs.networks import population_layers as layers
from keras_pairs.networks.build import build_model, logits_of, networks_of
from keras_pairs.networks.stock import StockKit
from keras_pairs.outputs import OUTPUTS


class Population(keras.Model):
    """Members side by side, answering logits.

    Made by `build_population` of M members. An output is [batch, M, units]; of committees
    of N networks it is [batch, M·N + M, units]: first all networks, then what each
    committee agrees on.

    Its loss is the sum of the networks' losses: no weight belongs to two of them, so that
    its gradient is each network's own.

    Attributes:
      members: int, M.
      committee: int, N.
      taught_by: function of pairs to what is learned of them in place of their labels,
        the `teach` of another population; None: the labels are learned.
    """

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The scalar that is minimised."""
        if self.taught_by is not None and training:
            y = self.taught_by(x)
        losses = super().compute_loss(x, y, y_pred, sample_weight, training)
        return tf.reduce_sum(losses)

    def probabilities(self, logits):
        """What each member answers, given the population's outputs.

        Returns:
          dict by output name of float32 [batch, M], or [batch, M, units].
        """
        found = {}
        for output in OUTPUTS:
            _, own = networks_and_members(logits[output.name], self.committee)
            found[output.name] = (
                tf.sigmoid(own[..., 0]) if output.binary else tf.nn.softmax(own)
            )
        return found

    def teach(self, pairs):
        """What each member answers to pairs, for others to learn: as `probabilities`."""
        taught = self.probabilities(self(pairs, training=False))
        return {name: tf.stop_gradient(values) for name, values in taught.items()}

    def member(self, k, config):
        """Copies member k into a model of its own.

        Args:
          k: int, 0 <= k < M.
          config: `TrainingConfig` of that member.

        Returns:
          The `build_model(config)` with member k's weights.

        Raises:
          IndexError: if there is no member k.
        """
        if not 0 <= k < self.members:
            raise IndexError(f"There are {self.members} members. Received: k={k}")
        model = build_model(config)
        self.copy_to(k, model)
        return model

    def copy_to(self, k, model):
        """Gives the `build_model` of member k's configuration its weights."""
        for variable, values, i in self._beside(k, model):
            variable.assign(values[i])

    def copy_from(self, k, model):
        """Gives member k the weights of the `build_model` of its configuration."""
        for variable, values, i in self._beside(k, model):
            every = values.numpy()
            every[i] = variable.numpy()
            values.assign(every)

    def _beside(self, k, model):
        for i, network in enumerate(networks_of(model), k * self.committee):
            for layer in network.layers:
                if layer.weights:
                    every = self.get_layer(layer.name).weights
                    for variable, values in zip(layer.weights, every, strict=True):
                        yield variable, values, i


def build_population(configs, own_data=False, kit=None):
    """Builds one member per configuration, all in one graph, untrained.

    Args:
      configs: M `TrainingConfig`s that agree in all that decides the network; their
        `seed`s decide the initial weights.
      own_data: False: all members read the same pairs, `pair` is float32
        [batch, 2, 14, 14]. True: each reads its own, `pair` is [batch, M, 2, 14, 14].
      kit: `PopulationKit`; None: a plain one.

    Returns:
      `Population`.
    """
    first = configs[0]
    kit = kit or PopulationKit(len(configs), own_data, first.committee)
    pair = kit.pair()
    logits = logits_of(pair, first, kit)
    logits = {output.name: kit.batch_first(logits[output.name]) for output in OUTPUTS}
    if first.committee > 1:
        every = {name: kit.by_member(value) for name, value in logits.items()}
        agreed = heads.agree(every, first.derived_comparison)
        logits = {
            name: keras.ops.concatenate([value, agreed[name]], axis=1)
            for name, value in logits.items()
        }
    population = Population(pair, logits, name="digit_pairs")
    population.members, population.committee = len(configs), first.committee
    population.taught_by = None
    seeds = [network.seed for config in configs for network in config.networks()]
    for layer in population.layers:
        if isinstance(layer, (layers.PopulationConv2D, layers.PopulationDense)):
            variables = layer.trainable_variables
            shapes = [tuple(variable.shape[1:]) for variable in variables]
            each = [initial.draw(layer.name, shapes, seed) for seed in seeds]
            for variable, values in zip(variables, zip(*each, strict=True), strict=True):
                variable.assign(np.stack(values))
    return population


def networks_and_members(logits, committee):
    """What a population's output [batch, …, units] holds of its networks and its members.

    Args:
      logits: an output of a `Population`.
      committee: int, N.

    Returns:
      ([batch, M·N, units], [batch, M, units]).
    """
    if committee == 1:
        return logits, logits
    members = logits.shape[1] // (committee + 1)
    return logits[:, :-members], logits[:, -members:]


class PopulationKit:
    """Makes the same layers as `stock.StockKit`, for K networks.

    Args:
      members: int >= 1; of committees of N networks each, K = members·N.
      own_data: whether each member reads its own pairs.
      committee: int >= 1, N.
    """

    def __init__(self, members, own_data=False, committee=1):
        self.members, self.own_data, self.committee = members, own_data, committee
        self.networks = members * committee
        # Members that read the same images see the same channels, until a convolution.
        self.apart = own_data

    def pair(self):
        """The input, [batch, 2, 14, 14], or [batch, members, 2, 14, 14] of own data."""
        members = (self.members,) if self.own_data else ()
        return keras.Input((*members, 2, 14, 14), name="pair")

    def as_channels(self, pair):
        """The two images as channels: [batch, 14, 14, 2] or [batch, 14, 14, K·2]."""
        if self.own_data:
            pair = self._for_networks(pair)
            pair = keras.ops.reshape(pair, (-1, 2 * self.networks, 14, 14))
        return keras.ops.transpose(pair, (0, 2, 3, 1))

    def as_images(self, pair):
        """Each image by itself: [2·batch, 14, 14, 1] or [2·batch, 14, 14, K]."""
        if not self.own_data:
            return keras.ops.reshape(pair, (-1, 14, 14, 1))
        pair = keras.ops.transpose(self._for_networks(pair), (0, 2, 3, 4, 1))
        return keras.ops.reshape(pair, (-1, 14, 14, self.networks))

    def _for_networks(self, pair):
        """What each committee reads, once for each of its networks."""
        if self.committee == 1:
            return pair
        return keras.ops.repeat(pair, self.committee, axis=1)

    def conv(self, x, filters, padding, name):
        """A convolution 3×3, [n, h, w, K·c] → [n, h', w', K·filters]."""
        apart, self.apart = self.apart, True
        return layers.PopulationConv2D(self.networks, filters, padding, apart, name=name)(x)

    def batch_norm(self, x, name):
        """Batch normalisation of each channel of each network."""
        return layers.PopulationBatchNorm(self.networks, name=name)(x)

    # Alike for one network and for many.
    relu, max_pool = StockKit.relu, StockKit.max_pool

    def dropout(self, x, rate, name):
        """Dropout, in training, with one mask for all networks."""
        return layers.SharedDropout(self.networks, rate, name=name)(x)

    def features(self, x):
        """[n, h, w, K·c] → [K, n, h·w·c]."""
        _, height, width, channels = x.shape
        size = channels // self.networks
        x = keras.ops.reshape(x, (-1, height * width, self.networks, size))
        x = keras.ops.transpose(x, (2, 0, 1, 3))
        return keras.ops.reshape(x, (self.networks, -1, height * width * size))

    def dense(self, x, units, name):
        """A fully connected layer, [K, n, features] → [K, n, units]."""
        return layers.PopulationDense(self.networks, units, name=name)(x)

    def of_both(self, x):
        """[K, 2·batch, features] of single images → [K, batch, 2·features] of pairs."""
        return keras.ops.reshape(x, (self.networks, -1, 2 * x.shape[-1]))

    def of_image(self, x, image):
        """[K, 2·batch, n] of single images → [K, batch, n] of each pair's image."""
        return keras.ops.reshape(x, (self.networks, -1, 2, x.shape[-1]))[:, :, image]

    def by_member(self, x):
        """[batch, K, units] → [batch, members, N, units]."""
        return keras.ops.reshape(x, (-1, self.members, self.committee, x.shape[-1]))

    def batch_first(self, x):
        """[K, batch, units] → [batch, K, units]."""
        return keras.ops.transpose(x, (1, 0, 2))
