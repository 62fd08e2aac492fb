"""What a training says of its trial."""

import numpy as np

from keras_pairs.training import halving
from tuner import space
from tuner.trials import set_metrics


def judge(trial, trained, k, known):
    """Gives a trial its status, and its metrics where it is COMPLETED.

    Args:
      trial: `Trial`.
      trained: `training.fit.Trained`, or `training.halving.Halved`.
      k: int, its member.
      known: dict of floats, more metrics.

    Returns:
      Its history: dict of float arrays, a value for each epoch that it was trained.
    """
    lasted, more = None, dict(known)
    if isinstance(trained, halving.Halved):
        lasted = more[space.EPOCHS_TRAINED] = trained.epochs[k]
    history = {name: values[:lasted, k] for name, values in trained.history.items()}
    losses = history["loss"]
    wrong = np.flatnonzero(~np.isfinite(losses))
    if len(wrong):
        trial.status = "FAILED"
        trial.message = f"loss {losses[wrong[0]]:g} in epoch {wrong[0] + 1}"
        return history
    trial.status = "COMPLETED"
    metrics = {name: values[-1] for name, values in history.items()} | more
    accuracies = history[space.SCORE]
    metrics[space.BEST_SCORE] = np.nanmax(accuracies)
    metrics["best_epoch"] = np.nanargmax(accuracies) + 1
    # keras-tuner's network protocol has 32 bits for a metric.
    metrics = {name: float(np.float32(value)) for name, value in metrics.items()}
    set_metrics(trial, metrics, len(losses))
    return history
