"""Training and scoring, for one network or a population: one code path."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from keras_pairs import objective
from keras_pairs.model import OUTPUTS, build_model, initialize

EVALUATION_BATCH = 500
# Batch order and dropout masks are the same in every training: what a training gives is a
# function of its configuration, wherever it runs and whoever shares its graph. The seed
# decides the pairs and the initial weights.
STREAM_SEED = 0


@dataclasses.dataclass(frozen=True)
class Trained:
    """A population after training.

    Attributes:
      model: `keras.Model` of K members, answering logits.
      history: dict of float arrays [epochs, K]: `loss` (Eq. 1), `<output>_loss`,
        `<output>_accuracy`, and the same with `val_` where validation was asked for.
    """

    model: keras.Model
    history: dict


def fit(configs, splits, *, validate=True, callbacks=()):
    """Trains one network per configuration, all in one graph.

    Args:
      configs: K `TrainingConfig`s that agree in nb_f, batch_size and epochs.
      splits: one `Splits` that all members share, or K, one each.
      validate: whether to score the validation pairs after every epoch.
      callbacks: `keras.callbacks.Callback`s; per-member values are arrays [K] in logs.

    Returns:
      `Trained`.

    Raises:
      ValueError: if the configurations do not agree, or K data sets are not K.
    """
    first = configs[0]
    for name in ("nb_f", "batch_size", "epochs"):
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
        first.nb_f, members, own_data=own_data, logits=True, mask_seed=STREAM_SEED
    )
    initialize(model, [config.seed for config in configs])
    train = stack([s.train for s in splits] if own_data else splits.train)
    steps = -(-len(train[0]) // first.batch_size)
    objective.compile_model(
        model,
        [config.lr for config in configs],
        [config.w_m for config in configs],
        [config.w_a for config in configs],
        members,
        steps,
    )
    validation = None
    if validate:
        pairs = [s.validation for s in splits] if own_data else splits.validation
        validation = batches(stack(pairs), EVALUATION_BATCH)
    recorder = _Recorder()
    model.fit(
        shuffled(train, first.batch_size, first.epochs, STREAM_SEED),
        epochs=first.epochs,
        steps_per_epoch=steps,
        validation_data=validation,
        shuffle=False,
        verbose=0,
        callbacks=[recorder, *callbacks],
    )
    return Trained(model, recorder.history(configs))


def score(model, pairs):
    """Accuracy of the three outputs on `pairs`.

    Args:
      model: compiled, from `fit`.
      pairs: one `Pairs` that all members share, or K.

    Returns:
      dict of float arrays [K]: output name → accuracy in [0, 1].
    """
    logs = model.evaluate(
        batches(stack(pairs), EVALUATION_BATCH), verbose=0, return_dict=True
    )
    return {name: np.atleast_1d(logs[f"{name}_accuracy"]) for name in OUTPUTS}


def stack(pairs):
    """Pairs as model input and targets; K data sets get a member axis behind batch."""
    if hasattr(pairs, "images"):
        return pairs.images, pairs.target, pairs.digits[:, 0], pairs.digits[:, 1]
    return tuple(np.stack(arrays, 1) for arrays in zip(*map(stack, pairs), strict=True))


def batches(arrays, size):
    """A dataset of (pair, targets) in order, held as tensors."""
    return tf.data.Dataset.from_tensor_slices(arrays).batch(size).map(example).cache()


def shuffled(arrays, size, epochs, seed):
    """A dataset of `epochs` epochs, each in a new order that only seed and epoch decide."""
    tensors = [tf.constant(array) for array in arrays]
    count = len(arrays[0])

    def epoch(number):
        keys = tf.random.stateless_uniform([count], tf.stack([seed, number]))
        return tf.data.Dataset.from_tensor_slices(tf.argsort(keys)).batch(size)

    def gather(indices):
        return example(*(tf.gather(tensor, indices) for tensor in tensors))

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
