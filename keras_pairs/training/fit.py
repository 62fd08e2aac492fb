"""Training networks in one graph, and asking them."""

import dataclasses
import pathlib
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_pairs.config import SHARED, TrainingConfig
from keras_pairs.data import Splits
from keras_pairs.networks.population import (
    Population,
    PopulationKit,
    build_population,
)
from keras_pairs.outputs import OUTPUTS
from keras_pairs.training import batches, checkpoints, loss_weights, objective, restack
from keras_pairs.training.costs import EVALUATION_BATCH, VALIDATION_BATCH


@dataclasses.dataclass(frozen=True)
class Trained:
    """A population after training.

    Attributes:
      population: `networks.population.Population` of K members, answering logits.
      configs: its K `TrainingConfig`s.
      history: dict of float arrays [epochs, K]: `loss` (Eq. 1), `<output>_loss`,
        `<output>_accuracy`, and the same with `val_` where validation was asked for; those
        are NaN in the epochs that were not validated. The last one always is. Where there
        are teachers, all of it is measured against the labels, not against their answers.
    """

    population: Population
    configs: list
    history: dict

    def member(self, k):
        """Member k by itself, in stock Keras; see `Population.member`."""
        return self.population.member(k, self.configs[k])

    def answers(self, pairs):
        """What each member answers.

        Args:
          pairs: one `data.Pairs` that all members share, or a list of K.

        Returns:
          list of K dicts of float32 arrays by output name: [n], a probability, or
          [n, units], class probabilities. `comparison` is P(first <= second).
        """
        images, _ = batches.stack(pairs)
        dataset = tf.data.Dataset.from_tensor_slices(images).batch(EVALUATION_BATCH)
        logits = self.population.predict(dataset, verbose=0)
        found = {
            name: np.asarray(values)
            for name, values in self.population.probabilities(logits).items()
        }
        return [
            {name: values[:, k] for name, values in found.items()}
            for k in range(len(self.configs))
        ]


def check(configs, splits):
    """Refuses what cannot train in one graph.

    Args:
      configs, splits: as of `fit`.

    Raises:
      ValueError: as `fit`.
    """
    if isinstance(configs, TrainingConfig) or not configs:
        raise ValueError(
            f"configs must be a list of TrainingConfig, not empty. Received: {configs}"
        )
    for name in SHARED:
        values = {getattr(config, name) for config in configs}
        if len(values) > 1:
            raise ValueError(f"Members must share {name}. Received: {sorted(values)}")
    if isinstance(splits, list) and len(splits) != len(configs):
        raise ValueError(
            f"Data must be one Splits or one per member. Received: {len(splits)} for "
            f"{len(configs)} members"
        )


