"""Tables of several runs of one benchmark: on other machines, and of other code.

Each takes the folder of a study. A run is one of its .json files.
"""

import re

from docs import rounds
from keras_pairs import tables


def _runs(folder, key):
    """Pairs ((commit, processor), what the file holds) of the files whose rows have key."""
    for path in sorted(folder.glob("*.json")):
        found = rounds.read(path)
        if any(key in row for row in found["rows"]):
            processor = re.split(r"\d+ cores?(?:, )?", found["machine"])[1]
            processor = processor.replace("(R)", "").replace(" Processor", "")
            yield (found["commit"][:7], processor or "not recorded"), found


def _sorted(head, lines):
    """A table of lines (number, (commit, processor), …): by number, then by run."""
    lines = sorted(lines, key=lambda line: (line[0], line[1][::-1]))
    return tables.markdown_table(
        [head, *((str(n), *run, *rest) for n, run, *rest in lines)]
    )


def _share(of, by):
    """of / by as text, empty where one was not measured."""
    return f"{of / by:.2f}" if of and by else ""


def peers(folder):
    """How long each peer takes for what takes ours a second, run by run."""
    lines = []
    for run, found in _runs(folder, "peer"):
        seconds = {}
        for row in found["rows"]:
            seconds.setdefault(row["nb_f"], {})[row["peer"]] = row["seconds"]
        for nb_f, (ours, *others) in ((n, d.values()) for n, d in seconds.items()):
            shares = (_share(other, ours) for other in others)
            lines.append((nb_f, run, f"{1000 * ours:.1f}", *shares))
    _, *names = dict.fromkeys(row["peer"] for row in found["rows"])
    return _sorted(("nb_f", "commit", "processor", "ours (ms)", *names), lines)


def searches(folder):
    """Epochs and trials of `benchmarks.search`, run by run."""
    from benchmarks.search import BEFORE, EVERY, LAST, OURS

    lines = []
    for run, found in _runs(folder, "trials_per_hour"):
        epochs = {(r["nb_f"], r["validated"]): r["processor"] for r in found["epochs"]}
        rates = {(r["nb_f"], r["search"]): r["trials_per_hour"] for r in found["rows"]}
        for nb_f in sorted({nb_f for nb_f, _ in rates}):
            last = epochs.get((nb_f, LAST))
            shares = (_share(last, epochs.get((nb_f, name))) for name in (BEFORE, EVERY))
            theirs, ours = rates[nb_f, "GridSearch"], rates[nb_f, OURS]
            trials = f"{theirs:.0f}", f"{ours:.0f}", f"{ours / theirs:.1f}"
            lines.append((nb_f, run, *shares, *trials))
    head = ("nb_f", "commit", "processor", "epoch / before", "epoch / validated")
    head += ("GridSearch (trials/h)", "tuner.search (trials/h)", "ratio")
    return _sorted(head, lines)


def halving(folder):
    """What `--halving` chose, seed by seed and run by run."""
    from benchmarks.halving import tabulate

    lines = []
    for run, found in _runs(folder, "halved_epochs"):
        head, *table = tabulate(found["rows"])
        # Seed, points and epochs are the same in all runs.
        shown = head.index("time (%)")
        lines += [(int(seed), run, *(seed, *rest)[shown:]) for seed, *rest in table]
    return _sorted(("seed", "commit", "processor", *head[shown:]), lines)
