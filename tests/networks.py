"""One row for each kind of network; the tests of networks and training run over all.

`test_every_trunk_and_field_has_a_row` fails where a trunk, or a field that decides the
network, has none.
"""

import itertools

import numpy as np

from keras_pairs.config import TrainingConfig
from keras_pairs.trunks import TRUNKS

# What decides a network, every combination of it for one that answers alone.
KINDS = [
    {
        "trunk": trunk,
        "weight_sharing": sharing,
        "derived_comparison": derived,
        "committee": 1,
    }
    for trunk, sharing, derived in itertools.product(TRUNKS, (False, True), (False, True))
]
# A committee is as good as any of its networks: two rows stand for all.
KINDS += [KINDS[0] | {"committee": 2}, KINDS[-1] | {"committee": 3}]


def name(kind):
    """A row's name in pytest's output."""
    words = [kind["trunk"]]
    words += [field for field in ("weight_sharing", "derived_comparison") if kind[field]]
    if kind["committee"] > 1:
        words.append(f"committee_{kind['committee']}")
    return "-".join(words)


def config(kind=None, **changes):
    """A tiny training of a row's network."""
    return TrainingConfig(
        **{
            "nb_f": 4,
            "lr": 0.005,
            "batch_size": 20,
            "w_a": 0.7,
            "epochs": 2,
            "seed": 1,
            "dataset": "digits",
            "num_pairs": 60,
        }
        | (kind or {})
        | changes
    )


def some_pairs(count=7, members=None, seed=0):
    """float32 [count, (members,) 2, 14, 14] of 0…255."""
    shape = (count, 2, 14, 14) if members is None else (count, members, 2, 14, 14)
    return np.random.default_rng(seed).uniform(0, 255, shape).astype("float32")


def scramble(model, seed=0):
    """Random values in every weight, so that no term can hide behind a 0 or a 1."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        low = 0.5 if "variance" in variable.path else -0.5
        variable.assign(rng.uniform(low, 1, variable.shape))
    return model


def probabilities(logits):
    """Sigmoid of one unit, softmax of several, in numpy; without an axis of one unit."""
    logits = np.asarray(logits, "float64")
    if logits.shape[-1] == 1:
        # A sigmoid that no large logit overflows.
        return (1 + np.tanh(logits[..., 0] / 2)) / 2
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
