"""A search's folder: what it may hold, and the results that it ends with."""

import hashlib
import json
import pathlib
import shutil

from keras_pairs import files
from keras_pairs.config import SELECTED, UserError
from tuner import space

RECORD, RESULTS = "search.json", "results.csv"
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


def describe(grid, common, images, validation):
    """What makes a search this search, as a dict for JSON."""
    config = {k: v for k, v in common.items() if k not in ("dataset", "data_path")}
    return {
        "grid": grid.to_dict(),
        "config": config,
        "dataset": images.describe(),
        "validation": validation,
    }


def settings(record):
    """What each trial's file says besides its point: numbers and strings by name.

    `search` is a digest of the whole record, so that any trial tells whose it is.
    """
    identity = json.dumps(_identity(record), sort_keys=True)
    return {
        **record["config"],
        "dataset": record["dataset"]["name"],
        "dataset_sha256": record["dataset"]["sha256"],
        "validation": record["validation"],
        "search": hashlib.sha256(identity.encode()).hexdigest()[:16],
    }


def _identity(record):
    # The same data may lie elsewhere today.
    return record | {"dataset": record["dataset"]["sha256"]}


def claim(run_dir, record, overwrite=False):
    """Makes `run_dir` the folder of the search that `record` describes.

    Raises:
      UserError: if it holds another search, or something that is no search.
    """
    run_dir = pathlib.Path(run_dir)
    path = run_dir / RECORD
    ours = path.exists() or any(run_dir.glob("trial_*"))
    # Others who start at the same time may be trying whether they can write here.
    own = ("lock", files.TEMPORARY)
    if not ours and not all(p.name.startswith(own) for p in run_dir.iterdir()):
        raise UserError(
            f"{run_dir} holds something else than a search; use a new --run_dir"
        )
    if overwrite:
        for entry in run_dir.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != "lock":
                entry.unlink(missing_ok=True)
    try:
        found = read(run_dir)
    except UserError:
        # New, or damaged; then each trial still tells whose it is.
        files.write_json(path, record | files.provenance())
        return
    if _identity(found) != _identity(record):
        raise UserError(
            f"{run_dir} holds a search with another grid, training or data; use its own "
            "flags, a new --run_dir, or --overwrite to delete it"
        )


def read(run_dir):
    """The `describe` of the search that a folder holds.

    Raises:
      UserError: if it holds none that can be read.
    """
    path = pathlib.Path(run_dir) / RECORD
    try:
        found = files.read_json(path)
        return {name: found[name] for name in ("grid", "config", "dataset", "validation")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not the record of a search") from error


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
    from keras_pairs.config import TABLE1
    from keras_pairs.files import markdown_table

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


def report(oracle, record, run_dir):
    """Writes results.csv, results.md, selected.json and the pictures.

    Returns:
      str, the text of results.md.
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
