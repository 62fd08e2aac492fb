"""The picture of a study."""

import numpy as np

from keras_pairs.plots import OURS, PAPER, save, subplots


def plot_sharing(found, path):
    """Draws accuracy over nb_f, with and without weight sharing and auxiliary loss.

    Args:
      found: dict: (nb_f, w_a, weight_sharing) → dict with mean_of_all and std_of_all.
      path: file to write (.png).
    """
    figure, axes = subplots(figsize=(7, 5))
    widths = sorted({nb_f for nb_f, _, _ in found})
    places = np.arange(len(widths))
    lines = sorted({(shares, w_a) for _, w_a, shares in found})
    for i, (shares, w_a) in enumerate(lines):
        rows = [found[nb_f, w_a, shares] for nb_f in widths]
        axes.errorbar(
            places + 0.04 * (i - 1.5),
            [row["mean_of_all"] for row in rows],
            [row["std_of_all"] for row in rows],
            fmt="o-" if w_a else "s--",
            color=PAPER if shares else OURS,
            capsize=4,
            label=f"{'weight sharing' if shares else 'no sharing'}, w_a = {w_a:g}",
        )
    axes.set_xticks(places, widths)
    axes.set(xlabel="nb_f", ylabel="test accuracy of the comparison (%)")
    rounds = next(iter(found.values()))["rounds"]
    axes.set_title(f"Weight sharing and auxiliary loss, mean ± std of {rounds} rounds")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2)
    save(figure, path)
