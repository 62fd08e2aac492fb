"""Which trainings the flags of `train` and `evaluate` ask for."""

import dataclasses
import os
import pathlib

from keras_pairs import data, files
from keras_pairs.commands import flags, runner
from keras_pairs.config import FIELDS, TrainingConfig, having
from keras_pairs.errors import UsageError, UserError
from keras_pairs.fields import existing, yes_no
from keras_pairs.paper import GRID, TABLE1

# Of `evaluate`, in place of one configuration.
OF_SEVERAL = {
    "table1": flags.Flag(yes_no(), "Evaluate all eight rows of Table I.", False),
    "from_search": flags.Flag(
        existing(), "Evaluate the configurations that a search selected: its --run_dir."
    ),
}
# What a search leaves.
SELECTED = "selected.json"
WRONG = "not what this command writes; use a new --run_dir"


def begun(values, key):
    """What the folder of --run_dir says of a run that it alone shall continue.

    Args:
      values: parsed `absl.flags.FlagValues`.
      key: str, what the record must have.

    Returns:
      dict of config.json, its `key` a `TrainingConfig` or a list of such, with the images
      that flags name, if they do; None where other flags say what to train, or nothing has
      begun.

    Raises:
      UserError: if the record cannot be read or is another command's.
    """
    folder = values["run_dir"].value
    asked = (*OF_SEVERAL, "preset", *having("data", False))
    if folder is None or any(name in values and values[name].present for name in asked):
        return None
    path = pathlib.Path(folder) / files.RECORD
    try:
        record = files.read_json(path)
        configs = record[key] if key == "configs" else [record[key]]
        configs = [TrainingConfig(**config) for config in configs]
        if not configs:
            raise ValueError("nothing to train")
        if key == "config" and not isinstance(record["preset"], str):
            raise TypeError("a preset that is no name")
        # What is no source shows here.
        data.check_source(**_source(record, configs[0]))
    except FileNotFoundError:
        return None
    except files.UNREADABLE as error:
        raise UserError(f"{path}: {WRONG}") from error
    if moved := _images_of(values):
        configs = [dataclasses.replace(config, **moved) for config in configs]
        record |= {"source": moved}
    return record | {key: configs if key == "configs" else configs[0]}


def kept(values, record, name):
    """A flag's value: as given, or as the run was begun with, or its default.

    Args:
      values: parsed `absl.flags.FlagValues`.
      record: of `begun`.
      name: str, of a flag of `flags.OTHERS`.

    Raises:
      UserError: if the record holds something else.
    """
    if record is None or values[name].present:
        return values[name].value
    try:
        return flags.OTHERS[name].kind.read(str(record[name]))
    except (KeyError, ValueError) as error:
        path = pathlib.Path(values["run_dir"].value) / files.RECORD
        raise UserError(f"{path}: {WRONG}") from error


def load_images(record, config, verbose):
    """The images of a run, of one that was begun from whatever folder.

    Args:
      record: of `begun`.
      config: `TrainingConfig` that is trained.
      verbose: as of `data.load_images`.

    Raises:
      UserError: as `data.load_images`.
    """
    given, kept = _source(None, config), _source(record, config)
    # Where the run's folder was moved with its images, they lie where they were said to.
    gone = kept["data_path"] is not None and not os.path.exists(kept["data_path"])
    try:
        images = data.load_images(**(given if gone else kept), verbose=verbose)
    except UserError as error:
        if record is None or isinstance(error, UsageError):
            raise
        raise UserError(f"{error} (give --data_path where they lie today)") from error
    if config.data_path is not None:
        # As a run that was not stopped tells of them.
        images = dataclasses.replace(images, source=config.data_path)
    return images


def _source(record, config):
    given = {"dataset": config.dataset, "data_path": config.data_path}
    kept = (record or {}).get("source", given)
    return {name: kept[name] for name in given}


def _images_of(values):
    """What flags say of the images, by the names of the fields."""
    names = [name for name in having("data") if name in values and values[name].present]
    given = {name: values[name].value for name in names}
    # The search's or run's were elsewhere.
    return {"dataset": "auto", "data_path": None} | given if given else {}


def asked_for(values, record=None):
    """The `TrainingConfig`s that the flags ask for.

    Args:
      values: parsed `absl.flags.FlagValues` of `evaluate`.
      record: of `begun`.

    Raises:
      UsageError: if the flags do not go together.
      UserError: if the search has selected nothing, or cannot be read.
    """
    if record:
        return record["configs"]
    search = values["from_search"].value
    many = [name for name in ("table1", "from_search") if values[name].value]
    given = [name for name in ("preset", *GRID) if values[name].present] if many else []
    if given or len(many) > 1:
        raise UsageError(f"--{(given + many[1:])[0]} does not go with --{many[0]}")
    if search is not None:
        return _selected(pathlib.Path(search) / SELECTED, values)
    config = flags.config_from_flags(values)
    if not many:
        return [config]
    with flags.together():
        return [dataclasses.replace(config, **row.point()) for row in TABLE1]


def _selected(path, values):
    """What a search selected, trained as it trained unless flags say otherwise."""
    given = {n: values[n].value for n in FIELDS if values[n].value is not None}
    try:
        found = files.read_json(path)["configs"]
        configs = [TrainingConfig(**config) for config in found]
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file (a search that has ended has it)") from error
    except files.UNREADABLE as error:
        raise UserError(f"{path}: not what a search selected") from error
    if not configs:
        raise UserError(f"{path}: the search has selected nothing")
    given |= _images_of(values)
    with flags.together():
        return [dataclasses.replace(config, **given) for config in configs]


def show(config, images):
    """Shows a configuration before the work begins."""
    # Not as a flag: what is inside scikit-learn has no path.
    values = config.to_dict() | {"dataset": f"{images.name} (from {images.source})"}
    del values["data_path"]
    beyond = config.beyond_paper()
    shown = (
        f"{name}={value}"
        for name, value in values.items()
        if name in beyond or not FIELDS[name].metadata["beyond_paper"]
    )
    runner.say("  ".join(shown))
