"""Every picture of the project, as PNG files without a display."""

import numpy as np
from matplotlib.figure import Figure

from keras_pairs.files import atomic_write
from keras_pairs.outputs import names

OURS, PAPER, BAD = "tab:blue", "tab:orange", "tab:red"


def plot_history(history, title, path):
    """Draws loss and accuracy over the epochs.

    Args:
      history: dict of float arrays [epochs, 1], see `training.fit.Trained`.
      title: str.
      path: file to write (.png).
    """
    figure, (left, right) = subplots(1, 2, figsize=(11, 4))
    curves = (
        (left, "loss", "Eq. (1)", "C0"),
        *(
            (right, f"{name}_accuracy", name.replace("_", " "), f"C{i}")
            for i, name in enumerate(names())
        ),
    )
    for axes, key, label, colour in curves:
        scale = 100 if "accuracy" in key else 1
        for prefix, style, kind in (("", ":", "training"), ("val_", "-", "validation")):
            if prefix + key in history:
                values = scale * history[prefix + key][:, 0]
                curve(axes, values, style, color=colour, label=f"{label}, {kind}")
    left.set(xlabel="epoch", ylabel="total loss", title="Loss, Eq. (1)")
    right.set(xlabel="epoch", ylabel="accuracy (%)", title="Accuracy")
    right.set_ylim(top=101)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    figure.suptitle(plain(title))
    save(figure, path)


def plot_table(rows, title, path):
    """Draws each configuration's rounds beside the paper's mean ± std.

    Args:
      rows: list of dicts: label (str), accuracies (percents, one per round), paper_mean
        and paper_std (percent, or None where the paper has no such row).
      title: str.
      path: file to write (.png).
    """
    figure, axes = subplots(figsize=(2.2 + 1.15 * len(rows), 5))
    for x, row in enumerate(rows):
        values = np.asarray(row["accuracies"])
        spread = np.linspace(-0.08, 0.08, len(values))
        axes.plot(x - 0.17 + spread, values, "o", color=OURS, alpha=0.45, markersize=4)
        axes.errorbar(
            x - 0.17,
            values.mean(),
            values.std(ddof=1),
            fmt="_",
            color=OURS,
            markersize=18,
            capsize=4,
            label="ours: each round, mean ± std" if x == 0 else None,
        )
    known = [x for x, row in enumerate(rows) if row["paper_mean"] is not None]
    if known:
        axes.errorbar(
            np.add(known, 0.2),
            [rows[x]["paper_mean"] for x in known],
            [rows[x]["paper_std"] for x in known],
            fmt="D",
            color=PAPER,
            capsize=4,
            label="the paper's mean ± std",
        )
    axes.set_xticks(range(len(rows)), [plain(row["label"]) for row in rows])
    axes.set(ylabel="test accuracy of the comparison (%)", title=plain(title))
    axes.grid(axis="y", alpha=0.3)
    axes.legend()
    save(figure, path)


def plot_pairs(cells, title, path):
    """Draws pairs of digits with a line or two below each.

    Args:
      cells: list of (images [2, 14, 14] of 0…255, caption, whether the answer is right).
      title: str.
      path: file to write (.png).
    """
    columns = 8
    rows = max(1, -(-len(cells) // columns))
    figure, grid = subplots(
        rows,
        columns,
        figsize=(1.75 * columns, 0.5 + 1.25 * rows),
        squeeze=False,
    )
    for axes in grid.flat[len(cells) :]:
        axes.axis("off")
    for axes, (images, caption, right) in zip(grid.flat, cells, strict=False):
        both = np.full((14, 30), 255.0)
        both[:, :14], both[:, 16:] = 255 - np.asarray(images)
        axes.imshow(both, cmap="gray", vmin=0, vmax=255)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color("lightgrey")
        axes.set_xlabel(caption, fontsize=9, color=OURS if right else BAD)
    figure.suptitle(plain(title))
    save(figure, path)


def plot_reliability(rows, title, path):
    """Draws how often the answer was yes against the probability given for it.

    Args:
      rows: list of dicts: label (str), reliability (see `scoring.reliability`) and
        calibration_error (percent).
      title: str.
      path: file to write (.png).
    """
    figure, (axes, below) = subplots(
        2, 1, figsize=(6, 7), sharex=True, height_ratios=(3, 1)
    )
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", label="perfect")
    for row in rows:
        count, predicted, observed = (
            np.asarray(row["reliability"][key])
            for key in ("count", "predicted", "observed")
        )
        some = count > 0
        label = plain(row["label"]).replace("\n", ", ")
        label += f" (error {row['calibration_error']:.1f} %)"
        x, y = predicted[some] / count[some], observed[some] / count[some]
        (line,) = axes.plot(x, y, "o-", markersize=4, label=label)
        share = 100 * count / count.sum()
        edges = np.linspace(0, 1, len(count) + 1)
        below.stairs(share, edges, color=line.get_color())
    axes.set(ylabel="how often the first was <= the second", title=plain(title))
    below.set(xlabel="predicted probability of <=", ylabel="pairs (%)", yscale="log")
    for each in (axes, below):
        each.grid(alpha=0.3)
    axes.legend(fontsize="small")
    save(figure, path)


def curve(axes, values, style, **options):
    """Draws values over the epochs, which count from 1; NaN where nothing was measured."""
    values = np.asarray(values)
    epochs = np.flatnonzero(~np.isnan(values))
    # A line through one point shows by its marker only.
    marker = "." if len(epochs) < len(values) else None
    axes.plot(epochs + 1, values[epochs], style, marker=marker, **options)
    axes.xaxis.get_major_locator().set_params(integer=True)


def subplots(*shape, figsize, **options):
    """As `matplotlib.pyplot.subplots`, but without pyplot and its choice of a display.

    A notebook that imports this project keeps its inline pictures.
    """
    figure = Figure(figsize, layout="constrained")
    return figure, figure.subplots(*shape, **options)


def plain(text):
    """Text from outside for a title or label: a $ in it starts no formula."""
    return str(text).replace("$", r"\$")


def save(figure, path):
    """Writes a picture, atomically."""
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=120)
