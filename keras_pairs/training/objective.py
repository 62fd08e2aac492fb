"""What is minimised, Eq. (1) of the paper, and the optimiser of section II.C.

Eq. (1) is the sum of the outputs' cross entropies, weighted as `loss_weights` says. A
population's losses are arrays, one value per network; `Population.compute_loss` adds them
up. Its metrics are arrays of K, one value per member. A member is a network or, where
`committee` is more than 1, so many of them, each trained for itself.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_pairs.networks.population import networks_and_members
from keras_pairs.outputs import OUTPUTS
from keras_pairs.scoring import verdict
from keras_pairs.training import loss_weights

# Of the one-cycle schedule's steps, those in which the learning rate rises.
WARM_UP = 0.25
# What the learning rate begins with, of its highest value.
FIRST_RATE = 0.04


class MemberCrossEntropy(keras.losses.Loss):
    """Mean cross entropy over the batch, from logits, of each network.

    Called with y_true [batch], or [batch, K] of own data, and the population's logits;
    answers float32 [K·committee]. Of a class's target `label_smoothing` is spread evenly
    over all classes. Teachers give probabilities: [batch, K] or [batch, K, classes].
    """

    def __init__(self, output, label_smoothing=0.0, committee=1):
        super().__init__(name=output.name, reduction=None, dtype="float32")
        self.output, self.smoothing = output, label_smoothing
        self.committee = committee

    def call(self, y_true, y_pred):
        y_pred, _ = networks_and_members(y_pred, self.committee)
        y_true = _for_all(y_true, y_pred, self.committee)
        if self.output.binary:
            losses = tf.nn.sigmoid_cross_entropy_with_logits(y_true, y_pred[..., 0])
        elif len(y_true.shape) == 3:
            losses = tf.nn.softmax_cross_entropy_with_logits(y_true, y_pred)
        else:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                tf.cast(y_true, tf.int32), y_pred
            )
            if self.smoothing:
                every = -tf.reduce_mean(tf.nn.log_softmax(y_pred), -1)
                losses = (1 - self.smoothing) * losses + self.smoothing * every
        return tf.reduce_mean(losses, axis=0)


class MemberMetric(keras.metrics.Metric):
    """The mean over an epoch's pairs of what `values` gives, of each of K members."""

    def __init__(self, output, members, committee, name):
        super().__init__(name=name)
        self.output, self.members, self.committee = output, members, committee
        self.total = self.add_weight(shape=(members,), initializer="zeros", name="total")
        self.count = self.add_weight(shape=(), initializer="zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        batch = tf.cast(tf.shape(y_pred)[0], tf.float32)
        self.total.assign_add(self.values(y_true, y_pred) * batch)
        self.count.assign_add(batch)

    def result(self):
        mean = self.total / tf.maximum(tf.convert_to_tensor(self.count), 1)
        # Of a single network Keras and its tools expect a number.
        return mean[0] if self.members == 1 else mean


class MemberAccuracy(MemberMetric):
    """Fraction of right answers (section II.D), from logits; a committee's common ones."""

    def __init__(self, output, members, committee=1):
        super().__init__(output, members, committee, "accuracy")

    def values(self, y_true, y_pred):
        _, y_pred = networks_and_members(y_pred, self.committee)
        y_true = _for_all(y_true, y_pred)
        if self.output.binary:
            right = verdict(tf.sigmoid(y_pred[..., 0])) == (y_true > 0.5)
        else:
            right = tf.argmax(y_pred, -1, tf.int32) == tf.cast(y_true, tf.int32)
        return tf.reduce_mean(tf.cast(right, tf.float32), axis=0)


class MemberLoss(MemberMetric):
    """Mean of `MemberCrossEntropy`; of a committee that of its networks.

    Not named `loss`: under that name Keras logs its own sum over all members.
    """

    def __init__(self, output, members, label_smoothing=0.0, committee=1):
        super().__init__(output, members, committee, "cross_entropy")
        self.loss = MemberCrossEntropy(output, label_smoothing, committee)

    def values(self, y_true, y_pred):
        losses = self.loss(y_true, y_pred)
        if self.committee == 1:
            return losses
        return tf.reduce_mean(tf.reshape(losses, (self.members, self.committee)), 1)


def _for_all(y_true, y_pred, committee=1):
    """Targets, [batch] or [batch, members, …], for all of y_pred [batch, members·N, …]."""
    if len(y_true.shape) == 1:
        return tf.broadcast_to(y_true[:, None], tf.shape(y_pred)[:2])
    return tf.repeat(y_true, committee, axis=1) if committee > 1 else y_true


@keras.saving.register_keras_serializable("keras_pairs")
class MemberAdam(keras.optimizers.Optimizer):
    """Adam with the paper's constants and a learning rate per network.

    β₁ = 0.9, β₂ = 0.999, ε = 1e-8 (Keras' own is 1e-7), no weight decay. Keras' own makes a
    dozen small operations for each of some 30 variables, and starting them is a tenth of
    what narrow networks take. This one makes them once: each of the two moments is one
    variable of all weights, [K, n]. What it gives equals Keras' Adam.

    Args:
      lr: K floats, one per network. Weights are [K, …].
      schedule: what `lr` is multiplied with: a float, or a Keras schedule.

    Attributes:
      begun: int, `iterations` when the moments were zero. Set it before the first step, for
        weights that were trained before by an Adam whose moments are lost.
    """

    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-8

    def __init__(self, lr, schedule=1.0, name="member_adam"):
        super().__init__(learning_rate=schedule, name=name)
        self.lr, self.begun = np.asarray(lr, "float32"), 0

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        shape = len(self.lr), sum(map(self._size, variables))
        self.momentum = self.add_variable(shape, name="momentum")
        self.velocity = self.add_variable(shape, name="velocity")

    def apply(self, grads, trainable_variables):
        """Makes a step; Keras' own needs no variables after the first one."""
        variables = list(trainable_variables)
        self.build(variables)
        networks = len(self.lr)
        step = tf.cast(self.iterations + 1 - self.begun, tf.float32)
        grads = tf.concat([tf.reshape(gradient, (networks, -1)) for gradient in grads], 1)
        rates = tf.constant(self.lr[:, None]) * self.learning_rate
        beta_1_power, beta_2_power = (tf.pow(b, step) for b in (self.beta_1, self.beta_2))
        rates = rates * tf.sqrt(1 - beta_2_power) / (1 - beta_1_power)
        m, v = self.momentum, self.velocity
        self.assign_add(m, (grads - m) * (1 - self.beta_1))
        self.assign_add(v, (tf.square(grads) - v) * (1 - self.beta_2))
        moves = m * rates / (tf.sqrt(v) + self.epsilon)
        moves = tf.split(moves, [self._size(variable) for variable in variables], 1)
        for variable, move in zip(variables, moves, strict=True):
            self.assign_sub(variable, tf.reshape(move, variable.shape))
        self.assign_add(self.iterations, 1)

    def get_config(self):
        config = super().get_config()
        schedule = config["learning_rate"]
        return {"lr": self.lr.tolist(), "schedule": schedule, "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        schedule = config["schedule"]
        if isinstance(schedule, dict):
            schedule = keras.saving.deserialize_keras_object(schedule, custom_objects)
        return cls(**config | {"schedule": schedule})

    def _size(self, variable):
        """Weights of a variable that one network has."""
        return int(np.prod(variable.shape)) // len(self.lr)


def one_cycle(steps):
    """A factor that rises to 1 over `WARM_UP` of the steps, then falls to 0."""
    warm_up = int(WARM_UP * steps)
    return keras.optimizers.schedules.CosineDecay(
        FIRST_RATE, steps - warm_up, warmup_target=1.0, warmup_steps=warm_up
    )


def compile_population(population, configs, steps):
    """Compiles a population with Eq. (1) and `MemberAdam`.

    Args:
      population: `networks.population.Population` of K members.
      configs: K `TrainingConfig`s; what they share is the first's.
      steps: int, batches of an epoch, which are one call into TensorFlow.
    """
    first, members = configs[0], len(configs)
    smoothing, committee = first.label_smoothing, first.committee
    networks = [network for config in configs for network in config.networks()]
    schedule = one_cycle(steps * first.epochs) if first.one_cycle else 1.0
    population.compile(
        optimizer=MemberAdam([network.lr for network in networks], schedule),
        loss={
            output.name: MemberCrossEntropy(output, smoothing, committee)
            for output in OUTPUTS
        },
        loss_weights=loss_weights.of_members(networks),
        metrics={
            output.name: [
                MemberLoss(output, members, smoothing, committee),
                MemberAccuracy(output, members, committee),
            ]
            for output in OUTPUTS
        },
        steps_per_execution=steps,
        # XLA on CPU makes this network 17 times slower.
        jit_compile=False,
    )
