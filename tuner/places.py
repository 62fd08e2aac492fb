"""What lies in a search's folder: names that several modules need, and its trials' files.

Importable without TensorFlow.
"""

import contextlib
import pathlib

from keras_pairs import files
from keras_pairs.errors import UserError
from tuner import space

RESULTS, TABLE, PICTURE = "results.csv", "results.md", "results.png"
POINTS = "points.csv"
# Folders.
HPARAMS, REPORT = "hparams", "report"
# How the names begin that a report leaves in its folder.
OF_REPORT = (RESULTS, POINTS, PICTURE, HPARAMS, "report.md", "origin.json")
OF_REPORT += ("curves.png", "importance.", "interactions.png")
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


def read_points(run_dir, grid, settings, told):
    """What the files of a search's trials say, as `read_trials`.

    Args:
      run_dir: str or Path.
      grid: `space.Grid`.
      settings: dict, what every trial says besides its point, see `project.settings`.
      told: as for `read_trials`.

    Returns:
      dict, index of a point → what `told` gave.

    Raises:
      UserError: if a trial is of another grid or another training.
      OSError: if a file cannot be read.
    """

    def of_point(state):
        return int(state["trial_id"]), state["hyperparameters"]["values"], told(state)

    found = {}
    for name, (index, values, what) in read_trials(run_dir, of_point).items():
        known = 0 <= index < len(grid.points)
        if not known or values != grid.points[index] | settings:
            raise UserError(f"{run_dir} holds another search ({name})")
        # A copy of a trial's folder is none.
        if name == trial_folder(run_dir, space.trial_id(index)).name:
            found[index] = what
    return found
