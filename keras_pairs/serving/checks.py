"""What is written has to answer as the network that it was written from."""

import numpy as np
import tensorflow as tf

from keras_pairs import graph
from keras_pairs.errors import UserError, first_line

TOLERANCE = 1e-5


def of_network(model, pairs):
    """What a network answers.

    Args:
      model: Keras model, see `signatures.save`.
      pairs: float32 [n, 2, 14, 14] of 0…255.

    Returns:
      dict of float32 arrays by output name.

    Raises:
      UserError: if it is no network of digit pairs, or an answer is no probability.
    """
    try:
        answers = model(pairs, training=False)
        answers = {name: np.asarray(values) for name, values in answers.items()}
    except (AttributeError, TypeError, ValueError, tf.errors.OpError) as error:
        raise UserError(f"not a model of pairs of digits: {first_line(error)}") from error
    for name, values in answers.items():
        if values.ndim != 2 or not values.size:
            shape = list(values.shape)
            raise UserError(f"not a model of pairs of digits: its {name} is {shape}")
        # Of two classes or of ten. Asked so that NaN is refused.
        total = values.sum(-1) if values.shape[-1] > 1 else np.ones(len(values))
        if not (
            values.min() >= 0 and values.max() <= 1 and np.allclose(total, 1, atol=1e-3)
        ):
            raise UserError(
                f"the model's {name} is no probability: was its training's loss NaN?"
            )
    return answers


def of_saved_model(path, pairs):
    """What a SavedModel's `serving_default` answers: as `of_network`, unchecked.

    Raises:
      UserError: if it cannot be read, or does not answer.
    """
    try:
        answer = graph.load(path).signatures["serving_default"]
        return {name: x.numpy() for name, x in answer(pair=tf.constant(pairs)).items()}
    except (KeyError, TypeError, tf.errors.OpError) as error:
        raise UserError(f"{path}: does not answer pairs of digits") from error


def same(found, expected, who, whose):
    """Compares answers.

    Args:
      found, expected: dicts of arrays by output name.
      who: str, who gave those found.
      whose: str, who gave those expected.

    Raises:
      UserError: if one is missing, or differs by more than `TOLERANCE`.
    """
    if missing := sorted(expected.keys() - found.keys()):
        raise UserError(f"{who} does not answer {', '.join(missing)}")
    for name, values in expected.items():
        difference = np.inf
        if np.shape(found[name]) == values.shape:
            difference = np.abs(np.asarray(found[name]) - values).max()
        # Asked so that NaN is refused.
        if not difference <= TOLERANCE:
            raise UserError(f"{who}: {name} differs from {whose} by {difference:.2g}")
