"""Training and scoring, for one network or a population: one code path."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from keras_pairs import objective
from keras_pairs.config import OUTPUT_UNITS, OUTPUTS, TrainingConfig
from keras_pairs.model import build_model, count_members, initialize, take_member

EVALUATION_BATCH = 500
# Batch order, new partners, dropout masks and augmentation are the same in every training:
# what a training gives is a function of its configuration, wherever it runs and whoever
# shares its graph. The seed decides the pairs and the initial weights.
STREAM_SEED = 0
# What the members of a graph have in common.
SHARED = tuple(
    field.name
    for field in dataclasses.fields(TrainingConfig)
    if field.name not in ("lr", "w_m", "w_a", "seed", "dataset", "data_path")
)


@dataclasses.dataclass(frozen=True)
class Trained:
    """A population after training.

    Attributes:
      model: `keras.Model` of K members, answering logits.
      configs: its K `TrainingConfig`s.
      history: dict of float arrays [epochs, K]: `loss` (Eq. 1), `<output>_loss`,
        `<output>_accuracy`, and the same with `val_` where validation was asked for.
    """

    model: keras.Model
    configs: list
    history: dict

    def member(self, k):
        """Network k by itself, answering probabilities; see `model.take_member`."""
        return take_member(self.model, k, self.configs[k].network())


def fit(configs, splits, *, validate=True, callbacks=()):
    """Trains one network per configuration, all in one graph.

    Args:
      configs: K `TrainingConfig`s that agree in all but lr, w_m, w_a and seed.
      splits: one `Splits` that all members share, or K, one each.
      validate: whether to score the validation pairs after every epoch.
      callbacks: `keras.callbacks.Callback`s; per-member values are arrays [K] in logs.

    Returns:
      `Trained`.

    Raises:
      ValueError: if the configurations do not agree, or K data sets are not K.
    """
    first = configs[0]
    for name in SHARED:
        values = {getattr(config, name) for config in configs}
        if len(values) > 1:
            raise ValueError(f"Members must share {name}. Received: {sorted(values)}")
    own_data = not hasattr(splits, "train")
    if own_data and len(splits) != len(configs):
        raise ValueError(
            f"Data must be one Splits or one per member. Received: {len(splits)} for "
            f"{len(configs)} members"
        )
    members = len(configs)
    model = build_model(
        **first.network(),
        members=members,
        augmentation=first.augmentation,
        own_data=own_data,
        logits=True,
        mask_seed=STREAM_SEED,
    )
    initialize(model, [config.seed for config in configs])
    train = stack([s.train for s in splits] if own_data else splits.train)
    steps = -(-len(train[0]) // first.batch_size)
    objective.compile_model(model, configs, steps)
    if first.weight_averaging:
        # Keras installs the average at the end of `fit`; so validation sees it as well.
        callbacks = [keras.callbacks.SwapEMAWeights(), *callbacks]
    validation = None
    if validate:
        pairs = [s.validation for s in splits] if own_data else splits.validation
        validation = batches(stack(pairs), EVALUATION_BATCH)
    recorder = _Recorder()
    model.fit(
        shuffled(train, first.batch_size, first.epochs, STREAM_SEED, first.new_pairs),
        epochs=first.epochs,
        steps_per_epoch=steps,
        validation_data=validation,
        shuffle=False,
        verbose=0,
        callbacks=[recorder, *callbacks],
    )
    return Trained(model, list(configs), recorder.history(configs))


def answer(model, pairs):
    """What each member answers.

    Args:
      model: from `fit`, K members.
      pairs: one `Pairs` that all members share, or K.

    Returns:
      list of K dicts of float32 arrays: `comparison` [n], the probability that the first
      digit is <= the second; `first_digit`, `second_digit` [n, 10], class probabilities.
    """
    images = tf.data.Dataset.from_tensor_slices(stack(pairs)[0]).batch(EVALUATION_BATCH)
    logits = model.predict(images, verbose=0)
    members, count = count_members(model), len(logits["comparison"])
    shapes = {n: (u,) if u > 1 else () for n, u in OUTPUT_UNITS.items()}
    answers = {
        name: np.asarray((tf.nn.softmax if shape else tf.sigmoid)(logits[name])).reshape(
            count, members, *shape
        )
        for name, shape in shapes.items()
    }
    return [{name: x[:, k] for name, x in answers.items()} for k in range(members)]


def stack(pairs):
    """Pairs as model input and targets; K data sets get a member axis behind batch."""
    if hasattr(pairs, "images"):
        return pairs.images, pairs.target, pairs.digits[:, 0], pairs.digits[:, 1]
    return tuple(np.stack(arrays, 1) for arrays in zip(*map(stack, pairs), strict=True))


def batches(arrays, size):
    """A dataset of (pair, targets) in order, held as tensors."""
    return tf.data.Dataset.from_tensor_slices(arrays).batch(size).map(example).cache()


def shuffled(arrays, size, epochs, seed, new_pairs=False):
    """A dataset of `epochs` epochs, each in a new order that only seed and epoch decide.

    With `new_pairs` not the pairs are in a new order but their images, which so find new
    partners.
    """
    images, _, first, second = arrays
    own_data = images.ndim == 5
    side = 2 if own_data else 1
    count = len(images)
    images, digits = (
        tf.constant(np.concatenate(np.split(array, 2, axis), 0).squeeze(axis))
        for array, axis in ((images, side), (np.stack([first, second], 1), 1))
    )

    def epoch(number):
        shape = [2 * count if new_pairs else count]
        order = tf.argsort(tf.random.stateless_uniform(shape, tf.stack([seed, number])))
        both = tf.split(order, 2) if new_pairs else [order, order + count]
        return tf.data.Dataset.from_tensor_slices(tf.stack(both, 1)).batch(size)

    def gather(indices):
        pair, both = tf.gather(images, indices), tf.gather(digits, indices)
        if own_data:
            pair = tf.transpose(pair, (0, 2, 1, 3, 4))
        first, second = both[:, 0], both[:, 1]
        return example(pair, tf.cast(first <= second, tf.float32), first, second)

    orders = tf.data.Dataset.range(epochs).flat_map(epoch)
    return orders.map(gather).prefetch(2)


def example(images, target, first, second):
    """Arrays of `stack` as what `fit` takes: the input, and the targets by output."""
    return images, dict(zip(OUTPUTS, (target, first, second), strict=True))


class _Recorder(keras.callbacks.Callback):
    """Keeps each epoch's per-member values."""

    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append({k: np.atleast_1d(v) for k, v in logs.items()})

    def history(self, configs):
        weights = objective.loss_weights(
            [config.w_m for config in configs], [config.w_a for config in configs]
        )
        columns = {}
        for prefix in ("", "val_"):
            if self.epochs and f"{prefix}comparison_accuracy" not in self.epochs[0]:
                continue
            parts = {
                f"{prefix}{name}_{kind}": np.stack(
                    [row[f"{prefix}{name}_{logged}"] for row in self.epochs]
                )
                for name in OUTPUTS
                for kind, logged in (("loss", "cross_entropy"), ("accuracy", "accuracy"))
            }
            # Keras' own `loss` averages the members; Eq. (1) holds for each of them.
            columns[f"{prefix}loss"] = sum(
                weights[name] * parts[f"{prefix}{name}_loss"] for name in OUTPUTS
            )
            columns.update(parts)
        return columns
