"""Flags: the fields of a training, as `config.TrainingConfig` declares them, and others."""

import contextlib
import dataclasses

from absl import flags

from keras_pairs.config import FIELDS, PRESETS, TrainingConfig
from keras_pairs.errors import UsageError, UserError
from keras_pairs.fields import (
    Kind,
    choice,
    existing,
    folder,
    integer,
    number,
)
from keras_pairs.paper import ROUNDS

PRESET = "Where what is not given comes from: the paper's network with Table I's settings, "
PRESET += "the same with weight sharing, a much more accurate network, one that learns "
PRESET += "from four such, or four that answer together. A flag that is given goes first; "
PRESET += "--augmentation=false switches one off."


@dataclasses.dataclass(frozen=True)
class Flag:
    """A command-line flag.

    Attributes:
      kind: `fields.Kind`, which checks its value when the line is parsed.
      help: str, for people.
      default: its value where it is not given.
      shown: str, what `--help` shows for a default of None.
      several: whether it takes several values with commas between, none of them twice; its
        value is a tuple.
    """

    kind: Kind
    help: str
    default: object = None
    shown: str = ""
    several: bool = False


def of_training():
    """{name: `Flag`} of a preset and the fields of `TrainingConfig`.

    A field that is not given is None, and comes from the preset or Table I.
    """
    return {
        "preset": Flag(choice(*PRESETS), PRESET, "paper"),
        **{name: of_field(name) for name in FIELDS},
    }


def of_field(name, **changes):
    """The `Flag` of a field of `TrainingConfig`; `changes` go to `dataclasses.replace`."""
    field = FIELDS[name]
    known = "" if field.default in (None, dataclasses.MISSING) else shown(field.default)
    if name == "nb_f":
        known = "the preset's, or 64"
    elif field.metadata["grid"]:
        known = "the preset's, or Table I's"
    elif any(name in preset for preset in PRESETS.values()):
        known = f"the preset's, or {known}"
    flag = Flag(field.metadata["kind"], field.metadata["help"], shown=known)
    return dataclasses.replace(flag, **changes)


# Of several commands. What one command alone has stands where it is read.
OTHERS = {
    "run_dir": Flag(folder(), "Folder for the results.", shown="runs/<command>-<time>"),
    "export_dir": Flag(
        folder(),
        "Folder in which the SavedModel becomes the next version.",
        shown="saved_models/<data>-<preset>",
    ),
    "verbosity": Flag(
        choice("0", "1"), "1: progress bar and summary; 0: summary only.", "1"
    ),
    "validate_every": Flag(
        integer(0),
        "Score the validation pairs after every so many epochs, and after the last; 0: "
        "after the last only.",
        1,
    ),
    "rounds": Flag(
        integer(2), "Trainings per configuration, each on pairs of its own.", ROUNDS
    ),
    "memory_limit": Flag(
        number(0, strict=True, below=1e9),
        "GiB that one graph may take; decides how many rounds train at once.",
        shown="a quarter of the machine's",
    ),
    "model": Flag(
        existing(),
        "A published model: a folder of versions, of which the newest is taken, or one of "
        "them.",
        shown="the model in the box",
    ),
}


def others(*names):
    """{name: `Flag`} of some of `OTHERS`."""
    return {name: OTHERS[name] for name in names}


def define(rows):
    """An unparsed `absl.flags.FlagValues` of {name: `Flag`}."""
    values = flags.FlagValues()
    for name, row in rows.items():
        boolean = row.kind.boolean
        flag = flags.Flag(_Parser(row), None, name, row.default, row.help, boolean=boolean)
        flags.DEFINE_flag(flag, values)
    return values


class _Parser(flags.ArgumentParser):
    def __init__(self, row):
        self.row = row

    def parse(self, argument):
        if not isinstance(argument, str):
            return argument
        if not self.row.several:
            return self.row.kind.read(argument)
        values = tuple(self.row.kind.read(part) for part in argument.split(","))
        if len(set(values)) < len(values):
            raise ValueError("must hold values with commas between, none twice")
        return values


def config_from_flags(values):
    """The `TrainingConfig` that parsed flags ask for.

    Raises:
      UsageError: if the flags do not go together.
    """
    given = {name: values[name].value for name in FIELDS if name in values}
    with together():
        return TrainingConfig.from_preset(values["preset"].value, **given)


@contextlib.contextmanager
def together():
    """For a block that refuses nothing but what flags alone say, before anything is read.

    Raises:
      UsageError: in place of a `UserError`.
    """
    try:
        yield
    except UserError as error:
        raise UsageError(str(error)) from error


def shown(value):
    """A value as one would write it on a command line."""
    if isinstance(value, tuple):
        return ",".join(map(shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value).lower()
