"""Whether a worker and its chief are of one search, one folder and one code."""

import contextlib

from keras_pairs.errors import UserError
from tuner import code, places, processes, pulse


def check_search(trial, grid, settings):
    """Refuses a trial of another search than the worker's.

    Args:
      trial: `Trial`, from the chief.
      grid: `space.Grid`, the worker's.
      settings: dict, what the worker's trials say besides their points, see
        `project.settings`.

    Raises:
      UserError: which says what differs.
    """
    index, points = int(trial.trial_id), grid.points
    known = points[index] if index < len(points) else {}
    for name, value in (settings | known).items():
        there = trial.hyperparameters.values.get(name)
        if there != value:
            raise UserError(f"the chief runs another search ({name}={there}, here {value})")
    if not known:
        raise UserError(
            f"the chief's search has more than the {len(points)} points known here: it was "
            "extended; start this worker again"
        )


def check_folder(folder):
    """Refuses a run folder that is not the chief's: nobody would find what is kept there.

    The worker itself may have made it: where a shared folder is not mounted, or where the
    path is relative to another one.

    Args:
      folder: Path, existing, a trial's in the worker's run folder.

    Raises:
      UserError: if the chief's file of that trial is not there.
    """
    if (folder / places.TRIAL).exists():
        return
    with contextlib.suppress(OSError):
        folder.rmdir()
    raise UserError(
        f"{folder.parent} is not the chief's folder: all parts of a search need a "
        "--run_dir that they share"
    )


def check_code(run_dir):
    """Refuses to work for a chief of other code.

    A chief's own workers run what lies where it does, also when that is edited.

    Args:
      run_dir: str or Path, the run folder.

    Raises:
      UserError: if the chief's sign of life tells of other code.
    """
    chief = None if processes.supervised() else pulse.read(run_dir)
    there, here = (chief or {}).get("code"), code.digest()
    if there and there != here:
        raise UserError(
            f"the chief on {chief['host']} runs other code ({there[:12]}… there, "
            f"{here[:12]}… here): install the same version of keras_pairs on both"
        )
