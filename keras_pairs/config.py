"""What a training is made of: every field of it is declared here, once.

Flags, their help and checks, the axes that a search may have, what a population shares,
what the network depends on, and what departs from the paper: all follow from here.
Importable without TensorFlow.
"""

import dataclasses

from keras_pairs import paper
from keras_pairs.data.sources import SOURCES
from keras_pairs.errors import UserError
from keras_pairs.fields import (
    LARGEST_SEED,
    choice,
    existing,
    integer,
    number,
    option,
    plain,
    yes_no,
)
from keras_pairs.trunks import TRUNKS

# Between the seeds of a committee's networks: rounds and users count seeds one by one.
SEED_STEP = 1_000_003
_SOURCES = "; ".join(f"{name}: {source.about}" for name, source in SOURCES.items())


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """One training, in the paper's symbols.

        config = TrainingConfig(nb_f=8, lr=0.01, batch_size=200, w_a=0.7)
        config.beyond_paper()    # {}

    `python -m keras_pairs.train --help` shows what each field is.

    Raises:
      UserError: if a value is out of its range, with the field, the rule and the value.
    """

    nb_f: int = option(
        integer(1),
        "Filters of each convolution; of the padded trunk's first two.",
        network=True,
        grid=paper.GRID["nb_f"],
    )
    lr: float = option(
        number(0, strict=True),
        "Adam's learning rate.",
        per_member=True,
        grid=paper.GRID["lr"],
    )
    batch_size: int = option(integer(1), "Pairs per step.", grid=paper.GRID["batch_size"])
    w_m: float = option(
        number(0), "Weight of the main loss in Eq. (1).", 1.0, per_member=True
    )
    w_a: float = option(
        number(0),
        "Weight of the auxiliary loss in Eq. (1).",
        1.0,
        per_member=True,
        grid=paper.GRID["w_a"],
    )
    epochs: int = option(integer(1), "Passes over the training pairs.", paper.EPOCHS)
    seed: int = option(
        integer(0, LARGEST_SEED),
        "Decides the pairs and the initial weights.",
        0,
        per_member=True,
    )
    dataset: str = option(
        choice(*SOURCES),
        f"Where the digits come from. {_SOURCES}.",
        "auto",
        data=True,
    )
    data_path: str | None = option(
        existing(),
        "An .npz file, IDX files, or a folder of pictures in folders named 0 to 9.",
        None,
        data=True,
    )
    num_pairs: int = option(
        integer(1), "Pairs for training, validation and test each.", paper.NUM_PAIRS
    )
    weight_sharing: bool = option(
        yes_no(),
        "One trunk and one class head see each image by itself.",
        False,
        network=True,
        beyond_paper=True,
    )
    trunk: str = option(
        choice(*TRUNKS),
        "The paper's six convolutions, or six with padding and pooling.",
        "paper",
        network=True,
        beyond_paper=True,
    )
    derived_comparison: bool = option(
        yes_no(),
        "The comparison follows from the classes' probabilities.",
        False,
        network=True,
        beyond_paper=True,
    )
    committee: int = option(
        integer(1),
        "Networks that answer together: their class probabilities are averaged.",
        1,
        network=True,
        beyond_paper=True,
    )
    augmentation: bool = option(
        yes_no(),
        "Shift, turn, scale and shear the training images.",
        False,
        beyond_paper=True,
    )
    new_pairs: bool = option(
        yes_no(), "Pair the training images anew in every epoch.", False, beyond_paper=True
    )
    label_smoothing: float = option(
        number(0, below=1),
        "Fraction of a class's target that is spread over all.",
        0.0,
        beyond_paper=True,
    )
    teachers: int = option(
        integer(0),
        "Networks trained first, as a committee whose answers this one learns.",
        0,
        beyond_paper=True,
    )
    one_cycle: bool = option(
        yes_no(), "The learning rate rises to lr and falls to 0.", False, beyond_paper=True
    )

    def __post_init__(self):
        for name in FIELDS:
            check(name, getattr(self, name))
            # What is recorded, and compared with records.
            object.__setattr__(self, name, plain(getattr(self, name)))
        if self.w_m + self.w_a <= 0:
            raise UserError(
                f"w_m + w_a must be positive. Received: w_m={self.w_m}, w_a={self.w_a}"
            )
        # Before the first network is trained, not after it.
        if self.seed + (self.committee + self.teachers) * SEED_STEP > LARGEST_SEED:
            raise UserError(
                f"seed is too large to count the networks' seeds from it: {self.seed}"
            )

    @classmethod
    def from_preset(cls, preset="paper", **given):
        """A preset's configuration; what is given (not None) overrides the preset.

            TrainingConfig.from_preset("best", epochs=20)

        What neither says is Table I's for `nb_f` (64 by default): the row with auxiliary
        loss, or the one without where `w_a` is 0. A width that Table I does not list takes
        the nearest one's (by ratio).

        Args:
          preset: a name that `--preset` takes, such as "best".
          **given: fields of this class.

        Raises:
          UserError: if there is no such preset, or as the constructor.
        """
        if preset not in PRESETS:
            raise UserError(
                f"preset must be one of {', '.join(PRESETS)}. Received: preset={preset}"
            )
        given = {name: value for name, value in given.items() if value is not None}
        values = {"nb_f": 64} | PRESETS[preset] | given
        check("nb_f", values["nb_f"])
        row = paper.nearest_row(values["nb_f"], values.get("w_a") != 0)
        return cls(**row.point() | values)

    def round(self, number):
        """The configuration of round `number`, which has a seed of its own.

        Args:
          number: int >= 0; round 0 is this configuration.
        """
        return dataclasses.replace(self, seed=self.seed + number)

    def networks(self):
        """A committee's networks, each as a configuration of its own.

        They differ in nothing but the seed of their initial weights. The first is what
        `committee=1` would be.
        """
        return [
            dataclasses.replace(self, committee=1, seed=self.seed + i * SEED_STEP)
            for i in range(self.committee)
        ]

    def stages(self):
        """The trainings that this one consists of, in their order, as configurations.

        First that of its teachers, if it has any: a committee whose networks begin with
        other weights than this one's. The last is this one.
        """
        if not self.teachers:
            return [self]
        seed = self.seed + self.committee * SEED_STEP
        changed = {"committee": self.teachers, "teachers": 0, "seed": seed}
        return [dataclasses.replace(self, **changed), self]

    def all_epochs(self):
        """Epochs of all `stages` together."""
        return sum(stage.epochs for stage in self.stages())

    def beyond_paper(self):
        """What of it departs from the paper, as a dict."""
        return {
            name: getattr(self, name)
            for name, field in FIELDS.items()
            if field.metadata["beyond_paper"] and getattr(self, name) != field.default
        }

    def to_dict(self):
        """All fields, for JSON."""
        return dataclasses.asdict(self)


FIELDS = {field.name: field for field in dataclasses.fields(TrainingConfig)}


def having(mark, value=True):
    """Names of the fields whose declaration has a mark, e.g. `having("network")`."""
    return tuple(n for n, field in FIELDS.items() if bool(field.metadata[mark]) == value)


# What the members of a population have in common.
SHARED = tuple(
    name for name in having("per_member", False) if not FIELDS[name].metadata["data"]
)


def check(name, value):
    """Checks one value of a field.

    Raises:
      UserError: if it is out of the field's range, or of another type.
    """
    kind = FIELDS[name].metadata["kind"]
    if not kind.right(value):
        rule = kind.text if isinstance(value, str) and kind.text else kind.rule
        raise UserError(f"{name} must be {rule}. Received: {name}={value!r}")


_BEST = {
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
}
# Named configurations: what differs from the defaults.
PRESETS = {
    "paper": {},
    "shared": {"weight_sharing": True},
    "best": _BEST,
    "distilled": _BEST | {"teachers": 4, "epochs": 160},
    "committee": _BEST | {"committee": 4, "epochs": 160},
}
