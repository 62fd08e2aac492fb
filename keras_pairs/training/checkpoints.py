"""What a training keeps after each epoch, so that it can be stopped and goes on.

Batches, augmentation and dropout follow from seeds, the epoch and the step. So a training
at the end of an epoch is its variables, the optimizer's and the random generators'
included, and its log.
"""

import time

import keras
import numpy as np

from keras_pairs import files
from keras_pairs.errors import UserError

# Writing takes some hundredths of a second, as long as a small network's epoch.
SECONDS_BETWEEN = 1.0


class Checkpoint(keras.callbacks.Callback):
    """Keeps the training in a file, after each epoch that ends a second after the last.

    Args:
      path: Path of an .npz file.
      epochs: list of each epoch's logs, dicts of arrays, which grows before this is called.
    """

    def __init__(self, path, epochs):
        super().__init__()
        self.path, self.epochs = path, epochs
        self.written = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        last = epoch + 1 == self.params["epochs"]
        if not last and time.monotonic() - self.written < SECONDS_BETWEEN:
            return
        arrays = {
            f"variable/{i}": variable.numpy()
            for i, variable in enumerate(variables_of(self.model))
        }
        for name in {name: None for logs in self.epochs for name in logs}:
            some = next(logs[name] for logs in self.epochs if name in logs)
            # Not every epoch is validated.
            values = [logs.get(name, np.full_like(some, np.nan)) for logs in self.epochs]
            arrays[f"logs/{name}"] = np.stack(values)
        with files.atomic_write(self.path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **arrays)
        self.written = time.monotonic()


def restore(path, population):
    """Brings a compiled population to where a `Checkpoint` of the same training left it.

    Args:
      path: Path; where there is no file, nothing happens.
      population: compiled `networks.population.Population`.

    Returns:
      list of each finished epoch's logs.

    Raises:
      UserError: if the file is damaged, or of another training.
    """
    if not path.exists():
        return []
    try:
        with files.npz(path) as kept:
            variables = variables_of(population)
            values = [kept[f"variable/{i}"] for i in range(len(variables))]
            names = [name for name in kept.files if name.startswith("logs/")]
            logs = {name.removeprefix("logs/"): kept[name] for name in names}
        epochs = list(zip(*logs.values(), strict=True))
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
    # Of a damaged archive zipfile and numpy raise a dozen types.
    except Exception as error:
        raise UserError(f"{path}: damaged; remove it to begin again") from error
    return [_logged(zip(logs, row, strict=True)) for row in epochs]


def _logged(logs):
    """An epoch's logs without the validation that it did not have, see `Checkpoint`."""
    return {
        name: values
        for name, values in logs
        if not (name.startswith("val_") and np.isnan(values).all())
    }


def variables_of(population):
    """All that a training is: a population's variables and its optimizer's, a list."""
    # Metrics begin anew with each epoch.
    metrics = {id(v) for metric in population.metrics for v in metric.variables}
    own = [v for v in population.variables if id(v) not in metrics]
    return own + population.optimizer.variables
