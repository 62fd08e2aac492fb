"""The heads: from the trunk's features to the logits of every output."""

import keras
import numpy as np

from keras_pairs.outputs import CLASSES, OUTPUTS

HIDDEN_UNITS = 20
DROPOUT = 0.5
# Stands for the logarithm of 0. float32 holds it, and its exponential is exactly 0.
LOG_ZERO = -1e30


def parallel_heads(features, derived_comparison, kit):
    """A head for each output, as in the paper: dict by output name of logits.

    Args:
      features: of the pair, as the kit lays them out.
      derived_comparison: whether what is about both images has no head, see `derive`.
      kit: `stock.StockKit` or `population.PopulationKit`.
    """
    logits = {
        output.name: head(features, output.name, output.units, kit)
        for output in OUTPUTS
        if output.image is not None or not derived_comparison
    }
    return _with_derived(logits) if derived_comparison else logits


def shared_heads(features, derived_comparison, kit):
    """One head reads the digit of either image; others see the features of both.

    Arguments as of `parallel_heads`, but the features are of single images.
    """
    digits = head(features, "digit", CLASSES, kit)
    logits = {
        output.name: kit.of_image(digits, output.image)
        for output in OUTPUTS
        if output.image is not None
    }
    if derived_comparison:
        return _with_derived(logits)
    both = kit.of_both(features)
    return logits | {
        output.name: head(both, output.name, output.units, kit)
        for output in OUTPUTS
        if output.image is None
    }


def head(features, name, units, kit):
    """Dense 20 → ReLU → dropout 0.5 → `units` logits (section II.A)."""
    x = kit.dense(features, HIDDEN_UNITS, f"{name}_hidden")
    x = kit.relu(x, f"{name}_relu")
    x = kit.dropout(x, DROPOUT, f"{name}_dropout")
    return kit.dense(x, units, f"{name}_logits")


def _with_derived(logits):
    first, second = (
        logits[output.name]
        for image in (0, 1)
        for output in OUTPUTS
        if output.image == image
    )
    return logits | {
        output.name: derive(first, second, output.target)
        for output in OUTPUTS
        if output.image is None
    }


def agree(logits, derived_comparison):
    """What a committee answers: the mean of its networks' probabilities.

    A derived comparison follows from the averaged classes.

    Args:
      logits: dict by output name of logits [..., N, units] of N networks.
      derived_comparison: as of `parallel_heads`.

    Returns:
      dict by output name of logits [..., units].
    """
    agreed = {
        output.name: _mean(logits[output.name], output)
        for output in OUTPUTS
        if output.image is not None or not derived_comparison
    }
    return _with_derived(agreed) if derived_comparison else agreed


def _mean(logits, output):
    """The logits of the mean probability of [..., N, units]: [..., units]."""
    # Up to a constant, which no softmax and no difference notices.
    if not output.binary:
        return keras.ops.logsumexp(keras.ops.log_softmax(logits, -1), axis=-2)
    yes, no = (
        keras.ops.logsumexp(keras.ops.log_sigmoid(side), axis=-2)
        for side in (logits, keras.ops.negative(logits))
    )
    return keras.ops.subtract(yes, no)


def derive(first, second, target):
    """The logit of a yes or no that the two digits' classes imply.

    P(yes) = Σ P(first = i) · P(second = j) over the i, j for which `target(i, j)` is true.

    Args:
      first, second: logits [..., 10] of the two digits.
      target: function of two digits, see `outputs.Output`.

    Returns:
      [..., 1], log P(yes) − log P(no).
    """
    ops = keras.ops
    # Not `ops.add`: Keras on TensorFlow takes what is [1, …, 1, 10] for a bias, and of a
    # single pair adds it along the wrong axis.
    both = ops.subtract(
        ops.expand_dims(ops.log_softmax(first, -1), -1),
        ops.expand_dims(ops.negative(ops.log_softmax(second, -1)), -2),
    )
    classes = np.arange(CLASSES)
    true = target(classes[:, None], classes[None, :])
    yes, no = (
        ops.logsumexp(
            ops.add(both, np.where(where, 0.0, LOG_ZERO).astype("float32")), axis=(-2, -1)
        )
        for where in (true, ~true)
    )
    return ops.expand_dims(ops.subtract(yes, no), -1)
