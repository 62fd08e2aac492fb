"""The paper's facts: its protocol, its grid and Table I.

Importable without TensorFlow.
"""

import dataclasses
import math

# Section II.B and II.C.
NUM_PAIRS = 1000
EPOCHS = 150
ROUNDS = 10
GRID = {
    "nb_f": (8, 16, 32, 64),
    "lr": (1e-2, 5e-3, 1e-3, 5e-4, 1e-4),
    "batch_size": (10, 20, 50, 100, 200),
    "w_a": (0.0, *(k / 10 for k in range(1, 11)), 2.0, 3.0),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of Table I; mean and standard deviation of ten rounds in percent.

    The authors' logs give these figures at the epoch whose mean is highest on the test
    pairs, with the deviation of the ten rounds themselves (divided by n), see
    `benchmarks.authors`.
    """

    nb_f: int
    lr: float
    batch_size: int
    w_a: float
    mean: float
    std: float

    def point(self):
        """dict of its hyper-parameters."""
        return {name: getattr(self, name) for name in GRID}

    def shown(self):
        """str, as Table I has it."""
        return f"{self.mean:.2f} ± {self.std:.2f}"

    def sample_std(self):
        """The deviation with n − 1, as ours and Welch's t have it."""
        return self.std * math.sqrt(ROUNDS / (ROUNDS - 1))


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


def row_of(nb_f, auxiliary):
    """The `Row` of a width, with or without auxiliary loss, or None.

    Args:
      nb_f: int.
      auxiliary: bool, whether w_a > 0.
    """
    return next(
        (row for row in TABLE1 if row.nb_f == nb_f and (row.w_a > 0) == auxiliary), None
    )


def nearest_row(nb_f, auxiliary):
    """As `row_of`, or the row of the nearest width by ratio.

    Args:
      nb_f: int >= 1.
      auxiliary: bool, whether w_a > 0.
    """
    rows = [row for row in TABLE1 if (row.w_a > 0) == auxiliary]
    return min(rows, key=lambda row: abs(math.log(row.nb_f / nb_f)))
