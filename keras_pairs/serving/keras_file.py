"""`model.keras`: the network in plain Keras, of a run and of each published version."""

import pathlib
import zipfile

import keras

from keras_pairs.errors import UserError

NAME = "model.keras"


def load(path):
    """Opens a .keras file.

    Args:
      path: str or Path.

    Returns:
      `keras.Model`, not compiled.

    Raises:
      UserError: if there is no Keras model that can be read.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise UserError(
            f"{path}: no such file (a run folder holds model.keras, and so does a version "
            "that no older keras_pairs published)"
        )
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path}: not a Keras model, or a damaged one")
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:
        # Keras raises whatever its reader met: ValueError, KeyError, BadZipFile, …
        if "keras_pairs" in str(error):
            raise UserError(
                f"{path}: of an older keras_pairs, which had layers of its own; train it "
                "again"
            ) from error
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"{path}: not a Keras model: {reason[0]}") from error
