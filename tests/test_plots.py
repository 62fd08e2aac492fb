"""Pictures of trainings, figure by figure."""

import numpy as np

from keras_pairs import plots


def test_there_are_no_half_epochs(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plots, "save", lambda figure, path: drawn.append(figure))
    history = {"loss": np.linspace(2, 1, 4)[:, None]}
    history["comparison_accuracy"] = np.linspace(0.5, 0.9, 4)[:, None]
    plots.plot_history(history, "four epochs", tmp_path / "history.png")
    drawn[0].canvas.draw()
    for axes in drawn[0].axes:
        low, high = axes.get_xlim()
        ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
        assert ticks == [1, 2, 3, 4]
