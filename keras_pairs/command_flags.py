"""The command-line flags of all commands, each defined once.

Importable without TensorFlow, so that `--help` and a bad flag answer at once.
"""

import dataclasses
import math
import pathlib

from absl import flags

from keras_pairs import machine
from keras_pairs.config import (
    DATASETS,
    EPOCHS,
    GRID,
    NUM_PAIRS,
    PRESETS,
    SELECTED,
    TRUNKS,
    TrainingConfig,
    UserError,
)


def _integer(lower):
    def define(name, default, text, values):
        flags.DEFINE_integer(name, default, text, lower_bound=lower, flag_values=values)

    return define


def _float(lower, strict=False, below=math.inf):
    def define(name, default, text, values):
        flags.DEFINE_float(name, default, text, flag_values=values)
        upper = "finite" if below == math.inf else f"less than {below}"
        bound = f"must be {'greater than' if strict else 'at least'} {lower} and {upper}"

        def right(value):
            if value is None:
                return True
            above = value > lower if strict else value >= lower
            return above and value < below

        flags.register_validator(name, right, bound, flag_values=values)

    return define


def _path(kind):
    def define(name, default, text, values):
        flags.DEFINE_string(name, default, text, flag_values=values)
        if kind == "file":
            flags.register_validator(
                name,
                lambda value: value is None or pathlib.Path(value).is_file(),
                "there is no such file",
                flag_values=values,
            )
        elif kind == "existing":
            flags.register_validator(
                name,
                lambda value: value is None or pathlib.Path(value).exists(),
                "there is no such file or folder",
                flag_values=values,
            )
        elif kind == "search":
            flags.register_validator(
                name,
                lambda value: value is None or (pathlib.Path(value) / SELECTED).is_file(),
                f"must be the folder of a finished search: it has no {SELECTED}",
                flag_values=values,
            )
        else:
            flags.register_validator(
                name,
                lambda value: value is None or (value and not _below_a_file(value)),
                "must be a folder, existing or new",
                flag_values=values,
            )

    return define


def _below_a_file(value):
    path = pathlib.Path(value).absolute()
    return any(p.exists() and not p.is_dir() for p in (path, *path.parents))


def _enum(*choices):
    def define(name, default, text, values):
        flags.DEFINE_enum(name, default, choices, text, flag_values=values)

    return define


class _BooleanParser(flags.BooleanParser):
    """absl's, whose error is a tuple."""

    def parse(self, argument):
        try:
            return super().parse(argument)
        except ValueError:
            raise ValueError("must be true or false") from None


def _boolean(name, default, text, values):
    flag = flags.Flag(_BooleanParser(), None, name, default, text, boolean=True)
    flags.DEFINE_flag(flag, values)


class _ListParser(flags.ArgumentParser):
    """A flag's value as a tuple: numbers with commas between, none of them twice."""

    syntactic_help = "numbers with commas between them"

    def __init__(self, kind, right, rule):
        self.kind, self.right, self.rule = kind, right, rule

    def parse(self, argument):
        if not isinstance(argument, str):
            return tuple(argument)
        try:
            numbers = tuple(self.kind(part) for part in argument.split(","))
        except ValueError:
            raise ValueError(f"must be {self.syntactic_help}") from None
        if len(set(numbers)) < len(numbers) or not all(map(self.right, numbers)):
            raise ValueError(f"each must be {self.rule}, and none twice")
        return numbers


def _list(kind, right, rule):
    def define(name, default, text, values):
        parser = _ListParser(kind, right, rule)
        flags.DEFINE(parser, name, default, text, values)

    return define


# The flags of a training: a preset and the fields of `TrainingConfig`.
TRAINING = ("preset", *(field.name for field in dataclasses.fields(TrainingConfig)))

