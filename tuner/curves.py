"""Each trial's learning curve: a small CSV file beside it.

Importable without TensorFlow.
"""

import csv
import pathlib

from keras_pairs import files, outputs
from tuner.space import SCORE

NAME = "history.csv"
# Of training and validation, in Keras' names.
COLUMNS = ("loss", f"{outputs.names()[0]}_accuracy", "val_loss", SCORE)


def write(folder, history):
    """Writes the curve of a trial into its folder.

    Args:
      folder: Path, existing.
      history: dict of float arrays [epochs]. What was not validated stands in the file as
        "nan".

    Raises:
      OSError: if it cannot be written.
    """
    epochs = range(len(history[COLUMNS[0]]))
    rows = [
        {"epoch": i + 1} | {name: f"{history[name][i]:.5g}" for name in COLUMNS}
        for i in epochs
    ]
    files.write_csv(folder / NAME, rows)


def read(folder):
    """The curve in a trial's folder.

    Returns:
      dict by `COLUMNS` of lists of floats, one for each epoch; None where there is none
      or a damaged one.
    """
    try:
        with open(pathlib.Path(folder) / NAME, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        found = {name: [float(row[name]) for row in rows] for name in COLUMNS}
    except (OSError, csv.Error, *files.DAMAGED):
        return None
    return found if rows else None
