"""The picture of a search."""

import numpy as np

from keras_pairs import plots
from keras_pairs.commands.flags import shown
from keras_pairs.outputs import names as output_names
from keras_pairs.paper import GRID
from tuner.space import SCORE


def plot_search(rows, names, title, path):
    """Draws a search, for each nb_f: accuracy over lr and batch size, and against the rest.

    Args:
      rows: list of dicts with the grid's axes, status and, where that is "COMPLETED",
        `space.SCORE` in [0, 1].
      names: names of the grid's axes.
      title: str.
      path: file to write (.png).
    """
    rows = [row for row in rows if row["status"] == "COMPLETED"]
    widths = sorted({row["nb_f"] for row in rows})
    others = ["w_a", *(name for name in names if name not in GRID)]
    figure, grid = plots.subplots(
        len(widths),
        2 + len(others),
        figsize=(8.5 + 5.5 * len(others), 1 + 3.6 * len(widths)),
        squeeze=False,
        width_ratios=(1, 1, *[1.2] * len(others)),
    )
    accuracies = [100 * row[SCORE] for row in rows]
    # Where all are equal the colours still need a range.
    colours = {"vmin": min(accuracies), "vmax": max(max(accuracies), min(accuracies) + 1)}
    for axes, nb_f in zip(grid, widths, strict=True):
        own = [row for row in rows if row["nb_f"] == nb_f]
        without = [row for row in own if row["w_a"] == 0]
        _heat_map(axes[0], without, colours, f"nb_f={nb_f}, w_a = 0")
        best = f"nb_f={nb_f}, best over w_a > 0"
        _heat_map(axes[1], [row for row in own if row["w_a"] > 0], colours, best)
        for place, name in zip(axes[2:], others, strict=True):
            _against(place, own, name, f"nb_f={nb_f}")
    figure.suptitle(f"Validation accuracy of {output_names()[0]} (%), {title}")
    plots.save(figure, path)


def _heat_map(axes, rows, colours, title):
    axes.set(xlabel="batch size", ylabel="lr", title=title)
    if not rows:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "not tried", ha="center", va="center")
        return
    lrs = sorted({row["lr"] for row in rows})
    sizes = sorted({row["batch_size"] for row in rows})
    best = np.full((len(lrs), len(sizes)), np.nan)
    for row in rows:
        place = lrs.index(row["lr"]), sizes.index(row["batch_size"])
        best[place] = np.fmax(best[place], 100 * row[SCORE])
    axes.imshow(best, **colours, aspect="auto", origin="lower")
    middle = np.mean(list(colours.values()))
    for (y, x), value in np.ndenumerate(best):
        if np.isfinite(value):
            colour = "white" if value < middle else "black"
            axes.text(x, y, f"{value:.1f}", ha="center", va="center", color=colour)
    axes.set_xticks(range(len(sizes)), map(shown, sizes))
    axes.set_yticks(range(len(lrs)), map(shown, lrs))


def _against(axes, rows, name, title):
    settings = sorted({row[name] for row in rows})
    places = range(len(settings))
    found = [
        [100 * row[SCORE] for row in rows if row[name] == setting] for setting in settings
    ]
    for x, values in zip(places, found, strict=True):
        axes.plot([x] * len(values), values, "o", color=plots.OURS, alpha=0.3, markersize=3)
    # A line through one place shows by its marker only.
    one = "_" if len(settings) == 1 else ""
    best = [max(values) for values in found]
    axes.plot(places, best, f"-{one}", color=plots.OURS, markersize=14, label="best")
    middles = [np.median(values) for values in found]
    label = "median over all else"
    axes.plot(places, middles, f"--{one}", color=plots.OURS, markersize=14, label=label)
    axes.set_xticks(places, map(shown, settings))
    axes.set(xlabel=name, ylabel="accuracy (%)", title=title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