def fit(
    configs: list[TrainingConfig],
    splits: Splits | list[Splits],
    *,
    validate: bool = True,
    validate_every: int = 1,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    kit: PopulationKit | None = None,
    checkpoint: pathlib.Path | None = None,
    until: int | None = None,
    start: restack.Start | restack.FromModel | None = None,
) -> Trained:
    """Trains one network, or one committee, per configuration, all in one graph.

        config = TrainingConfig.from_preset(nb_f=8, epochs=2)
        trained = fit([config], sample_pairs(load_images("digits")))
        model = trained.member(0)    # a stock keras.Model

    Args:
      configs: K `TrainingConfig`s that agree in all fields that members share.
      splits: one `data.Splits` that all members share, or a list of K, one each.
      validate: whether to score the validation pairs.
      validate_every: int >= 0: after every so many epochs, and after the last; 0: after the
        last only.
      callbacks: `keras.callbacks.Callback`s. In their logs `<output>_accuracy` and
        `<output>_cross_entropy` are arrays [K]. `<output>_loss`, the members' mean, and
        `loss`, their sum, are floats. What compares numbers, as `EarlyStopping` does, works
        for one member, or on a loss for all. They are called in the teachers' training,
        too.
      kit: `networks.population.PopulationKit`, of whose layers the networks are built;
        those of teachers are always built of the default kit's.
      checkpoint: Path of an .npz file in which the training is saved after its epochs, at
        most once a second, or None.
        If it holds this training, the training goes on after it, and ends as it would have;
        the callbacks hear of the earlier epochs first. Teachers keep theirs beside it.
      until: the epoch, counted from 1, after which to stop; None: the configurations'.
      start: where an earlier training left the networks of `configs`, in this order; the
        history is that of the epochs since. For successive halving and keras-tuner.

    Returns:
      `Trained`.

    Raises:
      ValueError: if there is no configuration, if they do not agree, or `splits` is a
        list of another length than `configs`.
      UserError: if the checkpoint is damaged or another training's.
    """
    check(configs, splits)
    first, own_data = configs[0], isinstance(splits, list)

    def part(name):
        pairs = [getattr(s, name) for s in (splits if own_data else [splits])]
        return batches.stack(pairs if own_data else pairs[0])

    population = build_population(configs, own_data, kit)
    if first.teachers:
        teachers = [config.stages()[0] for config in configs]
        taught = fit(
            teachers,
            splits,
            validate=False,
            callbacks=callbacks,
            checkpoint=checkpoint and checkpoint.with_stem(f"{checkpoint.stem}-teachers"),
        )
        # A method: a model would count as a part of this one.
        population.taught_by = taught.population.teach
    arrays = part("train")
    steps = -(-len(arrays[0]) // first.batch_size)
    objective.compile_population(population, configs, steps)
    recorder, last = _Recorder(), until or first.epochs
    if checkpoint:
        population.optimizer.build(population.trainable_variables)
        recorder.epochs += checkpoints.restore(checkpoint, population)
        keeper = checkpoints.Checkpoint(checkpoint, recorder.epochs)
    done = len(recorder.epochs)
    if start:
        done = start.epochs
        start.restore(population)
    earlier = _Earlier(list(recorder.epochs), callbacks)
    held_out = None
    if validate:
        size = EVALUATION_BATCH if len(configs) == 1 else VALIDATION_BATCH
        held_out = batches.in_order(part("validation"), size)
        # What is read again and again is kept as batches.
        held_out = held_out.cache() if validate_every else held_out
    population.fit(
        batches.shuffled(
            arrays,
            first.batch_size,
            last,
            first.new_pairs,
            first.augmentation,
            done,
        ),
        initial_epoch=done,
        epochs=last,
        steps_per_epoch=steps,
        validation_data=held_out,
        validation_freq=_validated(last, validate_every),
        shuffle=False,
        verbose=0,
        callbacks=[recorder, *([keeper] if checkpoint else []), *callbacks, earlier],
    )
    return Trained(population, list(configs), recorder.history(configs))


def _validated(epochs, every):
    """The epochs, counted from 1, after which to validate: the last is one of them."""
    return sorted({epochs, *range(every, epochs, every)}) if every else [epochs]


class _Earlier(keras.callbacks.Callback):
    """Tells callbacks, once they have begun, of the epochs before a checkpoint."""

    def __init__(self, epochs, callbacks):
        super().__init__()
        self.epochs, self.callbacks = epochs, callbacks

    def on_train_begin(self, logs=None):
        for epoch, values in enumerate(self.epochs):
            for callback in self.callbacks:
                callback.on_epoch_end(epoch, values)


class _Recorder(keras.callbacks.Callback):
    """Keeps each epoch's per-member values."""

    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append({k: np.atleast_1d(v) for k, v in logs.items()})

    def history(self, configs):
        weights = loss_weights.of_members(configs)
        columns, none = {}, np.full(len(configs), np.nan)
        for prefix in ("", "val_"):
            known = f"{prefix}{OUTPUTS[0].name}_accuracy"
            if not any(known in row for row in self.epochs):
                continue
            parts = {
                f"{prefix}{output.name}_{kind}": np.stack(
                    [
                        row.get(f"{prefix}{output.name}_{logged}", none)
                        for row in self.epochs
                    ]
                )
                for output in OUTPUTS
                for kind, logged in (("loss", "cross_entropy"), ("accuracy", "accuracy"))
            }
            # Keras' own `loss` adds the members up; Eq. (1) holds for each of them.
            columns[f"{prefix}loss"] = sum(
                weights[output.name] * parts[f"{prefix}{output.name}_loss"]
                for output in OUTPUTS
            )
            columns.update(parts)
        return columns
