"""What lies in a search's folder: names that several modules need, and its trials' files.

Importable without TensorFlow.
"""

import contextlib
import pathlib

from keras_pairs import files

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


def read_trials(run_dir, told):
    """What the trials' files say. A damaged file costs its trial.

    Args:
      run_dir: str or Path.
      told: function of a file's content, in keras-tuner's form. Where it raises what
        `files.DAMAGED` has, the file is damaged.

    Returns:
      dict, name of the trial's folder → what `told` gave, in the order of the names.

    Raises:
      OSError: if a file cannot be read.
    """
    found = {}
    for path in sorted(pathlib.Path(run_dir).glob(f"{TRIALS}/{TRIAL}")):
        with contextlib.suppress(*files.DAMAGED):
            found[path.parent.name] = told(files.read_json(path))
    return found
