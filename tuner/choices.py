"""What makes a search: what its folder holds, or what the flags say.

Importable without TensorFlow.
"""

import contextlib

from keras_pairs.commands.flags import together
from keras_pairs.config import TrainingConfig
from keras_pairs.errors import UserError
from keras_pairs.paper import GRID
from tuner import flags, project, space


def choose(values, found):
    """What makes the search: what its folder holds, else what the flags say.

    Args:
      values: parsed `absl.flags.FlagValues` of `flags.FLAGS`.
      found: `project.read` of the run folder, or None.

    Returns:
      dict: `grid`, a `space.Grid`, and the values of `flags.CHOICES`.

    Raises:
      UsageError: of a new search, if a point of the grid is no legal configuration, or
        cannot be halved.
      UserError: the same of one that is extended; if a flag was given that differs from
        what the folder holds, or nothing is there to extend.
    """
    if found is None and values["extend"].value:
        raise UserError(
            "--extend is for a search that exists, in its --run_dir; none is in "
            f"{values['run_dir'].value}"
        )
    with together() if found is None else contextlib.nullcontext():
        chosen = _chosen(values, found)
        if chosen["halving"]:
            check_halving(chosen["grid"])
    return chosen


def check_halving(grid):
    """Raises `UserError` if a `space.Grid` is none for successive halving."""
    if grid.rounds > 1:
        raise UserError(
            "--halving does not go with --rounds: a point's rounds would get different "
            "numbers of epochs"
        )
    if any(config.teachers for config in grid.configs):
        raise UserError("--halving does not go with teachers")


def _chosen(values, found):
    if found is None:
        chosen = {name: values[name].value for name in flags.CHOICES}
        return {"grid": grid(values), **chosen}
    extend = values["extend"].value
    names = (*flags.CHOICES, "order", *(() if extend else (*flags.FIELDS, "rounds")))
    given = {name: values[name].value for name in names if values[name].present}
    project.check_same(values["run_dir"].value, found, given)
    grid_ = project.grid(found)
    if extend:
        fields = {n: values[n].value for n in flags.FIELDS if values[n].present}
        rounds = values["rounds"]
        grid_ = grid_.extended(fields, rounds.value if rounds.present else 1)
    return {"grid": grid_, **{name: found[name] for name in flags.CHOICES}}


def grid(values):
    """The `space.Grid` that flags ask for.

    Its axes are the paper's four and every field of several values. One of the four that
    is not given has the paper's values, with the preset `paper`, or else the preset's.

    Raises:
      UserError: if a point is no legal configuration.
    """
    given = {n: values[n].value for n in flags.FIELDS if values[n].value is not None}
    preset = values["preset"].value
    base = TrainingConfig.from_preset(preset, **{n: each[0] for n, each in given.items()})
    axes = dict(GRID) if preset == "paper" else {}
    axes |= {n: each for n, each in given.items() if n in GRID or len(each) > 1}
    return space.Grid(axes, base, values["order"].value, values["rounds"].value)