# name: (how it is defined, default, help). What a default of None means, its help says.
_FLAGS = {
    "preset": (
        _enum(*PRESETS),
        "paper",
        "Where what is not given comes from: the paper's network with Table I's settings, "
        "the same with weight sharing, or our most accurate network.",
    ),
    "nb_f": (
        _integer(1),
        None,
        "Filters of each convolution, padded: of the first two [the preset's, or 64].",
    ),
    "lr": (_float(0, True), None, "Learning rate of Adam [the preset's, or Table I's]."),
    "batch_size": (_integer(1), None, "Pairs per step [the preset's, or Table I's]."),
    "w_m": (_float(0), 1.0, "Weight of the main loss in Eq. (1)."),
    "w_a": (
        _float(0),
        None,
        "Weight of the auxiliary loss in Eq. (1) [the preset's, or Table I's].",
    ),
    "epochs": (
        _integer(1),
        None,
        f"Passes over the training pairs [the preset's, or {EPOCHS}].",
    ),
    "weight_sharing": (
        _boolean,
        None,
        "One trunk and one class head see each image by itself [the preset's].",
    ),
    "trunk": (
        _enum(*TRUNKS),
        None,
        "The paper's six convolutions, or six with padding and pooling [the preset's].",
    ),
    "derived_comparison": (
        _boolean,
        None,
        "The comparison follows from the classes' probabilities [the preset's].",
    ),
    "augmentation": (
        _boolean,
        None,
        "Shift, turn, scale and shear the training images [the preset's].",
    ),
    "new_pairs": (
        _boolean,
        None,
        "Pair the training images anew in every epoch [the preset's].",
    ),
    "label_smoothing": (
        _float(0, below=1),
        None,
        "Fraction of a class's target that is spread over all [the preset's].",
    ),
    "one_cycle": (
        _boolean,
        None,
        "The learning rate rises to lr and falls to 0 [the preset's].",
    ),
    "weight_averaging": (
        _boolean,
        None,
        "A moving average of the weights is the trained model [the preset's].",
    ),
    "seed": (_integer(0), 0, "Decides the pairs and the initial weights."),
    "dataset": (
        _enum(*DATASETS),
        "auto",
        "Where the digits come from: MNIST, the 1,797 digits inside scikit-learn, or "
        "MNIST where it can be had.",
    ),
    "data_path": (_path("file"), None, "An .npz file with MNIST's arrays, as Keras'."),
    "num_pairs": (
        _integer(1),
        NUM_PAIRS,
        "Pairs for training, validation and test each.",
    ),
    "run_dir": (
        _path("folder"),
        None,
        "Folder for the results [runs/<command>-<time>].",
    ),
    "export_dir": (
        _path("folder"),
        None,
        "Folder in which the SavedModel becomes the next version "
        "[saved_models/<data>-<preset>].",
    ),
    "verbosity": (
        _enum("0", "1"),
        "1",
        "1: progress bar and summary; 0: summary only.",
    ),
    "rounds": (
        _integer(2),
        10,
        "Trainings per configuration, each on pairs of its own.",
    ),
    "table1": (_boolean, False, "Evaluate all eight rows of Table I."),
    "memory_limit": (
        _float(0, True),
        None,
        "GiB that one graph may take; decides how many rounds train at once "
        "[a quarter of the machine's].",
    ),
    "model": (
        _path("existing"),
        None,
        "export: a run folder or .keras file. predict, evaluate: a folder of versions, or "
        "one of them [predict: the model in the box].",
    ),
    "keep": (
        _integer(2),
        None,
        "How many versions stay; older ones are removed [all].",
    ),
    "csv": (_path("file"), None, "Pairs of image files, one pair a row."),
    "json": (_boolean, False, "Print one JSON object per pair."),
    "request": (
        _boolean,
        False,
        "Print the body of a TF-Serving request instead, for curl -d @-.",
    ),
    "from_search": (
        _path("search"),
        None,
        "Evaluate the configurations that a search selected: its --run_dir.",
    ),
    "workers": (
        _integer(1),
        machine.cores(),
        "Processes that train on this machine, of one thread each.",
    ),
    "validation": (
        _enum("validation", "test"),
        "validation",
        "What trials are compared on: validation pairs, or, as the paper, the test pairs.",
    ),
    "max_trials": (_integer(1), None, "Only so many trials, the first of the grid."),
    "retries": (_integer(0), 1, "How often a trial that crashed is tried again."),
    "keep_models": (_integer(1), 3, "Best models kept, for each nb_f."),
    "dry_run": (_boolean, False, "Show the plan and its estimated time; train nothing."),
    "overwrite": (_boolean, False, "Delete the search that --run_dir holds; start anew."),
}

_at_least_1 = (lambda value: value >= 1), "at least 1"
# The same names in a search, which takes several values of the grid's (section II.C).
_GRID_FLAGS = {
    "epochs": (_integer(1), EPOCHS, "Passes over the training pairs."),
    "weight_sharing": (
        _boolean,
        False,
        "One trunk and one class head see each image by itself.",
    ),
    "nb_f": (_list(int, *_at_least_1), GRID["nb_f"], "Filters of each convolution."),
    "lr": (
        _list(float, lambda value: 0 < value < math.inf, "positive and finite"),
        GRID["lr"],
        "Learning rates of Adam.",
    ),
    "batch_size": (_list(int, *_at_least_1), GRID["batch_size"], "Pairs per step."),
    "w_a": (
        _list(float, lambda value: 0 <= value < math.inf, "at least 0 and finite"),
        GRID["w_a"],
        "Weights of the auxiliary loss in Eq. (1).",
    ),
}


def define_flags(names, grid=False):
    """An `absl.flags.FlagValues` with the named flags of this project, unparsed.

    Args:
      names: list of str.
      grid: whether nb_f, lr, batch_size and w_a take several values, as a search does,
        whose other flags have defaults of their own.
    """
    values = flags.FlagValues()
    for name in names:
        define, default, text = (_FLAGS | _GRID_FLAGS if grid else _FLAGS)[name]
        define(name, default, text, values)
    return values


def config_from_flags(values):
    """The `TrainingConfig` that parsed flags ask for.

    Raises:
      UserError: if the flags do not go together.
    """
    names = {field.name for field in dataclasses.fields(TrainingConfig)}
    given = {name: values[name].value for name in values if name in names}
    try:
        return TrainingConfig.from_preset(values["preset"].value, **given)
    except ValueError as error:
        raise UserError(str(error)) from error
