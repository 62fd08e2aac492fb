"""What each process of a search does: a supervisor, the chief, or a worker."""

import contextlib
import logging
import os
import pathlib
import sys

from keras_pairs import data, files, locks, startup
from keras_pairs.commands import runner
from keras_pairs.errors import UsageError, UserError
from tuner import (
    choices,
    flags,
    looking,
    pairs,
    places,
    processes,
    project,
    pulse,
    resources,
    space,
)


def check(values):
    """Refuses what the parts of a search cannot do.

    Args:
      values: parsed `absl.flags.FlagValues` of `flags.FLAGS`.

    Raises:
      UsageError: if the flags do not go together, or not with the part that this process
        is.
      UserError: if this system cannot do it, or the environment is half set.
    """
    if sys.platform == "win32":
        raise UserError("a search replaces its processes in place, which Windows cannot")
    part = processes.role()
    if part and values["run_dir"].value is None:
        raise UsageError("a distributed search needs a --run_dir that all its parts share")
    if part == "worker" and values["overwrite"].value:
        raise UsageError("--overwrite is for the chief; a worker never deletes a search")
    if values["extend"].value and values["overwrite"].value:
        raise UsageError("--extend and --overwrite do not go together")
    # Those that the rounds would have, too: the record of such a grid is another one's.
    if values["rounds"].value > 1 and len(values["seed"].value or ()) > 1:
        raise UsageError(space.SEEDS)
    data.check_source(*(values[name].value for name in flags.DATA))
    if values["extend"].value and values["run_dir"].value is None:
        raise UsageError("--extend is for a search that exists: give its --run_dir")


def choose(values):
    """(what the run folder holds, as `project.read`, or None; `choices.choose`).

    Raises:
      UserError: if the folder holds another search than the flags ask for, or something
        that is no search.
    """
    run_dir = values["run_dir"].value
    try:
        if run_dir is not None and pathlib.Path(run_dir).is_dir():
            project.check_free(run_dir)
        new = run_dir is None or values["overwrite"].value
        found = None if new else project.find(run_dir)
        return found, choices.choose(values, found)
    except UserError:
        if processes.role() != "worker":
            raise
        # The chief may be about to delete what lies there; its answers will tell.
        return None, choices.choose(values, None)


def done(values, found):
    """The indices of the points that need no training any more.

    Args:
      values: parsed `absl.flags.FlagValues` of `flags.FLAGS`.
      found: what the run folder holds, see `choose`.

    Raises:
      UserError: if the folder holds trials of another search.
    """
    # What the other parts will do is not shown.
    if found is None or processes.role():
        return []
    search = looking.read(values["run_dir"].value)
    return search.with_status(*space.ENDED)


def budget_left(values):
    """Seconds of --budget that the runs of the search so far have left; None without one.

    Args:
      values: parsed `absl.flags.FlagValues` of `flags.FLAGS`.
    """
    budget_s, run_dir = values["budget"].value, values["run_dir"].value
    if budget_s is None or run_dir is None:
        return budget_s
    if values["overwrite"].value:
        return budget_s
    return max(0.0, budget_s - pulse.used_s(run_dir))


def record_of(values, found, chosen):
    """(the record of the search, see `project.describe`; `data.Images`).

    Args:
      values: parsed `absl.flags.FlagValues` of `flags.FLAGS`.
      found, chosen: what `choose` gave.

    Raises:
      UserError: if the images cannot be had, are too few, or not those of the search.
    """
    if processes.supervised():
        # What there is to say of the images the supervisor has said.
        logging.getLogger(data.__name__).setLevel(logging.ERROR)
    where, images = pairs.load(values, found)
    data.check_enough(images, max(config.num_pairs for config in chosen["grid"].configs))
    record = project.describe(where=where, images=images, **chosen)
    if found is not None:
        # As it stands there: each trial holds a digest of it.
        record |= {name: found[name] for name in ("dataset", "pairs_wanted")}
    return record, images


