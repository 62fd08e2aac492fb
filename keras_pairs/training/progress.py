"""Keras' progress bar over the epochs of trainings, in this process or another."""

import sys

import keras
import numpy as np

from keras_pairs.outputs import OUTPUTS


class EpochProgress(keras.callbacks.Callback):
    """Keras' bar with ETA over epochs, shared by several `fit` calls.

    Shows the training and, where there is one, the validation accuracy of the main output,
    averaged over members.

    Args:
      total: int, the work of all calls.
      verbose: whether to show anything.
    """

    def __init__(self, total, verbose=True):
        super().__init__()
        # A log file wants a line now and then, not one per epoch.
        interval = 0.1 if sys.stdout.isatty() else 10
        names = ("accuracy", "val_accuracy")
        self.bar = keras.utils.Progbar(
            total, stateful_metrics=names, interval=interval, verbose=int(verbose)
        )
        self.done, self.total, self.work = 0, total, 1

    def start(self, work):
        """Announces a `fit` call whose epochs count `work` each."""
        self.work = work

    def on_epoch_end(self, epoch, logs=None):
        self.done += self.work
        shown = []
        for prefix in ("", "val_"):
            key = f"{prefix}{OUTPUTS[0].name}_accuracy"
            if key in logs:
                shown.append((f"{prefix}accuracy", float(np.mean(logs[key]))))
        self.bar.update(self.done, shown, finalize=self.done >= self.total)


class EpochSender(keras.callbacks.Callback):
    """Hands each epoch's logs to a function, for an `EpochProgress` in another process."""

    def __init__(self, send):
        super().__init__()
        self.send = send

    def on_epoch_end(self, epoch, logs=None):
        self.send({name: np.asarray(value) for name, value in logs.items()})
