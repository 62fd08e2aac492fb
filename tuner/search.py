"""Searches the grid of section II.C: learning rate, batch size and w_a, for each nb_f.

    python -m tuner.search --nb_f=8,16 --run_dir=runs/grid

Each of nb_f, lr, batch_size and w_a takes several values with commas between. A search
that was killed, or that stopped for a full disk, goes on with --run_dir alone: its folder
holds its other flags. Over several machines: start the same command on each, with
keras-tuner's KERASTUNER_TUNER_ID (chief, worker0, …), KERASTUNER_ORACLE_IP and
KERASTUNER_ORACLE_PORT set and --run_dir on a folder that they share.
"""

import contextlib
import os
import pathlib
import sys

from keras_pairs import files
from keras_pairs.commands import runner
from keras_pairs.errors import UserError
from tuner import processes, project, report, resources, space
from tuner.progress import clock

DATA = ("dataset", "data_path")
COMMON = ("w_m", "epochs", "seed", "num_pairs", "weight_sharing")
# With the data, what makes a search this search.
CHOICES = (*space.AXES, *COMMON, "validation", "retries", "keep_models")
FLAGS = (
    *CHOICES,
    *DATA,
    "run_dir",
    "workers",
    "max_trials",
    "dry_run",
    "overwrite",
    "verbosity",
)


def choose(values, found):
    """What makes the search: what its folder holds, else what the flags say.

    Args:
      values: the parsed flags.
      found: `project.read` of the run folder, or None.

    Returns:
      dict by the names of `CHOICES`.

    Raises:
      UserError: if a flag was given that differs from what the folder holds.
    """
    flags = {name: values[name].value for name in CHOICES}
    if found is None:
        return flags
    unknown = found["config"].keys() - COMMON
    if unknown:
        raise UserError(
            f"{values['run_dir'].value} holds a search of another version of this program "
            f"({', '.join(sorted(unknown))})"
        )
    given = {name: value for name, value in flags.items() if values[name].present}
    project.check_same(values["run_dir"].value, found, given)
    recorded = project.choices(found).items()
    return flags | {name: value for name, value in recorded if value is not None}


def search_space(chosen):
    """(`space.Grid`, dict of what all trials share but the data) from `choose`.

    Raises:
      UserError: if a point of the grid is no legal configuration.
    """
    grid = space.Grid(**{name: chosen[name] for name in space.AXES})
    common = {name: chosen[name] for name in COMMON}
    try:
        for point in grid.points():
            space.training_config(point, common)
    except ValueError as error:
        raise UserError(str(error)) from error
    return grid, common


def load_data(values, found):
    """(dict of the names of `DATA`, `data.Images`): the flags', else those of the folder.

    Raises:
      UserError: if the images cannot be had, or are not those of the search.
    """
    from keras_pairs import data

    run_dir = values["run_dir"].value
    if found is None or any(values[name].present for name in DATA):
        where = {name: values[name].value for name in DATA}
        images = data.load_images(**where)
    else:
        where = found["source"]
        try:
            images = data.load_images(**where)
        except UserError as error:
            raise UserError(
                f"the images of the search in {run_dir} cannot be had: {error} (give "
                "--data_path where they lie today)"
            ) from error
    if found is not None:
        project.check_same_data(run_dir, found, images)
    return where, images


def plan(grid, common, max_trials, workers):
    """The trials of each nb_f and batch size with their estimated time, as text."""
    points = grid.points()[:max_trials]
    lines = [("nb_f", "batch", "trials", "one thread")]
    seconds = {}
    for point in points:
        key = point["nb_f"], point["batch_size"]
        seconds.setdefault(key, []).append(space.estimated_seconds(point, common))
    for (nb_f, batch_size), each in seconds.items():
        lines.append((str(nb_f), str(batch_size), str(len(each)), clock(sum(each))))
    total = sum(sum(each) for each in seconds.values())
    return (
        f"{files.markdown_table(lines)}{len(points)} trials of {common['epochs']} epochs, "
        f"about {clock(total / workers)} with {workers} workers, each on a core of its own"
    )