def run(values, record, images, todo):
    """Does this process's part in the run folder.

    Args:
      values: parsed `absl.flags.FlagValues` of `flags.FLAGS`.
      record, images: what `record_of` gave.
      todo: str, the plan to show.

    Raises:
      UserError: if the folder holds something else, or the machine lacks something.
      OSError: if a file cannot be written.
    """
    part, workers = processes.role(), values["workers"].value
    run_dir, ours = values["run_dir"].value, processes.supervised()
    # Where the folder has gone since a supervisor made it, it may not grow anew.
    run_dir = pathlib.Path(run_dir) if ours else files.make_run_dir(run_dir, "search")
    if part == "worker" or ours:
        search(values, record, images, run_dir)
        return
    with locks.only_one(run_dir, "search"):
        new = values["overwrite"].value or not (run_dir / project.RECORD).exists()
        project.claim(run_dir, record, values["overwrite"].value)
        if part == "chief":
            search(values, record, images, run_dir)
            return
        project.clear_temporaries(run_dir)
        runner.say(todo)
        what = "a new search" if new else "going on with the search"
        runner.say(f"{what} in {runner.relative(run_dir)}")
        try:
            processes.supervise(_for_parts(record, run_dir), workers)
        finally:
            project.clear_temporaries(run_dir)


def search(values, record, images, run_dir):
    """Is the chief or a worker until the search has ended.

    Raises:
      UserError: if the machine lacks something, or the chief and a worker disagree.
    """
    with _lack_in_one_line():
        max_trials = values["max_trials"].value
        worker = processes.role() == "worker"
        if not worker:
            points = len(project.grid(record).points)
            pulse.begin(run_dir, min(points, max_trials or points))
        # One thread in every worker: with others a trial's last bits would differ.
        startup.import_tensorflow(work=0, onednn=True)
        from tuner import hparams, results, rows
        from tuner.live import Live
        from tuner.progress import SearchProgress

        verbose = values["verbosity"].value == "1" and not worker
        progress = SearchProgress(verbose, record["halving"])
        tuner = make_tuner(record, max_trials, run_dir, progress)
        if worker:
            if not tuner.search(images):
                command = [sys.executable, "-m", "tuner.search", *sys.argv[1:]]
                os.execv(sys.executable, command)
            return
        budget_s = values["budget"].value
        live = Live(tuner.oracle, record, run_dir, progress, budget_s)
        tuner.search(images, live.update)
        progress.show(tuner.oracle, last=True)
        tuner.save()
        trials = rows.of_trials(tuner.grid, tuner.oracle.outcomes())
        text = results.write(trials, tuner.grid, record, run_dir)
        hparams.write(trials, tuner.grid.searched, run_dir / places.HPARAMS)
        live.pulse(ended=True)
        runner.say(text)
        unfinished = tuner.oracle.count_ended() < len(tuner.oracle.wanted)
        if live.budget_left_s == 0 and unfinished:
            runner.say("the budget is used; the same command with a larger one goes on")
        runner.say(f"run folder: {runner.relative(run_dir)}")


def make_tuner(record, max_trials, run_dir, progress):
    """The `population.PopulationTuner` of this process."""
    from tuner import oracle, population

    grid_oracle = oracle.GridOracle(
        project.grid(record),
        project.settings(record),
        max_trials=max_trials,
        retries=record["retries"],
        keep_models=record["keep_models"],
        on_change=progress.show,
    )
    return population.PopulationTuner(grid_oracle, record, run_dir)


def _for_parts(record, run_dir):
    """The command line for chief and workers: this one, with nothing left to decide."""
    given = (argument for argument in sys.argv[1:] if argument != "--")
    arguments = [*given, f"--run_dir={pathlib.Path(run_dir).absolute()}"]
    arguments += ["--nooverwrite", f"--dataset={record['source']['dataset']}"]
    if record["source"]["data_path"] is not None:
        arguments.append(f"--data_path={record['source']['data_path']}")
    return arguments


@contextlib.contextmanager
def _lack_in_one_line():
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        lacking = resources.lacking(error)
        if lacking is None:
            raise
        raise UserError(f"{lacking}; {resources.GOES_ON}") from error
