"""What a training is made of: the paper's symbols, its grid and Table I.

Importable without TensorFlow.
"""

import dataclasses
import math

EPOCHS = 150
NUM_PAIRS = 1000
CLASSES = 10
OUTPUT_UNITS = {"comparison": 1, "first_digit": CLASSES, "second_digit": CLASSES}
DATASETS = ("auto", "mnist", "digits")
# What a search leaves for `evaluate --from_search`.
SELECTED = "selected.json"


# Section II.C.
GRID = {
    "nb_f": (8, 16, 32, 64),
    "lr": (1e-2, 5e-3, 1e-3, 5e-4, 1e-4),
    "batch_size": (10, 20, 50, 100, 200),
    "w_a": (0.0, *(k / 10 for k in range(1, 11)), 2.0, 3.0),
}


class UserError(Exception):
    """A mistake that the user can mend; the message is the one line they see."""


class UsageError(UserError):
    """A command line that says too much or too little."""


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the paper's Table I; accuracies (mean, std over 10 rounds) in percent."""

    nb_f: int
    lr: float
    batch_size: int
    w_a: float
    mean: float
    std: float


TABLE1 = (
    Row(8, 0.01, 200, 0.0, 81.69, 1.70),
    Row(8, 0.005, 200, 0.7, 80.81, 3.38),
    Row(16, 0.005, 100, 0.0, 83.05, 0.97),
    Row(16, 0.01, 50, 0.8, 84.19, 4.46),
    Row(32, 0.01, 50, 0.0, 83.84, 0.94),
    Row(32, 0.005, 50, 1.0, 90.49, 1.76),
    Row(64, 0.005, 100, 0.0, 83.10, 0.90),
    Row(64, 0.005, 100, 1.0, 92.03, 0.64),
)


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """One training, in the paper's symbols.

    Attributes:
      nb_f: int >= 1, filters of each convolution (section II.A).
      lr: float > 0, Adam's learning rate (II.C).
      batch_size: int >= 1 (II.C).
      w_m, w_a: floats >= 0 with a positive sum, the weights of Eq. (1).
      epochs: int >= 1.
      seed: int >= 0; decides the pairs and the initial weights.
      dataset: "auto", "mnist" or "digits"; see `data.load_images`.
      data_path: path of an .npz with MNIST's keys, or None.
      num_pairs: int >= 1, pairs in each of training, validation and test.

    Raises:
      ValueError: if a value is out of its range.
    """

    nb_f: int
    lr: float
    batch_size: int
    w_m: float = 1.0
    w_a: float = 1.0
    epochs: int = EPOCHS
    seed: int = 0
    dataset: str = "auto"
    data_path: str | None = None
    num_pairs: int = NUM_PAIRS

    def __post_init__(self):
        for name in ("nb_f", "batch_size", "epochs", "num_pairs"):
            self._check(name, getattr(self, name) >= 1, "at least 1")
        self._check("seed", self.seed >= 0, "at least 0")
        self._check("lr", self.lr > 0 and math.isfinite(self.lr), "positive and finite")
        for name in ("w_m", "w_a"):
            value = getattr(self, name)
            self._check(name, value >= 0 and math.isfinite(value), "at least 0 and finite")
        self._check("w_m + w_a", self.w_m + self.w_a > 0, "positive")
        self._check("dataset", self.dataset in DATASETS, f"one of {', '.join(DATASETS)}")

    def _check(self, name, right, rule):
        if not right:
            value = self.w_m + self.w_a if "+" in name else getattr(self, name)
            raise ValueError(f"{name} must be {rule}. Received: {name}={value}")

    @classmethod
    def from_table1(cls, nb_f, w_a=None, **others):
        """The configuration of Table I for `nb_f`; what is given (not None) goes first.

        The row is the one with auxiliary loss, or the one without where `w_a` is 0. A
        width that Table I does not list takes the nearest one's (by ratio).

        Raises:
          ValueError: as the constructor.
        """
        if nb_f < 1:
            raise ValueError(f"nb_f must be at least 1. Received: nb_f={nb_f}")
        rows = [row for row in TABLE1 if (row.w_a == 0) == (w_a == 0)]
        row = min(rows, key=lambda row: abs(math.log(row.nb_f / nb_f)))
        values = {"lr": row.lr, "batch_size": row.batch_size, "w_a": row.w_a}
        given = {"w_a": w_a, **others}
        values.update((k, v) for k, v in given.items() if v is not None)
        return cls(nb_f=nb_f, **values)

    def to_dict(self):
        return dataclasses.asdict(self)
