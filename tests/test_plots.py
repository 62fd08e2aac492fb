"""Pictures of trainings, figure by figure."""

import numpy as np

from keras_pairs import outputs, plots
from tuner import importance
from tuner import plots as search_plots


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


def test_a_dollar_in_a_name_begins_no_formula(tmp_path):
    """Matplotlib cannot set the formula that this one would begin."""
    name, path = "my$_$digits", tmp_path / "picture.png"
    curve = {key: np.array([3, 4]) for key in ("count", "predicted", "observed")}
    row = {"label": name, "accuracies": [80.0, 81.0], "paper_mean": None}
    row |= {"reliability": curve, "calibration_error": 1.0}
    history = {"loss": np.ones((4, 1)), "comparison_accuracy": np.ones((4, 1))}
    point = {"nb_f": 8, "lr": 0.01, "batch_size": 50, "w_a": 0.0, outputs.SCORE: 0.8}
    point["status"] = "COMPLETED"
    scored = [({"lr": i, "w_a": j}, i + j / 2) for i in (0, 1) for j in (0, 1)]
    found = importance.analyse({"lr": (0, 1), "w_a": (0, 1)}, scored)
    for draw, *given in (
        (plots.plot_history, history),
        (plots.plot_table, [row]),
        (plots.plot_reliability, [row]),
        (plots.plot_pairs, []),
        (search_plots.plot_search, [point], ["nb_f"]),
        (search_plots.plot_curves, []),
        (search_plots.plot_importance, found),
        (search_plots.plot_interactions, found),
    ):
        draw(*given, name, path)
        path.unlink()
