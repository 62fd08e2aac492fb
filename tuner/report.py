"""The results that a search ends with: rows, the table of the best, the files."""

import pathlib

from keras_pairs import files
from keras_pairs.config import SELECTED
from tuner import space

RESULTS = "results.csv"
# Per trial; the objective is the accuracy of the last epoch.
METRICS = (
    "val_comparison_accuracy",
    "best_val_comparison_accuracy",
    "best_epoch",
    "val_first_digit_accuracy",
    "val_second_digit_accuracy",
    "val_loss",
    "comparison_accuracy",
    "loss",
    "seconds",
)


def rows(oracle):
    """One dict for each trial that was tried, in the grid's order; None where unknown."""
    found = []
    for i, point in enumerate(oracle.points):
        trial = oracle.trials.get(space.trial_id(i))
        if trial is None:
            continue
        values = trial.hyperparameters.values
        row = {"trial": trial.trial_id, **point}
        row |= {key: values[key] for key in ("w_m", "epochs", "num_pairs", "seed")}
        row["status"] = trial.status
        for name in METRICS:
            exists = trial.metrics.exists(name)
            row[name] = (
                float(f"{trial.metrics.get_last_value(name):.7g}") if exists else None
            )
        # A reason can be a whole traceback; its last line says what happened.
        row["reason"] = (trial.message or "").strip().rpartition("\n")[2]
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
                chosen.append(max(among, key=lambda row: row["val_comparison_accuracy"]))
    return chosen


def markdown(chosen, record):
    """The selected rows as a table beside those of the paper."""
    from keras_pairs.files import markdown_table
    from keras_pairs.paper import TABLE1

    lines = [
        ("nb_f", "w_a > 0", "lr", "batch", "w_a", "accuracy (%)", "best epoch (%)")
        + ("the paper's lr", "batch", "w_a")
    ]
    for row in chosen:
        paper = next(
            (
                r
                for r in TABLE1
                if r.nb_f == row["nb_f"] and (r.w_a > 0) == (row["w_a"] > 0)
            ),
            None,
        )
        lines.append(
            (
                f"{row['nb_f']:g}",
                "yes" if row["w_a"] > 0 else "no",
                *(f"{row[name]:g}" for name in ("lr", "batch_size", "w_a")),
                f"{100 * row['val_comparison_accuracy']:.1f}",
                f"{100 * row['best_val_comparison_accuracy']:.1f}",
                *(
                    (f"{paper.lr:g}", str(paper.batch_size), f"{paper.w_a:g}")
                    if paper
                    else ("", "", "")
                ),
            )
        )
    where = (
        "the test pairs, as the paper's own search did: these accuracies are no estimate "
        "for new data"
        if record["validation"] == "test"
        else "validation pairs; the test pairs were not used"
    )
    return f"{markdown_table(lines)}\nSelected by the last epoch's accuracy on {where}.\n"


def write(oracle, record, run_dir):
    """Writes results.csv, results.md, selected.json and the pictures.

    Returns:
      str, the text of results.md.

    Raises:
      OSError: if a file cannot be written.
    """
    from keras_pairs import plots

    run_dir = pathlib.Path(run_dir)
    found = rows(oracle)
    files.write_csv(run_dir / RESULTS, found)
    chosen = select(found)
    failed = [row for row in found if row["status"] == "FAILED"]
    text = markdown(chosen, record)
    if failed:
        text += f"\n{len(failed)} of {len(found)} trials failed:\n\n"
        text += "".join(
            f"- {row['trial']} ({', '.join(f'{k}={row[k]:g}' for k in space.AXES)}): "
            f"{row['reason']}\n"
            for row in failed
        )
    files.write_text(run_dir / "results.md", text)
    configs = [{name: row[name] for name in space.AXES} for row in chosen]
    files.write_json(run_dir / SELECTED, {"configs": configs, **record})
    if chosen:
        title = f"{record['dataset']['name']}, seed {record['config']['seed']}"
        plots.plot_search(found, title, run_dir / "results.png")
    return text
