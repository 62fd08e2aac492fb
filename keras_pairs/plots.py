"""Every picture of the project, as PNG files without a display."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from keras_pairs.files import atomic_write

OURS, PAPER = "tab:blue", "tab:orange"


def plot_history(history, title, path):
    """Draws loss and accuracy over the epochs.

    Args:
      history: dict of float arrays [epochs, 1], see `training.Trained`.
      title: str.
      path: file to write (.png).
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    epochs = np.arange(1, len(history["loss"]) + 1)
    curves = (
        (left, "loss", "Eq. (1)", "tab:blue"),
        (right, "comparison_accuracy", "comparison", "tab:blue"),
        (right, "first_digit_accuracy", "first digit", "tab:green"),
        (right, "second_digit_accuracy", "second digit", "tab:red"),
    )
    for axes, key, label, colour in curves:
        scale = 100 if "accuracy" in key else 1
        for prefix, style, kind in (("", ":", "training"), ("val_", "-", "validation")):
            if prefix + key in history:
                values = scale * history[prefix + key][:, 0]
                axes.plot(epochs, values, style, color=colour, label=f"{label}, {kind}")
    left.set(xlabel="epoch", ylabel="total loss", title="Loss, Eq. (1)")
    right.set(xlabel="epoch", ylabel="accuracy (%)", title="Accuracy")
    right.set_ylim(top=101)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    figure.suptitle(title)
    _save(figure, path)


def plot_table(rows, title, path):
    """Draws each configuration's rounds beside the paper's mean ± std.

    Args:
      rows: list of dicts: label (str), accuracies (percents, one per round), paper_mean
        and paper_std (percent, or None where the paper has no such row).
      title: str.
      path: file to write (.png).
    """
    figure, axes = plt.subplots(figsize=(2.2 + 1.15 * len(rows), 5), layout="constrained")
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
        if row["paper_mean"] is not None:
            axes.errorbar(
                x + 0.2,
                row["paper_mean"],
                row["paper_std"],
                fmt="D",
                color=PAPER,
                capsize=4,
                label="the paper's mean ± std" if x == 0 else None,
            )
    axes.set_xticks(range(len(rows)), [row["label"] for row in rows])
    axes.set(ylabel="test accuracy of the comparison (%)", title=title)
    axes.grid(axis="y", alpha=0.3)
    axes.legend()
    _save(figure, path)


def _save(figure, path):
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=120)
    plt.close(figure)
