"""What a training is made of: the paper's symbols, its grid and Table I.

Importable without TensorFlow.
"""

import dataclasses
import math

EPOCHS = 150
NUM_PAIRS = 1000
# The paper scores 1,000 test pairs. MNIST's 10,000 test images make so many: at 99 % their
# sampling error is 0.14 points, that of 1,000 is 0.31.
SCORED_PAIRS = 5000
CLASSES = 10
OUTPUT_UNITS = {"comparison": 1, "first_digit": CLASSES, "second_digit": CLASSES}
OUTPUTS = tuple(OUTPUT_UNITS)
DATASETS = ("auto", "mnist", "digits")
TRUNKS = ("paper", "padded")
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


# Named `TrainingConfig`s: what differs from the defaults.
PRESETS = {
    "paper": {},
    "shared": {"weight_sharing": True},
    "best": {
        "nb_f": 24,
        "lr": 0.005,
        "batch_size": 50,
        "w_a": 1.0,
        "epochs": 80,
        "weight_sharing": True,
        "trunk": "padded",
        "derived_comparison": True,
        "augmentation": True,
        "new_pairs": True,
        "label_smoothing": 0.05,
        "one_cycle": True,
    },
}


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """One training, in the paper's symbols.

    Attributes:
      nb_f: int >= 1, filters of each convolution (section II.A); of the padded trunk's
        first two.
      lr: float > 0, Adam's learning rate (II.C).
      batch_size: int >= 1 (II.C).
      w_m, w_a: floats >= 0 with a positive sum, the weights of Eq. (1).
      epochs: int >= 1.
      seed: int >= 0; decides the pairs and the initial weights.
      dataset: "auto", "mnist" or "digits"; see `data.load_images`.
      data_path: path of an .npz with MNIST's keys, or None.
      num_pairs: int >= 1, pairs in each of training, validation and test.

    Beyond the paper, all of them off by default:
      weight_sharing: bool, one trunk and one class head see each image by itself.
      trunk: "paper" or "padded"; see `model.TRUNKS`.
      derived_comparison: bool, `comparison` follows from the classes' probabilities.
      augmentation: bool, training images are shifted, turned, scaled and sheared.
      new_pairs: bool, the training images are paired anew in every epoch.
      label_smoothing: float in [0, 1), of the classes' cross entropies.
      one_cycle: bool, the learning rate rises to `lr` and falls to 0.
      weight_averaging: bool, the trained weights are a moving average.

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
    weight_sharing: bool = False
    trunk: str = "paper"
    derived_comparison: bool = False
    augmentation: bool = False
    new_pairs: bool = False
    label_smoothing: float = 0.0
    one_cycle: bool = False
    weight_averaging: bool = False

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
        self._check("trunk", self.trunk in TRUNKS, f"one of {', '.join(TRUNKS)}")
        smoothing = 0 <= self.label_smoothing < 1
        self._check("label_smoothing", smoothing, "at least 0 and less than 1")

    def _check(self, name, right, rule):
        if not right:
            value = self.w_m + self.w_a if "+" in name else getattr(self, name)
            raise ValueError(f"{name} must be {rule}. Received: {name}={value}")

    @classmethod
    def from_preset(cls, preset="paper", **given):
        """A preset's configuration; what is given (not None) goes first.

        What neither says is Table I's for `nb_f` (64 by default): the row with auxiliary
        loss, or the one without where `w_a` is 0. A width that Table I does not list takes
        the nearest one's (by ratio).

        Args:
          preset: a key of `PRESETS`.
          **given: fields of this class.

        Raises:
          ValueError: if there is no such preset, or as the constructor.
        """
        if preset not in PRESETS:
            names = ", ".join(PRESETS)
            raise ValueError(f"preset must be one of {names}. Received: preset={preset}")
        given = {name: value for name, value in given.items() if value is not None}
        values = {"nb_f": 64} | PRESETS[preset] | given
        nb_f, w_a = values["nb_f"], values.get("w_a")
        if nb_f < 1:
            raise ValueError(f"nb_f must be at least 1. Received: nb_f={nb_f}")
        rows = [row for row in TABLE1 if (row.w_a == 0) == (w_a == 0)]
        row = min(rows, key=lambda row: abs(math.log(row.nb_f / nb_f)))
        return cls(**{"lr": row.lr, "batch_size": row.batch_size, "w_a": row.w_a} | values)

    def beyond_paper(self):
        """What of it departs from the paper, as a dict."""
        values = {name: getattr(self, name) for name in BEYOND_PAPER}
        return {k: v for k, v in values.items() if v != getattr(type(self), k)}

    def network(self):
        """What `model.build_model` needs to know of it, as a dict of its arguments."""
        names = ("nb_f", "weight_sharing", "trunk", "derived_comparison")
        return {name: getattr(self, name) for name in names}

    def to_dict(self):
        return dataclasses.asdict(self)


_NAMES = [field.name for field in dataclasses.fields(TrainingConfig)]
BEYOND_PAPER = tuple(_NAMES[_NAMES.index("weight_sharing") :])
