"""The picture of a search."""

import numpy as np

from keras_pairs import plots


def plot_search(rows, title, path):
    """Draws a search: accuracy over lr and batch size, and against w_a, for each nb_f.

    Args:
      rows: list of dicts with nb_f, lr, batch_size, w_a, status and, where that is
        "COMPLETED", val_comparison_accuracy in [0, 1].
      title: str.
      path: file to write (.png).
    """
    rows = [row for row in rows if row["status"] == "COMPLETED"]
    widths = sorted({row["nb_f"] for row in rows})
    figure, grid = plots.subplots(
        len(widths),
        3,
        figsize=(14, 1 + 3.6 * len(widths)),
        squeeze=False,
        width_ratios=(1, 1, 1.2),
    )
    accuracies = [100 * row["val_comparison_accuracy"] for row in rows]
    # Where all are equal the colours still need a range.
    colours = {"vmin": min(accuracies), "vmax": max(max(accuracies), min(accuracies) + 1)}
    for axes, nb_f in zip(grid, widths, strict=True):
        own = [row for row in rows if row["nb_f"] == nb_f]
        without = [row for row in own if row["w_a"] == 0]
        _heat_map(axes[0], without, colours, f"nb_f={nb_f:g}, w_a = 0")
        best = f"nb_f={nb_f:g}, best over w_a > 0"
        _heat_map(axes[1], [row for row in own if row["w_a"] > 0], colours, best)
        _against_w_a(axes[2], own, f"nb_f={nb_f:g}")
    figure.suptitle(f"Validation accuracy of the comparison (%), {title}")
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
        best[place] = np.fmax(best[place], 100 * row["val_comparison_accuracy"])
    axes.imshow(best, **colours, aspect="auto", origin="lower")
    middle = np.mean(list(colours.values()))
    for (y, x), value in np.ndenumerate(best):
        if np.isfinite(value):
            colour = "white" if value < middle else "black"
            axes.text(x, y, f"{value:.1f}", ha="center", va="center", color=colour)
    axes.set_xticks(range(len(sizes)), [f"{size:g}" for size in sizes])
    axes.set_yticks(range(len(lrs)), [f"{lr:g}" for lr in lrs])


def _against_w_a(axes, rows, title):
    w_as = sorted({row["w_a"] for row in rows})
    places = range(len(w_as))
    found = [
        [100 * row["val_comparison_accuracy"] for row in rows if row["w_a"] == w_a]
        for w_a in w_as
    ]
    for x, values in zip(places, found, strict=True):
        axes.plot([x] * len(values), values, "o", color=plots.OURS, alpha=0.3, markersize=3)
    # A line through one place shows by its marker only.
    one = "_" if len(w_as) == 1 else ""
    best = [max(values) for values in found]
    axes.plot(places, best, f"-{one}", color=plots.OURS, markersize=14, label="best")
    middles = [np.median(values) for values in found]
    label = "median over lr and batch size"
    axes.plot(places, middles, f"--{one}", color=plots.OURS, markersize=14, label=label)
    axes.set_xticks(places, [f"{w_a:g}" for w_a in w_as])
    axes.set(xlabel="w_a", ylabel="accuracy (%)", title=title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
