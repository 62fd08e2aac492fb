"""The results of a search: rows, the table of the best, the files.

Importable without TensorFlow.
"""

import dataclasses
import pathlib

from keras_pairs import files, outputs, paper
from keras_pairs.commands.configurations import SELECTED
from keras_pairs.commands.flags import shown
from keras_pairs.tables import markdown_table
from tuner import plots, space
from tuner.space import BEST_SCORE, SCORE

RESULTS, PICTURE = "results.csv", "results.png"
# In the rows whether they are axes or not.
ALWAYS = ("w_m", "epochs", "num_pairs", "seed")
# Per trial; the objective is the accuracy of the last epoch.
METRICS = (
    SCORE,
    BEST_SCORE,
    "best_epoch",
    *(f"val_{name}_accuracy" for name in outputs.names()[1:]),
    "val_loss",
    f"{outputs.names()[0]}_accuracy",
    "loss",
    "seconds",
)


def rows(grid, outcomes):
    """One dict for each trial that was tried, in the order of their ids.

    Args:
      grid: `space.Grid`.
      outcomes: dict, index of a point → `space.Outcome`.

    Returns:
      list of dicts; None where a value is unknown.
    """
    found = []
    for i, outcome in sorted(outcomes.items()):
        row = {"trial": space.trial_id(i), **grid.points[i]}
        row |= {name: getattr(grid.configs[i], name) for name in ALWAYS}
        row["status"] = outcome.status
        for name in METRICS:
            value = outcome.metrics.get(name)
            row[name] = None if value is None else float(f"{value:.7g}")
        # A reason can be a whole traceback; its last line says what happened.
        row["reason"] = (outcome.message or "").strip().rpartition("\n")[2]
        found.append(row)
    return found


def select(found):
    """The best row without and the best with auxiliary loss of each nb_f, as Table I.

    Ties go to the first of the grid.
    """
    chosen = []
    completed = [row for row in found if row["status"] == "COMPLETED"]
    for nb_f in sorted({row["nb_f"] for row in completed}):
        for auxiliary in (False, True):
            among = [
                row
                for row in completed
                if row["nb_f"] == nb_f and (row["w_a"] > 0) == auxiliary
            ]
            if among:
                chosen.append(max(among, key=lambda row: row[SCORE]))
    return chosen


def markdown(chosen, record):
    """The selected rows as a table, beside the paper's settings for that width.

    Args:
      chosen: list of dicts, from `select`.
      record: dict of the search, see `project.describe`.
    """
    more = [name for name in record.get("grid", ()) if name not in paper.GRID]
    lines = [
        ("nb_f", "w_a > 0", "lr", "batch", "w_a", *more, "accuracy (%)", "best epoch (%)")
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
                f"{100 * row[SCORE]:.1f}",
                f"{100 * row[BEST_SCORE]:.1f}",
                *(shown(theirs[name]) if known else "" for name in names),
            )
        )
    where = (
        "the test pairs, as the paper's own search did: these accuracies are no estimate "
        "for new data"
        if record["validation"] == "test"
        else "validation pairs; the test pairs were not used"
    )
    return f"{markdown_table(lines)}\nSelected by the last epoch's accuracy on {where}.\n"


def failures(failed, grid):
    """A line for each row of a failed trial, as text."""
    return "".join(
        f"- {row['trial']} ({space.text(row, grid.axes)}): {row['reason']}\n"
        for row in failed
    )


def update(found, grid, record, run_dir):
    """Writes results.csv and the picture, of a search that may be running.

    Args:
      found: list of dicts, from `rows`.
      grid: `space.Grid`.
      record: dict of the search, see `project.describe`.
      run_dir: str or Path.

    Raises:
      OSError: if a file cannot be written.
    """
    run_dir = pathlib.Path(run_dir)
    if found:
        files.write_csv(run_dir / RESULTS, found)
    if any(row["status"] == "COMPLETED" for row in found):
        plots.plot_search(found, grid.axes, title(grid, record), run_dir / PICTURE)


def title(grid, record):
    """What a picture of a search says of it."""
    seed = "" if "seed" in grid.axes else f", seed {grid.base.seed}"
    return f"{record['dataset']['name']}{seed}"


def write(found, grid, record, run_dir):
    """Writes results.csv, results.md, selected.json and the picture.

    Args:
      found, grid, record, run_dir: as for `update`.

    Returns:
      str, the text of results.md.

    Raises:
      OSError: if a file cannot be written.
    """
    run_dir = pathlib.Path(run_dir)
    chosen = select(found)
    failed = [row for row in found if row["status"] == "FAILED"]
    text = markdown(chosen, record)
    if failed:
        text += f"\n{len(failed)} of {len(found)} trials failed:\n\n"
        text += failures(failed, grid)
    files.write_text(run_dir / "results.md", text)
    configs = [
        dataclasses.replace(grid.configs[int(row["trial"])], **record["source"]).to_dict()
        for row in chosen
    ]
    files.write_json(run_dir / SELECTED, {"configs": configs, **record})
    update(found, grid, record, run_dir)
    return text
