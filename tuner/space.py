"""The grid of section II.C: its points, their order, and which of them train together.

Importable without TensorFlow.
"""

import dataclasses
import itertools
import math

from keras_pairs.config import TrainingConfig
from keras_pairs.paper import GRID

# The order of the grid, slowest first: neighbours can share a graph.
AXES = ("nb_f", "batch_size", "lr", "w_a")
# Filters side by side in one graph. Measured on one thread: at nb_f=8, batch 10, a member's
# epoch takes 0.048 s among 13, 0.036 among 26 and 0.041 among 65 (the activations no
# longer fit the cache); from nb_f=32 on the number of members hardly matters.
FILTERS_PER_GRAPH = 208
# A trial's status when its point needs no more training.
ENDED = ("COMPLETED", "FAILED")


@dataclasses.dataclass(frozen=True)
class Grid:
    """The product of the values of nb_f, lr, batch_size and w_a, all tuples.

    Raises:
      ValueError: if one of them is empty.
    """

    nb_f: tuple = GRID["nb_f"]
    lr: tuple = GRID["lr"]
    batch_size: tuple = GRID["batch_size"]
    w_a: tuple = GRID["w_a"]

    def __post_init__(self):
        for name in AXES:
            if not getattr(self, name):
                raise ValueError(f"{name} must have at least one value. Received: none")

    def points(self):
        """list of dicts with the keys of `AXES`, in the grid's order."""
        product = itertools.product(*(getattr(self, name) for name in AXES))
        return [dict(zip(AXES, values, strict=True)) for values in product]

    def groups(self):
        """Lists of indices of points that train as one population.

        They share nb_f and batch size. A trial's last bits may depend on the size of its
        population, so that this is a function of the grid alone: whoever trains a point,
        and however often the search was killed, trains the same population.
        """
        groups, points = [], self.points()
        for _, run in itertools.groupby(
            range(len(points)), lambda i: (points[i]["nb_f"], points[i]["batch_size"])
        ):
            indices = list(run)
            most = members_per_graph(points[indices[0]]["nb_f"])
            count = math.ceil(len(indices) / most)
            cuts = [len(indices) * k // count for k in range(count + 1)]
            groups += [indices[a:b] for a, b in itertools.pairwise(cuts)]
        return groups

    def to_dict(self):
        return {name: list(getattr(self, name)) for name in AXES}


def members_per_graph(nb_f):
    """How many networks of a width may share a graph."""
    return max(1, FILTERS_PER_GRAPH // nb_f)


def trial_id(index):
    """keras-tuner's name for the point of that index."""
    return f"{index:04}"


def hyperparameters(grid, settings):
    """The grid as keras-tuner sees it.

    Args:
      grid: `Grid`.
      settings: dict of what all trials share; recorded in every trial as fixed values.

    Returns:
      `keras_tuner.HyperParameters`.
    """
    import keras_tuner

    space = keras_tuner.HyperParameters()
    for name in AXES:
        space.Choice(name, list(getattr(grid, name)))
    for name, value in settings.items():
        space.Fixed(name, value)
    return space


def training_config(point, common):
    """The `TrainingConfig` of a point; `common` is a dict of its other fields."""
    return TrainingConfig(**{name: point[name] for name in AXES}, **common)


def estimated_seconds(point, common):
    """Seconds of one trial within its population on one thread.

    A fit to measurements (2 cores, AVX-512): convolutions go with nb_f², batch norm and
    dropout with nb_f, and each step has a fixed cost that the population shares.
    """
    nb_f = point["nb_f"]
    steps = 2.5 / point["batch_size"] / members_per_graph(nb_f)
    images = 2 if common.get("weight_sharing") else 1
    per_epoch = images * (0.004 * nb_f + 7e-5 * nb_f**2) + steps
    return per_epoch * common["epochs"] * common["num_pairs"] / 1000
