"""What lies in a search's folder: the names that several modules need.

Importable without TensorFlow.
"""

import pathlib

RESULTS, TABLE, PICTURE = "results.csv", "results.md", "results.png"
POINTS = "points.csv"
# Folders.
HPARAMS, REPORT = "hparams", "report"
# keras-tuner's names.
_PREFIX = "trial_"
TRIALS, TRIAL = f"{_PREFIX}*", "trial.json"


def trial_folder(run_dir, trial_id):
    """Path of a trial's folder; unlike keras-tuner's `get_trial_dir` this makes none."""
    return pathlib.Path(run_dir) / f"{_PREFIX}{trial_id}"
