"""Kits for networks that depart from the paper's text, see `benchmarks.departures`."""

import tensorflow as tf

from keras_pairs.networks.population import PopulationKit
from keras_pairs.networks.population_layers import PopulationBatchNorm, SharedDropout
from keras_pairs.networks.stock import MOMENTUM

SLOW_MOMENTUM = 0.99


class ChannelDropout(SharedDropout):
    """Drops whole feature maps: the mask has no height and width of its own."""

    def mask(self, shape):
        return super().mask([shape[0], 1, 1, *tf.unstack(shape[3:])])


class SlowBatchNorm(PopulationBatchNorm):
    """Batch normalisation whose moving average has another momentum."""

    def call(self, inputs, training=None):
        if not training:
            return super().call(inputs, training)
        moving = self.moving_mean, self.moving_variance
        before = [tf.convert_to_tensor(variable) for variable in moving]
        outputs = super().call(inputs, training)
        for variable, old in zip(moving, before, strict=True):
            step = variable - old
            variable.assign(old + step * (1 - SLOW_MOMENTUM) / (1 - MOMENTUM))
        return outputs


class ChannelDropoutKit(PopulationKit):
    """Dropout of whole channels in the trunk."""

    def dropout(self, x, rate, name):
        if len(x.shape) < 4:
            return super().dropout(x, rate, name)
        return ChannelDropout(self.networks, rate, name=name)(x)


class SlowKit(PopulationKit):
    """Moving averages of momentum 0.99."""

    def batch_norm(self, x, name):
        return SlowBatchNorm(self.networks, name=name)(x)


class OneHiddenKit(PopulationKit):
    """One hidden layer, with its ReLU and dropout, for all heads."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.made = {}

    def dense(self, x, units, name):
        return self._once(super().dense, name, "_hidden", x, units)

    def relu(self, x, name):
        return self._once(super().relu, name, "_relu", x)

    def dropout(self, x, rate, name):
        return self._once(super().dropout, name, "_dropout", x, rate)

    def _once(self, make, name, suffix, *arguments):
        """What the first head's layer of that kind gives; of other layers their own."""
        if not name.endswith(suffix):
            return make(*arguments, name)
        if suffix not in self.made:
            self.made[suffix] = make(*arguments, name)
        return self.made[suffix]


class AuthorsKit(ChannelDropoutKit, OneHiddenKit):
    """What the authors' published code has."""
