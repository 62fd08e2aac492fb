"""What the paper's authors measured, from the logs that they published.

    url=https://github.com/amirrezaie1415/Deep-learning-course-projects-EPFL
    curl -LO $url/raw/b639338/Proj1/logs/logs.zip
    python -m benchmarks.authors --logs=logs.zip --run_dir=runs/authors

The logs hold the test accuracy after every epoch of the ten rounds of each row of Table I,
and the best epoch's of each point of their grid. `rule` finds Table I's figures in them.
"""

import csv
import hashlib
import io
import itertools
import zipfile
import zlib

import numpy as np

from keras_pairs import files, tables
from keras_pairs.commands import flags, runner
from keras_pairs.errors import UsageError, UserError
from keras_pairs.fields import existing
from keras_pairs.paper import GRID, row_of

ROUNDS = "nb_filters_{nb_f}/result-1-{w_a:.1f}-{batch_size}-{lr:.8f}.csv"
SEARCHED = "nb_filters_{nb_f}/result-1-{w_a:.1f}.csv"
# (batch size, lr, w_a) in the order of a search's own results.csv.
POINTS = list(itertools.product(*(GRID[name] for name in ("batch_size", "lr", "w_a"))))
# What another zip file, or a damaged one, raises.
DAMAGED = (zipfile.BadZipFile, zlib.error, csv.Error, KeyError, ValueError, TypeError)
DAMAGED += (RuntimeError, NotImplementedError)
FLAGS = {
    "logs": flags.Flag(existing(), "Their logs.zip; it must be given."),
    **flags.others("run_dir"),
}


def rule(curves):
    """How Table I scores the rounds of a row.

    The epoch is the one at which the mean over the rounds is highest, on the test pairs.
    Their notebook computes it, Proj1/src/plots.ipynb.

    Args:
      curves: float array [epochs, rounds], percent.

    Returns:
      dict: `last_epoch`, and `at_epoch`, accuracies of the rounds, two lists; `epoch`, the
      number of that epoch, from 1.
    """
    # Two may be level, and the first of them counts.
    chosen = int(np.round(np.mean(np.round(curves, 1), 1), 6).argmax())
    return {
        "last_epoch": [percent(x) for x in curves[-1]],
        "epoch": chosen + 1,
        "at_epoch": [percent(x) for x in curves[chosen]],
    }


def percent(accuracy):
    """An accuracy on 1,000 pairs as it was before it was a float32."""
    return round(float(accuracy), 1)


def shown(row):
    """Mean ± deviation of `rule`'s two lists; the second divided by n, as in Table I."""
    last, at = row["last_epoch"], row["at_epoch"]
    return (
        f"{np.mean(last):.2f} ± {np.std(last, ddof=1):.2f}",
        f"{np.mean(at):.2f} ± {np.std(at):.2f}",
    )


def read(archive, name):
    """Lines of one of the logs, dicts of text."""
    with archive.open(name) as file:
        return list(csv.DictReader(io.TextIOWrapper(file, "utf-8")))


def curves(archive, row):
    """Test accuracies of a row's rounds: float array [epochs, rounds], percent."""
    lines = read(archive, ROUNDS.format(**row.point()))
    by_round = {}
    for line in sorted(lines, key=lambda line: int(line["epoch"])):
        by_round.setdefault(int(line["run_number"]), []).append(float(line["test_acc"]))
    return np.stack([by_round[number] for number in sorted(by_round)], 1)


def searched(archive, nb_f):
    """{(batch size, lr, w_a): percent} of their grid at a width."""
    found = {}
    for w_a in GRID["w_a"]:
        for line in read(archive, SEARCHED.format(nb_f=nb_f, w_a=w_a)):
            point = int(line["batch_size"]), float(line["lr"]), w_a
            found[point] = percent(line["max test acc"])
    return found


def measure(archive):
    """What the logs say, for results.json."""
    rows, grids = [], {}
    for nb_f in GRID["nb_f"]:
        grid = searched(archive, nb_f)
        grids[nb_f] = [grid[point] for point in POINTS]
        for auxiliary in (False, True):
            row = row_of(nb_f, auxiliary)
            found = grid[row.batch_size, row.lr, row.w_a]
            rivals = [x for point, x in grid.items() if (point[-1] > 0) == auxiliary]
            rows.append(
                {
                    **row.point(),
                    **rule(curves(archive, row)),
                    "in_grid": found,
                    "rank_in_grid": 1 + sum(rival > found for rival in rivals),
                }
            )
    return {"rows": rows, "grids": grids}


def tabulate(rows):
    """Table I, found in the logs, as lines of a table."""
    lines = [("nb_f", "w_a", "Table I", "at the epoch of the highest mean", "that epoch")]
    lines[0] += ("last epoch", "in their grid", "rank there")
    for row in rows:
        last, at = shown(row)
        paper = row_of(row["nb_f"], row["w_a"] > 0).shown()
        names = str(row["nb_f"]), f"{row['w_a']:g}"
        rest = last, f"{row['in_grid']:.1f}", str(row["rank_in_grid"])
        lines.append((*names, paper, at, str(row["epoch"]), *rest))
    return lines


def main(values):
    path = values["logs"].value
    if path is None:
        raise UsageError("--logs is missing: the authors' logs.zip, see --help")
    try:
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        with zipfile.ZipFile(path) as archive:
            found = measure(archive)
    except DAMAGED as error:
        raise UserError(f"{path}: not the authors' logs: {error}") from error
    run_dir = files.make_run_dir(values["run_dir"].value, "authors")
    path = run_dir / "results.json"
    files.write_json(path, {**found, "logs": digest, **files.provenance()})
    runner.say(tables.markdown_table(tabulate(found["rows"])))
    runner.say(f"results: {runner.relative(path)}")


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
