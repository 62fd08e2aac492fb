"""What `tuner.search --halving` saves, and what it finds, against the full grid.

    python -m benchmarks.halving --data_path=mnist.npz --run_dir=runs/halving

A grid of 52 points, four learning rates and the paper's thirteen w_a, at nb_f = 8 and batch
size 50, is searched in full and with successive halving, from the same seeds. Both choose
by the validation pairs. Shown is what share of the epochs and of the processor time the
halved search took, what each chose, and the rank that the chosen point has in the full
grid. A killed study goes on when it is started again with the same --run_dir. What was
found is results.json there.
"""

import csv
import subprocess
import sys

from benchmarks import cases, search
from keras_pairs import data, files, tables
from keras_pairs.commands import flags, runner
from keras_pairs.errors import UserError
from keras_pairs.fields import integer
from keras_pairs.paper import EPOCHS
from tuner.space import EPOCHS_TRAINED, SCORE

GRID = ("--nb_f=8", "--lr=0.01,0.005,0.002,0.001", "--batch_size=50")
FLAGS = {
    "data_path": flags.of_field("data_path"),
    "epochs": flags.Flag(integer(1), "Of a whole training.", EPOCHS),
    "rounds": flags.Flag(integer(1), "Searches of each kind, seeds from 0 on.", 3),
    **flags.others("run_dir"),
}


def searched(folder, where, *more):
    """(rows of results.csv, processor seconds; None where the search had begun before).

    A search that has ended trains nothing more, but refuses other flags and other images.

    Raises:
      UserError: if it fails.
    """
    before, begun = search.processor_seconds(), folder.exists()
    command = [sys.executable, "-m", "tuner.search", *GRID, *where, *more]
    command += ["--verbosity=0", f"--run_dir={folder}"]
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
        raise UserError(f"{folder.name}: the search failed")
    with open(folder / "results.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return rows, None if begun else search.processor_seconds() - before


def compare(full, halved):
    """What a halved search took and found, given both searches' rows of results.csv.

    Returns:
      dict: `points`; `epochs` and `halved_epochs`, of all trials together; `lr` and `w_a`
      of the point that was chosen; its `rank`, from 1, and `score` in the full grid; the
      `best` score there, in percent.
    """
    scores = {row["trial"]: 100 * float(row[SCORE]) for row in full if row[SCORE]}
    halved = [row for row in halved if row["status"] == "COMPLETED"]
    whole = [row for row in halved if float(row[EPOCHS_TRAINED]) == float(row["epochs"])]
    chosen = max(whole, key=lambda row: float(row[SCORE]))
    score = scores[chosen["trial"]]
    return {
        "points": len(full),
        "epochs": sum(int(row["epochs"]) for row in full),
        "halved_epochs": int(sum(float(row[EPOCHS_TRAINED]) for row in halved)),
        "lr": float(chosen["lr"]),
        "w_a": float(chosen["w_a"]),
        "rank": 1 + sum(other > score for other in scores.values()),
        "score": score,
        "best": max(scores.values()),
    }


def tabulate(rows):
    """Lines of a table; `python -m docs.build` makes the same one from results.json."""
    lines = [("seed", "points", "epochs of the full grid", "halved (%)", "time (%)")]
    lines[0] += ("chosen lr", "w_a", "rank in the full grid", "its accuracy (%)")
    lines[0] += ("the best (%)",)
    for row in rows:
        share = 100 * row["halved_epochs"] / row["epochs"]
        time = f"{100 * row['time']:.0f}" if row["time"] else ""
        figures = f"{row['epochs']:,}", f"{share:.1f}", time
        point = f"{row['lr']:g}", f"{row['w_a']:g}", str(row["rank"])
        scores = f"{row['score']:.2f}", f"{row['best']:.2f}"
        lines.append((str(row["seed"]), str(row["points"]), *figures, *point, *scores))
    return lines


def main(values):
    where = [f"--epochs={values['epochs'].value}"]
    path = values["data_path"].value
    where.append(f"--data_path={path}" if path else "--dataset=digits")
    images = data.load_images("auto" if path else "digits", path)
    run_dir = files.make_run_dir(values["run_dir"].value, "halving")
    rows, kept = [], run_dir / "results.json"
    found = cases.begun(kept, images)
    times = {row["seed"]: row["time"] for row in found["rows"]}
    for seed in range(values["rounds"].value):
        of_seed = [*where, f"--seed={seed}"]
        full, took = searched(run_dir / f"full-{seed}", of_seed)
        halved, less = searched(run_dir / f"halved-{seed}", of_seed, "--halving")
        time = less / took if took and less else times.get(seed)
        rows.append({"seed": seed, "time": time, **compare(full, halved)})
        if seed not in times:
            cases.count(found)
        files.write_json(kept, found | {"rows": rows})
    runner.say(tables.markdown_table(tabulate(rows)))
    runner.say(f"run folder: {runner.relative(run_dir)}")


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
