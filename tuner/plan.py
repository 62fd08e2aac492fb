"""What a search will do, and how long it may take. Importable without TensorFlow."""

from keras_pairs.commands.flags import shown
from keras_pairs.progress import about
from keras_pairs.tables import markdown_table
from keras_pairs.training.costs import estimated_seconds

# Where `--extend` names nothing that the search lacks.
NOTHING_NEW = "--extend adds nothing: the search has all of these values and rounds"


def describe(grid, max_trials, workers, extends=None):
    """The trials of each kind of graph with their estimated time, as text.

    Args:
      grid: `space.Grid`.
      max_trials: int or None, only so many points.
      workers: int, how many processes train.
      extends: `space.Grid` or None, the one that --extend was given for.
    """
    seconds = {}
    wanted = grid.sequence[:max_trials]
    for point, config in ((grid.points[i], grid.configs[i]) for i in sorted(wanted)):
        key = tuple(shown(point[name]) for name in grid.shared)
        seconds.setdefault(key, []).append(estimated_seconds(config))
    lines = [(*grid.shared, "trials", "one thread")]
    lines += [(*key, str(len(s)), about(sum(s))) for key, s in seconds.items()]
    epochs = " or ".join(map(str, sorted({config.epochs for config in grid.configs})))
    time = about(sum(sum(each) for each in seconds.values()) / workers)
    said = f"{NOTHING_NEW}\n" if extends == grid else ""
    return (
        f"{said}{markdown_table(lines)}{len(wanted)} trials of {epochs} epochs, "
        f"{time} with {workers} workers, each on a core of its own"
    )
