"""The results of a search: the table of the best, the files.

Importable without TensorFlow.
"""

import dataclasses
import pathlib

from keras_pairs import files, paper
from keras_pairs.commands.configurations import SELECTED
from keras_pairs.commands.flags import shown
from keras_pairs.tables import markdown_table
from tuner import places, plots, rows, space
from tuner.space import BEST_SCORE


def markdown(chosen, record):
    """The selected rows as a table, beside the paper's settings for that width.

    Args:
      chosen: list of dicts, from `rows.select`.
      record: dict of the search, see `project.describe`.
    """
    rounds = record["rounds"]
    others = {*paper.GRID, *(["seed"] if rounds > 1 else [])}
    more = [name for name in record["grid"] if name not in others]
    scores = ["accuracy (%)", *best_epoch(record)]
    lines = [
        ("nb_f", "w_a > 0", "lr", "batch", "w_a", *more, *scores)
        + ("the paper's lr", "batch", "w_a")
    ]
    for row in chosen:
        auxiliary = row["w_a"] > 0
        known = paper.row_of(row["nb_f"], auxiliary)
        theirs = known.point() if known else {}
        names = ("lr", "batch_size", "w_a")
        lines.append(
            (
                shown(row["nb_f"]),
                "yes" if auxiliary else "no",
                *(shown(row[name]) for name in (*names, *more)),
                rows.percent(row),
                *(f"{100 * row[BEST_SCORE]:.1f}" for _ in best_epoch(record)),
                *(shown(theirs[name]) if known else "" for name in names),
            )
        )
    where = (
        "the test pairs, as the paper's own search did: these accuracies are no estimate "
        "for new data"
        if record["validation"] == "test"
        else f"{_pairs(chosen)}validation pairs; the test pairs were not used"
    )
    what = "the last epoch's accuracy"
    if record["halving"]:
        what += ", among those that successive halving trained to the end,"
    if rounds > 1:
        what = f"the mean of {what} over {rounds} rounds (± its standard deviation)"
    preset = record["preset"]
    rest = "" if preset == "paper" else f"\nThe rest is as in the preset {preset}."
    ties = "".join(
        f"\n{rows.named(row).capitalize()} is {rows.tied(row)}; the first of them is taken."
        for row in chosen
        if row["tied"]
    )
    if not chosen:
        return f"{markdown_table(lines)}\nNo trial has completed.\n"
    return f"{markdown_table(lines)}\nSelected by {what} on {where}.{ties}{rest}\n"


def best_epoch(record):
    """The title of the best epoch's accuracy, as a tuple: none with the last one alone."""
    return ("best epoch (%)",) if record["validate_every"] else ()


def _pairs(chosen):
    """How many pairs scored the trials, as text; nothing where there are no trials."""
    counts = sorted({row["validation_pairs"] for row in chosen})
    return f"{' or '.join(f'{count:,.0f}' for count in counts)} " if counts else ""


def failures(failed, grid):
    """A line for each row of a failed trial, as text."""
    return "".join(
        f"- {row['trial']} ({space.text(row, grid.axes)}): {row['reason']}\n"
        for row in failed
    )


def update(trials, grid, record, run_dir):
    """Writes results.csv and the picture, of a search that may be running.

    With several rounds, points.csv too.

    Args:
      trials: list of dicts, from `rows.of_trials`.
      grid: `space.Grid`.
      record: dict of the search, see `project.describe`.
      run_dir: str or Path.

    Returns:
      list of dicts, from `rows.of_points`.

    Raises:
      OSError: if a file cannot be written.
    """
    run_dir = pathlib.Path(run_dir)
    points = rows.of_points(trials, grid)
    if trials:
        # What no column says of a configuration follows from it.
        named = {"preset": record["preset"]} if record["preset"] != "paper" else {}
        files.write_csv(run_dir / places.RESULTS, [row | named for row in trials])
    if trials and grid.rounds > 1:
        without = ("seed", "reason")
        table = [{n: v for n, v in row.items() if n not in without} for row in points]
        files.write_csv(run_dir / places.POINTS, table)
    done = rows.completed_of(points)
    if done:
        plots.plot_search(
            done, grid.searched, title(grid, record), run_dir / places.PICTURE
        )
    return points


def title(grid, record):
    """What a picture of a search says of it."""
    seed = "" if "seed" in grid.axes else f", seed {grid.base.seed}"
    if grid.rounds > 1:
        seed = f", mean of {grid.rounds} rounds"
    halved = ", successive halving" if record["halving"] else ""
    on = ", test pairs" if record["validation"] == "test" else ", validation pairs"
    return f"{record['dataset']['name']}{on}{seed}{halved}"


def write(trials, grid, record, run_dir):
    """Writes results.csv, results.md, selected.json and the picture.

    Args:
      trials, grid, record, run_dir: as for `update`.

    Returns:
      str, the text of results.md.

    Raises:
      OSError: if a file cannot be written.
    """
    run_dir = pathlib.Path(run_dir)
    chosen = rows.select(rows.of_points(trials, grid))
    failed = [row for row in trials if row["status"] == "FAILED"]
    text = markdown(chosen, record)
    if failed:
        text += f"\n{len(failed)} of {len(trials)} trials failed:\n\n"
        text += failures(failed, grid)
    files.write_text(run_dir / places.TABLE, text)
    configs = [
        dataclasses.replace(grid.configs[int(row["trial"])], **record["source"]).to_dict()
        for row in chosen
    ]
    files.write_json(
        run_dir / SELECTED, {"configs": configs, **record, **files.provenance()}
    )
    update(trials, grid, record, run_dir)
    return text
