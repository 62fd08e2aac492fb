"""What the paper's grid costs, reckoned from what `benchmarks.search` measured."""

import math
import re

from benchmarks import search
from keras_pairs.paper import GRID


def tabulate(found):
    """Hours of a width of the paper's grid, as lines of a table: here, and reckoned.

    Reckoned is that workers on more cores or machines share the trials evenly and do not
    hinder each other; they start once.
    """
    cores = int(re.search(r"(\d+) core", found["machine"])[1])
    points = math.prod(map(len, GRID.values())) // len(GRID["nb_f"])
    rows = {(row["search"], row["nb_f"]): row for row in found["rows"]}
    lines = [("nb_f", "GridSearch (h)", "tuner.search (h)", "on 16 cores (h)")]
    lines[0] += ("on 10 machines (h)",)
    for nb_f in dict.fromkeys(nb_f for _, nb_f in rows):
        theirs, ours = rows["GridSearch", nb_f], rows[search.OURS, nb_f]
        cases = ((theirs, 1), (ours, 1), (ours, 16 / cores), (ours, 10))
        hours = (
            (row["start_s"] + 3600 * points / row["trials_per_hour"] / share) / 3600
            for row, share in cases
        )
        lines.append((str(nb_f), *(f"{value:.2f}" for value in hours)))
    return lines
