"""The model in the box, and where other models are published. Needs no TensorFlow.

The box is part of the package: no training and no current folder takes its place.
"""

import importlib.resources
import pathlib
import re

from keras_pairs.errors import UserError
from keras_pairs.serving.versions import SAVED_MODEL

# setup.cfg puts it into the wheel, .gitignore into the repository.
VERSION = "digit_pairs/2"
MODELS = "saved_models"
# So that a folder's name, in any script, has fewer than the 255 bytes that systems allow.
LONGEST_NAME = 60
# In place of a preset, where a configuration came from none.
CUSTOM = "custom"


def path():
    """`pathlib.Path` of the version in the box.

    A wheel has it inside the package; a checkout, installed with -e or not, beside it.

    Raises:
      UserError: if it is gone.
    """
    package = importlib.resources.files("keras_pairs")
    for folder in (package, package.parent):
        version = folder / MODELS / VERSION
        if (version / SAVED_MODEL).is_file():
            return version
    raise UserError(f"{package / MODELS / VERSION}: the model in the box is gone")


def export_folder(data, preset):
    """Where a network is published unless told otherwise: `saved_models/<data>-<preset>`.

    Args:
      data: str, name of the images. What a folder's name should not have becomes `_`.
      preset: str.

    Returns:
      `pathlib.Path` below the current folder; never the box's, whose name has no
      preset.
    """
    data, preset = (re.sub(r"[^\w.-]+", "_", name).strip("._-") for name in (data, preset))
    return pathlib.Path(MODELS) / f"{data[:LONGEST_NAME] or 'data'}-{preset}"
