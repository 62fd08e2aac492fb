"""The flags of `export`, and which of them go together."""

import dataclasses

from keras_pairs.commands import flags
from keras_pairs.errors import UsageError
from keras_pairs.fields import choice, integer, new_file
from keras_pairs.serving.formats import FORMATS

SAVED_MODEL = "saved_model"
OF_VERSIONS = {
    **flags.others("export_dir"),
    "keep": flags.Flag(
        integer(2), "How many versions stay; older ones are removed.", shown="all"
    ),
}
FLAGS = {
    "model": dataclasses.replace(
        flags.OTHERS["model"], help="A run folder, its model.keras, or a published model."
    ),
    "format": flags.Flag(
        choice(SAVED_MODEL, *FORMATS),
        "What to make of it: the next version in --export_dir, or one file, --output.",
        SAVED_MODEL,
    ),
    "output": flags.Flag(new_file(), "The file to write; one that is there is replaced."),
    **OF_VERSIONS,
}


def check(values):
    """Refuses flags that do not go together.

    Args:
      values: parsed `absl.flags.FlagValues` of `FLAGS`.

    Raises:
      UsageError: if --output does not go with the format, or another flag does not.
    """
    name, output = values["format"].value, values["output"].value
    suffix = FORMATS[name].suffix if name in FORMATS else None
    for flag in OF_VERSIONS if suffix else ("output",):
        if values[flag].value is not None:
            raise UsageError(f"--{flag} does not go with --format={name}")
    if suffix and not (output or "").endswith(suffix):
        raise UsageError(f"--format={name} needs --output, a file that ends in {suffix}")
