"""What all of `benchmarks.peers` train: the networks, pairs, batches and epochs.

Importable without TensorFlow, PyTorch and JAX.
"""

import time
from typing import NamedTuple

import numpy as np

from benchmarks.train import EPOCHS, TURNS
from keras_pairs import data
from keras_pairs.config import TrainingConfig
from keras_pairs.outputs import OUTPUTS, targets
from keras_pairs.paper import GRID
from keras_pairs.training import loss_weights

LR = 0.005
# Processor time: each process has one thread, and work beside it disturbs that less.
CLOCK = time.process_time
# The network's, for peers that do without Keras: `tests/test_benchmarks_peers.py` compares
# what these networks answer.
PIXEL_MEAN, PIXEL_STD = 0.1302, 0.3069
MOMENTUM, EPSILON = 0.9, 1e-5
HIDDEN_UNITS, HEAD_DROPOUT = 20, 0.5
BETAS, ADAM_EPSILON = (0.9, 0.999), 1e-8


class Case(NamedTuple):
    """A population of the paper's network: one for each w_a of the paper's grid.

    Attributes:
      nb_f: int, filters.
      batch_size: int.
      members: int, at most as many as the grid has w_a.
      num_pairs: int, of an epoch.
    """

    nb_f: int
    batch_size: int = 50
    members: int = len(GRID["w_a"])
    num_pairs: int = 1000

    def configs(self):
        """The members' `TrainingConfig`s."""
        return [
            TrainingConfig(
                self.nb_f,
                LR,
                self.batch_size,
                w_a=w_a,
                epochs=EPOCHS * (TURNS + 1),
                num_pairs=self.num_pairs,
            )
            for w_a in GRID["w_a"][: self.members]
        ]

    def splits(self):
        """The `data.Splits` that all members share."""
        return data.sample_pairs(data.load_images("digits"), self.num_pairs, seed=0)

    def weights(self):
        """Eq. (1)'s weights by output name, float32 [members]."""
        return loss_weights.of_members(self.configs())

    def arrays(self):
        """(images float32 [n, 2, 14, 14], targets by output name) of the training pairs."""
        pairs = self.splits().train
        return pairs.images, targets(pairs.digits)


def batches(count, size, rng):
    """Index arrays of the batches of an epoch, in a new order."""
    order = rng.permutation(count)
    return np.split(order, range(size, count, size))


def by_turns(pipe, case, convert, step):
    """Trains turn by turn, as `benchmarks.train.turns` lets Keras do it.

    Args:
      pipe: of `benchmarks.train.compare`.
      case: `Case`.
      convert: function of an array to that of the framework.
      step: function of images and targets that trains on a batch and waits for it.
    """
    images, wanted = case.arrays()
    images = convert(images)
    wanted = {output.name: convert(wanted[output.name]) for output in OUTPUTS}
    rng = np.random.default_rng(0)
    for _ in range(TURNS + 1):
        pipe.recv()
        begun = CLOCK()
        for _ in range(EPOCHS):
            for each in batches(case.num_pairs, case.batch_size, rng):
                step(images[each], {name: all_[each] for name, all_ in wanted.items()})
        pipe.send((CLOCK() - begun) / EPOCHS)
