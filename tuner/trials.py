"""keras-tuner's `Trial`s: their metrics, and what is known of them."""

from keras_tuner.engine import trial as trial_module

from tuner import space

Trial, Status = trial_module.Trial, trial_module.TrialStatus


def set_metrics(trial, metrics, step):
    """Makes `metrics` (dict of floats) the metrics of a `Trial`, at `step` (epochs)."""
    trial.metrics = type(trial.metrics)()
    for name, value in metrics.items():
        better = "max" if name.endswith("accuracy") else "min"
        trial.metrics.register(name, direction=better)
        trial.metrics.update(name, value, step=step)


def outcome(trial):
    """The `space.Outcome` of a `Trial`."""
    metrics = {name: trial.metrics.get_last_value(name) for name in trial.metrics.metrics}
    return space.Outcome(trial.status, metrics, trial.message)


def copy(trial):
    """A `Trial` of its own, as over the network."""
    return Trial.from_state(trial.get_state())


def is_whole(trial):
    """Whether a `Trial` is COMPLETED and was trained to the end, see `space.whole`."""
    if trial.status != Status.COMPLETED:
        return False
    # Not all metrics: keras-tuner takes its time for each.
    name, known = space.EPOCHS_TRAINED, {}
    if trial.metrics.exists(name):
        known[name] = trial.metrics.get_last_value(name)
    return space.whole(known, trial.hyperparameters.values.get("epochs"))
