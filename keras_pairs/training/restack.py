"""Some members of a population as a population of their own, with all that they are."""

import dataclasses

import keras
import numpy as np

from keras_pairs.networks.population import Population
from keras_pairs.training import checkpoints


@dataclasses.dataclass(frozen=True)
class Start:
    """Where a training goes on.

    Attributes:
      population: `Population`, trained for some epochs.
      members: list of int, those of its members that go on.
      epochs: int, so many epochs that they were trained.
    """

    population: Population
    members: list
    epochs: int

    def restore(self, population):
        """Gives a compiled population these members: weights, Adam's moments, masks.

        Args:
          population: compiled `Population` of as many members as go on.
        """
        committee = population.committee
        rows = np.array(self.members)[:, None] * committee + np.arange(committee)
        population.optimizer.build(population.trainable_variables)
        both = (checkpoints.variables_of(each) for each in (population, self.population))
        for variable, before in zip(*both, strict=True):
            value = before.numpy()
            # Every weight and its moments are [K, …]. What all members share are counts
            # and the states of random generators, which are integers, and the rate's
            # schedule.
            shared = value.ndim == 0 or not np.issubdtype(value.dtype, np.floating)
            variable.assign(value if shared else value[rows.ravel()])


@dataclasses.dataclass(frozen=True)
class FromModel:
    """Where the training of one network goes on when only its weights are known.

    Attributes:
      model: `keras.Model`, as `build_model` makes it.
      epochs: int, so many epochs that it was trained.
    """

    model: keras.Model
    epochs: int

    def restore(self, population):
        """Gives a compiled population of one member the weights of the model."""
        population.copy_from(0, self.model)
        # So much of a schedule of learning rates has passed; Adam's moments begin anew.
        passed = self.epochs * population.steps_per_execution
        population.optimizer.iterations.assign(passed)
        population.optimizer.begun = passed
