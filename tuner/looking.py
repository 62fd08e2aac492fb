"""A search as its folder shows it, read without keras-tuner; nothing there changes.

Importable without TensorFlow.
"""

import dataclasses
import pathlib

from keras_pairs.commands.flags import Flag
from keras_pairs.errors import UsageError, UserError
from keras_pairs.fields import folder
from keras_pairs.progress import about, clock
from tuner import places, project, pulse, rows, space

RUN_DIR = Flag(folder(), "The --run_dir of a search: running, killed or finished.")


@dataclasses.dataclass(frozen=True)
class Search:
    """A search that is running, was killed, or has finished.

    Attributes:
      run_dir: Path.
      record: dict, see `project.describe`.
      grid: `space.Grid`.
      outcomes: dict, index of each point that was tried → `space.Outcome`.
      pulse: `pulse.read`.
    """

    run_dir: pathlib.Path
    record: dict
    grid: space.Grid
    outcomes: dict
    pulse: dict | None

    @property
    def running(self):
        """Whether a chief is at work on it."""
        return self.pulse is not None and pulse.is_alive(self.pulse)

    def with_status(self, *statuses):
        """Sorted indices of the trials that have one of these."""
        return sorted(i for i, o in self.outcomes.items() if o.status in statuses)


def read(run_dir):
    """The `Search` in a folder.

        search = read("runs/grid")
        len(search.with_status("COMPLETED"))

    Raises:
      UsageError: if `run_dir` is None.
      UserError: if there is no search, or trials of another one.
      OSError: if a file cannot be read.
    """
    if run_dir is None:
        raise UsageError("--run_dir is missing: the folder of a search")
    run_dir = pathlib.Path(run_dir)
    if not run_dir.is_dir():
        raise UserError(f"{run_dir}: no such folder")
    # Before the trials: one that has ended meanwhile is no running one.
    beat = pulse.read(run_dir)
    record = project.read(run_dir)
    grid, settings = project.grid(record), project.settings(record)
    outcomes = places.read_points(run_dir, grid, settings, space.Outcome.of)
    return Search(run_dir, record, grid, outcomes, beat)


def describe(search):
    """How far a search is, as text."""
    completed, failed = search.with_status("COMPLETED"), search.with_status("FAILED")
    beat, ended = search.pulse, len(completed) + len(failed)
    points = len(search.grid.points)
    training = _training(search) if search.running else []
    total = max(beat["wanted"], ended + len(training)) if search.running else points
    if search.running:
        state = f"running on {beat['host']}, process {beat['pid']}"
    elif ended == points:
        state = "finished"
    else:
        state = f"not running{_since(beat, ended)}; python -m tuner.search "
        state += f"--run_dir={search.run_dir} goes on with it"
    lines = [
        ("search", state),
        ("done", f"{ended} of {total} trials, {len(failed)} of them failed"),
        ("running", str(len(training))),
        ("left", str(total - ended - len(training))),
    ]
    if search.running and beat["to_go_s"] is not None:
        left = max(0.0, beat["to_go_s"] - pulse.age(beat))
        lines.append(("to go", about(left)))
    if beat:
        lines.append(("time used", clock(beat["used_s"])))
    if search.running and beat["budget_left_s"] is not None:
        left = max(0.0, beat["budget_left_s"] - pulse.age(beat))
        lines.append(("budget left", clock(left)))
    best = rows.best(search.grid, search.outcomes)
    if best:
        where = space.text(best, search.grid.searched)
        text = f"{rows.percent(best)} %, {rows.named(best)}: {where}"
        tied = f", {rows.tied(best)}" if best["tied"] else ""
        lines.append(("best so far", text + tied))
    if search.running:
        inside = {t: e for t, e in beat["running"].items() if int(t) < points}
        for trial, epochs in sorted(inside.items()):
            config = search.grid.configs[int(trial)]
            where = space.text(search.grid.points[int(trial)], search.grid.shared)
            lines.append(
                ("training", f"{where}: epoch {epochs:.0f} of {config.all_epochs()}")
            )
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name + ':':{width + 1}} {text}" for name, text in lines)


def _since(beat, ended):
    """What is known of a search that is not running, after a comma; or ""."""
    if beat is None:
        return ""
    if beat["ended"] and ended >= beat["wanted"]:
        return ", as it has trained the trials that it was asked for"
    return f", last heard of {clock(pulse.age(beat))} ago"


def _training(search):
    """Indices of the trials that a running search is training."""
    begun = {int(trial) for trial in search.pulse["running"]}
    alive = {i for group in search.grid.groups if begun & {*group} for i in group}
    # Others were left RUNNING by who was killed.
    return [i for i in search.with_status("RUNNING") if i in alive]
