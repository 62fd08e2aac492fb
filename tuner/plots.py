"""The pictures of a search."""

import numpy as np

from keras_pairs import plots
from keras_pairs.commands.flags import shown
from keras_pairs.outputs import names as output_names
from keras_pairs.paper import GRID
from tuner.space import SCORE

# Of the pairs of axes, those that matter most.
PAIRS = 6


def plot_search(rows, names, title, path):
    """Draws a search, for each nb_f: accuracy over lr and batch size, and against the rest.

    Args:
      rows: list of dicts, `rows.completed_of`, with the grid's axes and `space.SCORE`.
      names: names of the grid's axes.
      title: str.
      path: file to write (.png).
    """
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
    figure.suptitle(f"Accuracy of {output_names()[0]} (%), {plots.plain(title)}")
    plots.save(figure, path)


def plot_curves(curves, title, path):
    """Draws learning curves: training dotted, validation in full.

    Args:
      curves: list of (label, dict by `curves.COLUMNS` of floats, one for each epoch; NaN
        where it was not validated).
      title: str.
      path: file to write (.png).
    """
    figure, (left, right) = plots.subplots(1, 2, figsize=(14, 5.5))
    for number, (label, curve) in enumerate(curves):
        loss, accuracy, val_loss, val_accuracy = curve.values()
        style = {"color": f"C{number % 10}", "linewidth": 1}
        for axes, scale, training, validation in (
            (left, 1, loss, val_loss),
            (right, 100, accuracy, val_accuracy),
        ):
            plots.curve(axes, scale * np.array(training), ":", **style)
            plots.curve(axes, scale * np.array(validation), "-", **style, label=label)
    left.set(xlabel="epoch", ylabel="total loss, Eq. (1)", title="Loss")
    right.set(xlabel="epoch", ylabel="accuracy (%)", title=output_names()[0].capitalize())
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.suptitle(f"{plots.plain(title)}: training dotted, validation in full")
    plots.save(figure, path)


def plot_importance(found, title, path):
    """Draws the shares of axes and pairs of axes, the largest above.

    Args:
      found: `importance.Importance`.
      title: str.
      path: file to write (.png).
    """
    pairs = sorted(found.pairs.items(), key=lambda item: -item[1])[:PAIRS]
    bars = sorted(found.main.items(), key=lambda item: -item[1])
    bars = [(name, share, plots.OURS) for name, share in bars]
    bars += [(" × ".join(names), share, plots.PAPER) for names, share in pairs]
    figure, axes = plots.subplots(figsize=(8, 1.2 + 0.35 * len(bars)))
    names, shares, colours = zip(*bars, strict=True)
    drawn = axes.barh(names, 100 * np.array(shares), color=colours)
    axes.bar_label(drawn, fmt="%.1f", padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set(xlabel="share of the accuracy's variance (%)", title=plots.plain(title))
    plots.save(figure, path)


def plot_interactions(found, title, path):
    """Draws, for pairs of axes, the mean accuracy over all else.

    Args:
      found: `importance.Importance` of two axes or more.
      title: str.
      path: file to write (.png).
    """
    pairs = sorted(found.pairs, key=lambda names: -found.pairs[names])[:PAIRS]
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    figsize = (1 + 5 * columns, 1 + 4 * rows)
    figure, grid = plots.subplots(rows, columns, figsize=figsize, squeeze=False)
    for axes in grid.flat[len(pairs) :]:
        axes.axis("off")
    for axes, names in zip(grid.flat, pairs, strict=False):
        means = 100 * found.means(*names)
        colours = {"vmin": means.min(), "vmax": max(means.max(), means.min() + 0.1)}
        share = f"{' × '.join(names)}: {100 * found.pairs[names]:.1f} %"
        axes.set(ylabel=names[0], xlabel=names[1], title=share)
        _map(axes, means, colours, *(found.axes[name] for name in names))
    figure.suptitle(plots.plain(title))
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
    _map(axes, best, colours, lrs, sizes)


def _map(axes, values, colours, rows, columns):
    axes.imshow(values, **colours, aspect="auto", origin="lower")
    middle = np.mean(list(colours.values()))
    size = 10 if len(columns) < 9 else 7
    for (y, x), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if value < middle else "black"
            style = {"ha": "center", "va": "center", "color": colour, "fontsize": size}
            axes.text(x, y, f"{value:.1f}", **style)
    axes.set_xticks(range(len(columns)), map(shown, columns))
    axes.set_yticks(range(len(rows)), map(shown, rows))


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
