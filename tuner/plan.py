"""What a search will do, and how long it may take. Importable without TensorFlow."""

from keras_pairs.commands.flags import shown
from keras_pairs.progress import about
from keras_pairs.tables import markdown_table
from keras_pairs.training import costs

# Where `--extend` names nothing that the search lacks.
NOTHING_NEW = "--extend adds nothing: the search has all of these values and rounds"


def describe(
    grid, max_trials, workers, extends=None, halving=False, done=(), budget_s=None
):
    """The trials of each kind of graph with their estimated time, as text.

    Args:
      grid: `space.Grid`.
      max_trials: int or None, only so many points.
      workers: int, how many processes train.
      extends: `space.Grid` or None, the one that --extend was given for.
      halving: whether only the better half of a population goes on.
      done: indices of the points that need no training any more.
      budget_s: float or None, after so many seconds no other population begins.
    """
    said = f"{NOTHING_NEW}\n" if extends == grid else ""
    wanted = grid.sequence[:max_trials]
    left = {*wanted} - {*done}
    if not left:
        return f"{said}all trials are done, {len(wanted)} of {len(wanted)}"
    kinds, share, turns = {}, share_of(grid, halving), []
    place = {i: at for at, i in enumerate(wanted)}
    for group in sorted(grid.groups, key=min):
        some = left & {*group}
        if not some:
            continue
        # A population is trained as a whole, whatever of it is wanted.
        seconds = sum(costs.estimated_seconds(grid.configs[i]) * share[i] for i in group)
        turns.append((min(place[i] for i in some), len(some), seconds))
        key = tuple(shown(grid.points[group[0]][name]) for name in grid.shared)
        before = kinds.get(key, (0, 0.0))
        kinds[key] = before[0] + len(some), before[1] + seconds
    times = [seconds for _, _, seconds in turns]
    lines = [(*grid.shared, "trials", "one thread")]
    lines += [(*key, str(trials), about(time)) for key, (trials, time) in kinds.items()]
    counts = sorted({config.epochs for config in grid.configs})
    epochs = " or ".join(map(str, counts)) + (" epoch" if counts == [1] else " epochs")
    # One worker trains a whole population.
    time = about(max(sum(times) / workers, *times))
    most = "at most " if halving else ""
    by = "1 worker" if workers == 1 else f"{workers} workers, each on a core of its own"
    trials = "1 trial" if len(left) == 1 else f"{len(left)} trials"
    before = len(wanted) - len(left)
    rest = f"; {before} of {len(wanted)} are done" if before else ""
    within = len(left) if budget_s is None else _begun(turns, budget_s * workers)
    if within < len(left):
        rest += f"; the budget is enough for about {within}"
    return (
        f"{said}{markdown_table(lines)}{trials} of {most}{epochs}, {time} with {by}{rest}"
    )


def _begun(turns, seconds):
    """How many trials begin within so many seconds of work.

    Args:
      turns: list of (place in the search, trials, seconds), one for each population.
      seconds: float.
    """
    begun = spent = 0
    for _, trials, needed in sorted(turns):
        begun += trials if spent < seconds else 0
        spent += needed
    return begun


def share_of(grid, halving):
    """{index of a point: the share of its epochs that it gets, on average}.

    Args:
      grid: `space.Grid`.
      halving: whether only the better half of its population goes on, again and again.
    """
    found = dict.fromkeys(range(len(grid.points)), 1.0)
    for group in grid.groups if halving else ():
        epochs = grid.configs[group[0]].epochs
        total = costs.member_epochs(len(group), epochs)
        found |= dict.fromkeys(group, total / (len(group) * epochs))
    return found
