"""The points of a search, their order, and which of them train together.

Importable without TensorFlow.
"""

import dataclasses
import functools
import itertools
import math
import random

from keras_pairs import outputs
from keras_pairs.commands.flags import shown
from keras_pairs.config import SHARED, TrainingConfig, having
from keras_pairs.errors import UserError
from keras_pairs.paper import GRID
from keras_pairs.training.costs import members_per_graph

# All fields that may be an axis, slowest first: neighbours can share a graph.
ORDER = (*SHARED, *having("per_member"))
# What trials are compared by.
SCORE = outputs.SCORE
BEST_SCORE = f"best_{SCORE}"
# Of a trial that successive halving trained: how long.
EPOCHS_TRAINED = "epochs_trained"
# A trial's status when its point needs no more training.
ENDED = ("COMPLETED", "FAILED")
# A thousand times the paper's. A file that claims more would take all memory.
MOST_POINTS = 10**6
SEEDS = "several rounds do not go with several values of seed"


def whole(metrics, epochs):
    """Whether a trial was trained to the end, given what is known of it.

    Args:
      metrics: dict by name, in which `EPOCHS_TRAINED` may be.
      epochs: int, of a whole training.
    """
    trained = metrics.get(EPOCHS_TRAINED)
    return trained is None or trained == epochs


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What is known of a trial.

    Attributes:
      status: str, one of keras-tuner's.
      metrics: dict of floats by name, of the last epoch.
      message: str or None, why it failed.
    """

    status: str
    metrics: dict
    message: str | None = None

    @classmethod
    def of(cls, state):
        """The outcome that a trial's file tells, in keras-tuner's form.

        Raises:
          Whatever a dict of another form may raise, see `files.DAMAGED`.
        """
        metrics = {}
        for name, history in state["metrics"]["metrics"].items():
            last = max(history["observations"], key=lambda seen: seen["step"])["value"]
            metrics[name] = sum(map(float, last)) / len(last)
        status, message = state["status"], state["message"]
        if not isinstance(status, str) or not isinstance(message, (str, type(None))):
            raise TypeError(f"A trial must have text. Received: {status}, {message}")
        if status == "COMPLETED":
            # What is missing shows here.
            metrics[SCORE], metrics[BEST_SCORE], float(state["score"])
        return cls(status, metrics, message)


@dataclasses.dataclass(frozen=True)
class Grid:
    """The product of the values of some fields of a training; by default the paper's.

        Grid({"trunk": ("paper", "padded"), "w_a": (0.0, 1.0)}, TrainingConfig(8, 0.01, 50))

    Attributes:
      axes: dict, name of a field → tuple of its values. The paper's four are always there:
        one that is not given has the base's value.
      base: `TrainingConfig`, what the points have in common; here, the first of them.
      order: "grid", or "random": populations of random points in a random order, as the
        base's seed decides.
      rounds: int >= 1, how often each point is trained: with the base's seed and those
        that follow it, which are an axis.
      before: `Grid` or None: the grid that this one extends. Its points come first, with
        their indices and their populations.

    Raises:
      UserError: if a point is no legal configuration, or there are more than `MOST_POINTS`.
      ValueError: if an axis has no value, or cannot be one, or lacks a value of `before`.
    """

    axes: dict = dataclasses.field(default_factory=lambda: dict(GRID))
    base: TrainingConfig = dataclasses.field(default_factory=TrainingConfig.from_preset)
    order: str = "grid"
    rounds: int = 1
    before: "Grid | None" = None

    def __post_init__(self):
        axes = {name: (getattr(self.base, name),) for name in GRID} | self.axes
        # Before the seeds are counted out.
        if math.prod(map(len, axes.values())) * max(self.rounds, 1) > MOST_POINTS:
            raise UserError(f"a grid has at most {MOST_POINTS:,} points, with its rounds")
        if self.rounds > 1:
            seeds = tuple(self.base.seed + r for r in range(self.rounds))
            if tuple(axes.get("seed", seeds)) != seeds:
                raise UserError(SEEDS)
            axes["seed"] = seeds
        for name, values in axes.items():
            if name not in ORDER:
                raise ValueError(f"An axis must be one of {ORDER}. Received: {name}")
            if not values:
                raise ValueError(f"{name} must have at least one value. Received: none")
        axes = {name: tuple(axes[name]) for name in ORDER if name in axes}
        object.__setattr__(self, "axes", axes)
        for name, values in (self.before.axes if self.before else {}).items():
            if not {*values} <= {*axes.get(name, ())}:
                raise ValueError(f"{name} must have the values {values}. Received: {axes}")
        # Checks the points; two grids of the same points are equal.
        object.__setattr__(self, "base", self.configs[0])

    @functools.cached_property
    def points(self):
        """list of dicts by the names of the axes, in the grid's order."""
        first = []
        for config in self.before.configs if self.before else []:
            first.append(tuple(getattr(config, name) for name in self.axes))
        known = {*first}
        new = [v for v in itertools.product(*self.axes.values()) if v not in known]
        return [dict(zip(self.axes, values, strict=True)) for values in first + new]

    @functools.cached_property
    def configs(self):
        """The `TrainingConfig`s of the points."""
        return [dataclasses.replace(self.base, **point) for point in self.points]

    @functools.cached_property
    def searched(self):
        """The axes without that of the rounds' seeds."""
        rounds = ("seed",) if self.rounds > 1 else ()
        return {name: v for name, v in self.axes.items() if name not in rounds}

    @functools.cached_property
    def shared(self):
        """Names of the axes that networks in one graph must agree in."""
        return tuple(name for name in self.axes if name in SHARED)

    @functools.cached_property
    def groups(self):
        """Lists of indices of points that train as one population.

        They agree in all shared axes. A trial's last bits may depend on the size of its
        population, so that this is a function of the grid alone: whoever trains a point,
        and however often the search was killed, trains the same population.

        In a random order every population is as likely as any other to be among the
        first m, for each m: within what a graph shares, points are dealt to populations
        at random, all rounds of one after another, and then the populations are shuffled.
        """
        chance = random.Random(f"order of points, seed {self.base.seed}")
        groups = []
        begin = len(self.before.points) if self.before else 0
        for _, run in itertools.groupby(
            range(begin, len(self.points)),
            lambda i: [self.points[i][n] for n in self.shared],
        ):
            indices = list(run)
            if self.order == "random":
                indices = self._dealt(indices, chance)
            count = math.ceil(len(indices) / members_per_graph(self.configs[indices[0]]))
            cuts = [len(indices) * k // count for k in range(count + 1)]
            groups += [sorted(indices[a:b]) for a, b in itertools.pairwise(cuts)]
        if self.order == "random":
            groups = _shuffled(groups, chance)
        return (self.before.groups if self.before else []) + groups

    def _dealt(self, indices, chance):
        """Points in a random order, the rounds of each together."""
        points = {}
        for i in indices:
            key = tuple(self.points[i][name] for name in self.searched)
            points.setdefault(key, []).append(i)
        return [i for rounds in _shuffled(points.values(), chance) for i in rounds]

    def extended(self, values, rounds=1):
        """This grid with further values and axes; itself where nothing is new.

        Args:
          values: dict, name of a field → tuple of values. Of a field that is no axis yet,
            the base's value stays one.
          rounds: int, how many there are to be; there are never fewer than before.

        Raises:
          UserError: if a point is no legal configuration, or rounds do not go with seeds.
        """
        axes, rounds = dict(self.axes), max(rounds, self.rounds)
        for name, several in values.items():
            there = axes.get(name, (getattr(self.base, name),))
            joined = there + tuple(value for value in several if value not in there)
            if len(joined) > len(there):
                axes[name] = joined
        if axes == self.axes and rounds == self.rounds:
            return self
        if self.rounds > 1 and axes["seed"] == self.axes["seed"]:
            del axes["seed"]
        return dataclasses.replace(self, axes=axes, rounds=rounds, before=self)

    @functools.cached_property
    def stages(self):
        """list of `Grid`s, this one last, each of which extends the one before it."""
        return [*(self.before.stages if self.before else []), self]

    @functools.cached_property
    def sequence(self):
        """The indices of all points in the order in which they are given out.

        Population by population. In a random order the points of one are mixed, so that a
        search that ends within it has no favourites.
        """
        if self.order == "grid":
            return [i for group in self.groups for i in group]
        chance = random.Random(f"order within populations, seed {self.base.seed}")
        return [i for group in self.groups for i in self._dealt(group, chance)]


def _shuffled(items, chance):
    # Of `random.Random` only `random()` is promised to stay the same for a seed.
    return sorted(items, key=lambda _: chance.random())


def trial_id(index):
    """keras-tuner's name for the point of that index."""
    return f"{index:04}"


def text(point, names=None, between=", "):
    """A point, or what `names` name of it, as "nb_f=8, lr=0.01"."""
    names = point if names is None else names
    return between.join(f"{name}={shown(point[name])}" for name in names)


def add_choices(hyperparameters, grid):
    """Enters the axes of a `Grid` into `keras_tuner.HyperParameters`.

    Returns:
      dict of the values that these hold, by the names of the axes.
    """

    def add(name, values):
        if len(values) == 1:
            return hyperparameters.Fixed(name, values[0])
        # keras-tuner would make numbers of a choice of bools.
        if isinstance(values[0], bool):
            return hyperparameters.Boolean(name)
        return hyperparameters.Choice(name, list(values))

    return {name: add(name, values) for name, values in grid.axes.items()}


def base_of(grid):
    """dict of the fields that are no axis of a `Grid`, nor about its data."""
    return {name: getattr(grid.base, name) for name in ORDER if name not in grid.axes}
