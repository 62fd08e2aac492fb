"""The images of a search, and the pairs that its trials see. Needs no TensorFlow."""

import dataclasses

from keras_pairs import data
from keras_pairs.errors import UserError
from tuner import flags, project


def load(values, found):
    """The images that the flags name, else those of the folder.

    Args:
      values: parsed `absl.flags.FlagValues` of `flags.FLAGS`.
      found: `project.read` of the run folder, or None.

    Returns:
      (dict by the names of `flags.DATA`, `data.Images`).

    Raises:
      UserError: if the images cannot be had, or are not those of the search.
    """
    run_dir = values["run_dir"].value
    verbose = values["verbosity"].value == "1"
    if found is None or any(values[name].present for name in flags.DATA):
        where = {name: values[name].value for name in flags.DATA}
        images = data.load_images(**where, verbose=verbose)
    else:
        where = found["source"]
        try:
            images = data.load_images(**where, verbose=verbose)
        except UserError as error:
            raise UserError(
                f"the images of the search in {run_dir} cannot be had: {error} (give "
                "--data_path where they lie today)"
            ) from error
    if found is not None:
        project.check_same_data(run_dir, found, images)
    return where, images


def splits_of(images, configs, record):
    """The pairs of networks that train in one graph.

    Args:
      images: `data.Images`.
      configs: K `TrainingConfig`s, of which `seed` and `num_pairs` decide the pairs.
      record: dict of the search, see `project.describe`: which pairs a trial is scored on.

    Returns:
      `data.Splits` where all see the same pairs, else a list of K.
    """
    validation = record["validation"]
    scored_on = validation if record["pairs_wanted"] else None
    decides = [(config.num_pairs, config.seed) for config in configs]
    drawn = {each: data.sample_pairs(images, *each, scored_on) for each in set(decides)}
    if validation == "test":
        for each, splits in drawn.items():
            drawn[each] = dataclasses.replace(splits, validation=splits.test)
    return drawn[decides[0]] if len(drawn) == 1 else [drawn[each] for each in decides]


def scored(splits):
    """How many pairs each trial is scored on, given what `splits_of` gives."""
    return len((splits[0] if isinstance(splits, list) else splits).validation)