def splits_of(images, common, validation):
    """The `data.Splits` that all trials share."""
    import dataclasses

    from keras_pairs import data

    splits = data.sample_pairs(images, common["num_pairs"], common["seed"])
    if validation == "test":
        return dataclasses.replace(splits, validation=splits.test)
    return splits


def make_tuner(record, max_trials, run_dir, progress):
    """The `PopulationTuner` of this process."""
    from tuner import oracle, population

    grid_oracle = oracle.GridOracle(
        project.grid(record),
        project.settings(record),
        max_trials=max_trials,
        retries=record["retries"],
        keep_models=record["keep_models"],
        on_change=progress.show if progress else lambda oracle: None,
    )
    return population.PopulationTuner(grid_oracle, record, run_dir)


def search(values, record, images, run_dir):
    """Does this process's part of the search: all of it, the chief's, or a worker's."""
    from tuner import hparams
    from tuner.progress import SearchProgress

    part = processes.role()
    # One thread in every worker: with others a trial's last bits would differ.
    runner.import_tensorflow(work=0, population=True)
    common = project.common(record)
    progress = None
    if part != "worker":
        progress = SearchProgress(common, values["verbosity"].value == "1")
    tuner = make_tuner(record, values["max_trials"].value, run_dir, progress)
    ended = tuner.search(splits_of(images, common, record["validation"]))
    if part == "worker":
        if not ended:
            os.execv(sys.executable, [sys.executable, "-m", "tuner.search", *sys.argv[1:]])
        return
    progress.show(tuner.oracle, last=True)
    tuner.save()
    text = report.write(tuner.oracle, record, run_dir)
    hparams.write(report.rows(tuner.oracle), run_dir / "hparams")
    runner.say(text)
    runner.say(f"run folder: {runner.relative(run_dir)}")


def main(values):
    if sys.platform == "win32":
        raise UserError("a search replaces its processes in place, which Windows cannot")
    processes.end_with_parent()
    part = processes.role()
    workers, overwrite = values["workers"].value, values["overwrite"].value
    run_dir = values["run_dir"].value
    if part and run_dir is None:
        raise UserError("a distributed search needs a --run_dir that all its parts share")
    if part == "worker" and overwrite:
        raise UserError("--overwrite is for the chief; a worker never deletes a search")
    found = None if run_dir is None or overwrite else project.find(run_dir)
    try:
        chosen = choose(values, found)
    except UserError:
        if part != "worker":
            raise
        # The chief may be about to delete what lies there; its answers will tell.
        found, chosen = None, choose(values, None)
    grid, common = search_space(chosen)
    todo = plan(grid, common, values["max_trials"].value, workers)
    if values["dry_run"].value:
        runner.say(todo)
        return
    where, images = load_data(values, found)
    splits_of(images, common, chosen["validation"])
    record = project.describe(
        grid,
        common | where,
        images,
        *(chosen[name] for name in ("validation", "keep_models", "retries")),
    )
    if found is not None:
        # As it stands there: each trial holds a digest of it.
        record |= {name: found[name] for name in ("config", "dataset")}
    run_dir = files.make_run_dir(run_dir, "search")
    if part == "worker" or processes.supervised():
        with _lack_in_one_line():
            search(values, record, images, run_dir)
        return
    with processes.lock(run_dir):
        project.claim(run_dir, record, overwrite)
        if part == "chief":
            with _lack_in_one_line():
                search(values, record, images, run_dir)
            return
        project.clear_temporaries(run_dir)
        runner.say(todo)
        runner.say(f"results go to {runner.relative(run_dir)}")
        try:
            processes.supervise(_for_parts(record, run_dir), workers)
        finally:
            project.clear_temporaries(run_dir)


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


def _for_parts(record, run_dir):
    """The command line for chief and workers: this one, with nothing left to decide."""
    arguments = [*sys.argv[1:], f"--run_dir={pathlib.Path(run_dir).absolute()}"]
    arguments += ["--nooverwrite", f"--dataset={record['source']['dataset']}"]
    if record["source"]["data_path"] is not None:
        arguments.append(f"--data_path={record['source']['data_path']}")
    return arguments


def run():
    runner.run(main, __doc__, FLAGS, grid=True)


if __name__ == "__main__":
    run()
