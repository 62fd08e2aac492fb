"""Searches the grid of section II.C: learning rate, batch size and w_a, for each nb_f.

    python -m tuner.search --nb_f=8,16 --run_dir=runs/grid

Each of nb_f, lr, batch_size and w_a takes several values with commas between. A killed
search goes on when it is started again with the same --run_dir and flags. Over several
machines: start the same command on each, with keras-tuner's KERASTUNER_TUNER_ID (chief,
worker0, …), KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT set and --run_dir on a folder
that they share.
"""

import os
import pathlib
import sys

from keras_pairs import cli, files
from keras_pairs.config import UserError
from tuner import processes, project, space
from tuner.progress import clock

COMMON = ("w_m", "epochs", "seed", "dataset", "data_path", "num_pairs", "weight_sharing")
FLAGS = (
    "nb_f",
    "lr",
    "batch_size",
    "w_a",
    *COMMON,
    "run_dir",
    "workers",
    "validation",
    "max_trials",
    "retries",
    "keep_models",
    "dry_run",
    "overwrite",
    "verbosity",
)


def search_space(values):
    """(`space.Grid`, dict of what all trials share) from parsed flags.

    Raises:
      UserError: if a point of the grid is no legal configuration.
    """
    grid = space.Grid(**{name: values[name].value for name in space.AXES})
    common = {name: values[name].value for name in COMMON}
    try:
        for point in grid.points():
            space.training_config(point, common)
    except ValueError as error:
        raise UserError(str(error)) from error
    return grid, common


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


def make_tuner(values, grid, common, record, run_dir, progress):
    """The `PopulationTuner` of this process."""
    from tuner import oracle, population

    grid_oracle = oracle.GridOracle(
        grid,
        project.settings(record),
        max_trials=values["max_trials"].value,
        retries=values["retries"].value,
        keep_models=values["keep_models"].value,
        on_change=progress.show if progress else lambda oracle: None,
    )
    return population.PopulationTuner(grid_oracle, grid, common, run_dir)


def search(values, grid, common, images, record, run_dir):
    """Does this process's part of the search: all of it, the chief's, or a worker's."""
    from tuner import hparams
    from tuner.progress import SearchProgress

    part = processes.role()
    # One thread in every worker: with others a trial's last bits would differ.
    cli.import_tensorflow(work=0)
    progress = None
    if part != "worker":
        progress = SearchProgress(common, values["verbosity"].value == "1")
    tuner = make_tuner(values, grid, common, record, run_dir, progress)
    ended = tuner.search(splits_of(images, common, record["validation"]))
    if part == "worker":
        if not ended:
            os.execv(sys.executable, [sys.executable, "-m", "tuner.search", *sys.argv[1:]])
        return
    progress.show(tuner.oracle, last=True)
    tuner.save()
    text = project.report(tuner.oracle, record, run_dir)
    hparams.write(project.rows(tuner.oracle), run_dir / "hparams")
    cli.say(text)
    cli.say(f"run folder: {cli.relative(run_dir)}")


def main(values):
    from keras_pairs import data

    processes.end_with_parent()
    part = processes.role()
    grid, common = search_space(values)
    workers, overwrite = values["workers"].value, values["overwrite"].value
    if values["dry_run"].value:
        cli.say(plan(grid, common, values["max_trials"].value, workers))
        return
    if part and values["run_dir"].value is None:
        raise UserError("a distributed search needs a --run_dir that all its parts share")
    if part == "worker" and overwrite:
        raise UserError("--overwrite is for the chief; a worker never deletes a search")
    images = data.load_images(common["dataset"], common["data_path"])
    record = project.describe(grid, common, images, values["validation"].value)
    splits_of(images, common, record["validation"])
    run_dir = files.make_run_dir(values["run_dir"].value, "search")
    if part == "worker" or processes.supervised():
        search(values, grid, common, images, record, run_dir)
        return
    with processes.lock(run_dir):
        project.claim(run_dir, record, overwrite)
        if part == "chief":
            search(values, grid, common, images, record, run_dir)
            return
        cli.say(plan(grid, common, values["max_trials"].value, workers))
        cli.say(f"results go to {cli.relative(run_dir)}")
        processes.supervise(_for_parts(images, run_dir), workers)


def _for_parts(images, run_dir):
    """The command line for chief and workers: this one, with nothing left to decide."""
    arguments = [*sys.argv[1:], f"--run_dir={pathlib.Path(run_dir).absolute()}"]
    arguments += ["--nooverwrite", f"--dataset={'digits' if images.reuse else 'mnist'}"]
    if not images.reuse:
        arguments.append(f"--data_path={images.source}")
    return arguments


def run():
    cli.run(main, __doc__, FLAGS, grid=True)


if __name__ == "__main__":
    run()
