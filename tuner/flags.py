"""The flags of a search: the fields of a training, each with several values, and its own.

Importable without TensorFlow.
"""

import dataclasses
import math
import re

from keras_pairs import machine
from keras_pairs.commands import flags
from keras_pairs.commands.flags import Flag, shown
from keras_pairs.config import having
from keras_pairs.fields import Kind, choice, integer, yes_no
from keras_pairs.paper import GRID
from tuner.space import ORDER

_DURATION = re.compile(r"(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?")


def _seconds(text):
    found = _DURATION.fullmatch(text)
    if not text or not found:
        raise ValueError(text)
    units = zip(found.groups("0"), (3600, 60, 1), strict=True)
    return sum(float(number) * unit for number, unit in units)


DURATION = Kind(
    _seconds, lambda value: 0 < value < math.inf, "a time such as 2h, 90m or 1h30m"
)
DATA = having("data")
PRESET = f"{flags.PRESET} With paper, nb_f, batch_size, lr and w_a have the paper's grid."
_OF_TRAINING = flags.of_training()
FIELDS = {
    name: flags.of_field(
        name,
        several=True,
        **(
            {"shown": f"the paper's {shown(GRID[name])}; another preset's own"}
            if name in GRID
            else {}
        ),
    )
    for name in ORDER
}
# With the fields, what makes a search this search.
CHOICES = {
    "preset": dataclasses.replace(_OF_TRAINING["preset"], help=PRESET),
    "validation": Flag(
        choice("validation", "test"),
        "What trials are compared on: validation pairs, or, as the paper, the test pairs.",
        "validation",
    ),
    "validate_every": dataclasses.replace(flags.OTHERS["validate_every"], default=0),
    "halving": Flag(
        yes_no(),
        "Another protocol than the paper's: after a sixteenth, an eighth … of the epochs "
        "only the better half of each population goes on.",
        False,
    ),
    "retries": Flag(integer(0), "How often a trial that crashed is tried again.", 1),
    "keep_models": Flag(integer(1), "Best models kept, for each nb_f.", 3),
}
# The grid's, besides its fields.
OF_GRID = {
    "order": Flag(
        choice("grid", "random"),
        "How points follow each other. random: populations of random points, as --seed "
        "decides, so that a search that is stopped early has seen some of everything.",
        "grid",
    ),
    "rounds": Flag(
        integer(1),
        "Trainings of each point: with --seed and the seeds that follow it, each on pairs "
        "of its own. The best is chosen by the mean.",
        1,
    ),
}
FLAGS = {
    "preset": CHOICES["preset"],
    **FIELDS,
    "dataset": flags.of_field("dataset", default="auto"),
    "data_path": _OF_TRAINING["data_path"],
    **flags.others("run_dir"),
    "workers": Flag(
        integer(1),
        "Processes that train on this machine, of one thread each.",
        machine.cores(),
    ),
    **CHOICES,
    **OF_GRID,
    "max_trials": Flag(integer(1), "Only so many trials, the first in --order.", None),
    "budget": Flag(
        DURATION,
        "Begin no other population when the search has taken so long, all its runs "
        "together.",
        shown="none; 2h, 90m, 1h30m",
    ),
    "dry_run": Flag(
        yes_no(), "Show the plan and its estimated time; train nothing.", False
    ),
    "extend": Flag(
        yes_no(),
        "Add the values given of any field to the search that --run_dir holds, and go on "
        "with it; no point is trained twice.",
        False,
    ),
    "overwrite": Flag(
        yes_no(), "Delete the search that --run_dir holds; start anew.", False
    ),
    **flags.others("verbosity"),
}
