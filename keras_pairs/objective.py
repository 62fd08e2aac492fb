"""What is minimised, Eq. (1) of the paper, and the optimiser of section II.C.

    Total_Loss = (w_m · Main_Loss + w_a · Auxiliary_Loss) / (w_m + w_a)

Main_Loss is the binary cross entropy of `comparison`; Auxiliary_Loss is the sum of the
cross entropies of the two digits. Every function here takes the values of one network
or arrays of K, one per member; K members' total loss is the vector of their losses, and
since no weight belongs to two members, its gradient is each member's own.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_pairs.config import CLASSES, OUTPUTS
from keras_pairs.layers import member_axis
from keras_pairs.scoring import verdict

# Of the one-cycle schedule's steps, those in which the learning rate rises.
WARM_UP = 0.25
# Momentum of the moving average of the weights, per step.
AVERAGING = 0.99


def loss_weights(w_m, w_a):
    """Eq. (1) as Keras' `loss_weights`.

    Args:
      w_m, w_a: floats or float arrays [K], not negative, w_m + w_a > 0.

    Returns:
      dict of float32 [] or [K]: comparison w_m/(w_m+w_a), both digits w_a/(w_m+w_a).

    Raises:
      ValueError: if a weight is negative or a sum is not positive.
    """
    w_m, w_a = np.asarray(w_m, "float64"), np.asarray(w_a, "float64")
    if not (np.all(w_m >= 0) and np.all(w_a >= 0) and np.all(w_m + w_a > 0)):
        raise ValueError(
            "w_m and w_a must not be negative and their sum must be positive. "
            f"Received: w_m={w_m}, w_a={w_a}"
        )
    main = (w_m / (w_m + w_a)).astype("float32")
    auxiliary = (w_a / (w_m + w_a)).astype("float32")
    return dict(zip(OUTPUTS, (main, auxiliary, auxiliary), strict=True))


class MemberCrossEntropy(keras.losses.Loss):
    """Mean cross entropy over the batch, from logits, of each of K members.

    Binary for the comparison, categorical for a digit. Called with y_true [batch] or
    [batch, K] and the model's logits, answers float32 [K]. A digit's target may be
    smoothed: `label_smoothing` of it is spread evenly over the classes.
    """

    def __init__(self, output, members, label_smoothing=0.0, name=None):
        super().__init__(name=name or output, reduction=None, dtype="float32")
        self.binary = output == "comparison"
        self.members = members
        self.smoothing = label_smoothing

    def call(self, y_true, y_pred):
        y_true, y_pred = align(y_true, y_pred, self.binary, self.members)
        if self.binary:
            losses = tf.nn.sigmoid_cross_entropy_with_logits(y_true, y_pred)
        else:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                tf.cast(y_true, tf.int32), y_pred
            )
            if self.smoothing:
                every = -tf.reduce_mean(tf.nn.log_softmax(y_pred), -1)
                losses = (1 - self.smoothing) * losses + self.smoothing * every
        return tf.reduce_mean(losses, axis=0)


class MemberAccuracy(keras.metrics.Metric):
    """Fraction of right answers (section II.D), from logits, of each of K members."""

    def __init__(self, output, members, name="accuracy"):
        super().__init__(name=name)
        self.binary = output == "comparison"
        self.members = members
        self.right = self.add_weight(shape=(members,), initializer="zeros", name="right")
        self.count = self.add_weight(shape=(), initializer="zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = align(y_true, y_pred, self.binary, self.members)
        if self.binary:
            right = verdict(tf.sigmoid(y_pred)) == (y_true > 0.5)
        else:
            right = tf.argmax(y_pred, -1, tf.int32) == tf.cast(y_true, tf.int32)
        self.right.assign_add(tf.reduce_sum(tf.cast(right, tf.float32), axis=0))
        self.count.assign_add(tf.cast(tf.shape(y_true)[0], tf.float32))

    def result(self):
        return _per_member(self.right / tf.maximum(tf.convert_to_tensor(self.count), 1))


class MemberLoss(keras.metrics.Metric):
    """Mean of `MemberCrossEntropy` over an epoch's samples, for each of K members.

    Not named `loss`: under that name Keras logs its own mean over all members.
    """

    def __init__(self, output, members, label_smoothing=0.0, name="cross_entropy"):
        super().__init__(name=name)
        self.loss = MemberCrossEntropy(output, members, label_smoothing)
        self.total = self.add_weight(shape=(members,), initializer="zeros", name="total")
        self.count = self.add_weight(shape=(), initializer="zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        batch = tf.cast(tf.shape(y_true)[0], tf.float32)
        self.total.assign_add(self.loss(y_true, y_pred) * batch)
        self.count.assign_add(batch)

    def result(self):
        return _per_member(self.total / tf.maximum(tf.convert_to_tensor(self.count), 1))


def _per_member(values):
    # Of a single network Keras and its tools expect a number.
    return values[0] if values.shape[0] == 1 else values


def align(y_true, y_pred, binary, members):
    """Both with a member axis: [batch, K], logits of a digit [batch, K, 10]."""
    shape = (-1, members) if binary else (-1, members, CLASSES)
    y_pred = tf.reshape(y_pred, shape)
    if len(y_true.shape) == 1:
        y_true = y_true[:, None]
    return tf.broadcast_to(y_true, tf.shape(y_pred)[:2]), y_pred


class MemberAdam(keras.optimizers.Adam):
    """Adam with the paper's constants and a learning rate per member.

    β₁ = 0.9, β₂ = 0.999, ε = 1e-8 (Keras' own is 1e-7), no weight decay.

    Args:
      lr: float, or K floats for a population.
      schedule: what `lr` is multiplied with: a float, or a Keras schedule.
      averaged: whether a moving average of the weights replaces them at the end.
    """

    def __init__(self, lr, schedule=1.0, averaged=False):
        super().__init__(
            learning_rate=schedule,
            beta_1=0.9,
            beta_2=0.999,
            epsilon=1e-8,
            use_ema=averaged,
            ema_momentum=AVERAGING,
        )
        self.lr = np.atleast_1d(np.asarray(lr, "float32"))

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, self._step_size(variable) * learning_rate)

    def _step_size(self, variable):
        if len(self.lr) == 1:
            return tf.constant(self.lr[0])
        shape = [1] * len(variable.shape)
        axis = member_axis(variable)
        shape[axis] = variable.shape[axis]
        repeats = variable.shape[axis] // len(self.lr)
        return tf.constant(np.repeat(self.lr, repeats).reshape(shape))


def one_cycle(steps):
    """A factor that rises from 0.04 to 1 over `WARM_UP` of the steps, then falls to 0."""
    warm_up = int(WARM_UP * steps)
    return keras.optimizers.schedules.CosineDecay(
        0.04, steps - warm_up, warmup_target=1.0, warmup_steps=warm_up
    )


def compile_model(model, configs, steps):
    """Compiles a `build_model(…, logits=True)` with Eq. (1) and `MemberAdam`.

    Args:
      model: the network of K members, answering logits.
      configs: K `TrainingConfig`s; what is not Eq. (1)'s weights nor lr is the first's.
      steps: int, batches of an epoch, which are one call into TensorFlow.
    """
    members, first = len(configs), configs[0]
    smoothing = first.label_smoothing
    schedule = one_cycle(steps * first.epochs) if first.one_cycle else 1.0
    model.compile(
        optimizer=MemberAdam([c.lr for c in configs], schedule, first.weight_averaging),
        loss={name: MemberCrossEntropy(name, members, smoothing) for name in OUTPUTS},
        loss_weights=loss_weights([c.w_m for c in configs], [c.w_a for c in configs]),
        metrics={
            name: [MemberLoss(name, members, smoothing), MemberAccuracy(name, members)]
            for name in OUTPUTS
        },
        steps_per_execution=steps,
        # XLA on CPU makes this network 17 times slower.
        jit_compile=False,
    )
