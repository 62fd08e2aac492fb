"""How often and on how many pairs a search validates, and what it says of that."""

import warnings

import numpy as np
import pytest

from keras_pairs.data import load_images, sample_pairs
from keras_pairs.training import fit
from tests import searches
from tests.searches import BASE
from tuner import curves, looking, plots, reporting
from tuner.population import load
from tuner.space import BEST_SCORE, SCORE, Grid

GRID = Grid({"lr": (0.01, 0.001), "w_a": (0.0, 1.0)}, BASE)
# Of 400 training images, what 60 training pairs leave.
HELD_OUT = (400 - 2 * 60) // 2


@pytest.fixture(scope="module")
def images(npz):
    """Random images, more than the pairs need."""
    return load_images("mnist", npz)


@pytest.fixture(scope="module")
def searched(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("search") / "grid"
    return folder, *searches.run(folder, images, GRID)


def test_the_last_epoch_is_scored_on_all_held_out_pairs(searched, images):
    folder, _, rows = searched
    assert {row["validation_pairs"] for row in rows} == {HELD_OUT}
    pairs = sample_pairs(images, 60, BASE.seed, "validation").validation
    assert len(pairs) == HELD_OUT
    best = max(rows, key=lambda row: row[SCORE])
    (model,) = load(folder).get_best_models()
    says = model.predict(pairs.images, verbose=0)["comparison"][:, 0] > 0.5
    assert np.mean(says == pairs.target.astype(bool)) == pytest.approx(best[SCORE])
    for row in rows:
        assert row[BEST_SCORE] == row[SCORE] and row["best_epoch"] == BASE.epochs
        curve = curves.read(folder / f"trial_{row['trial']}")
        for name in curves.COLUMNS:
            validated = np.isfinite(curve[name])
            assert list(validated) == [not name.startswith("val_"), True]
        assert curve[SCORE][-1] == pytest.approx(row[SCORE], rel=1e-4)


def test_tables_and_report_say_on_how_many_pairs_and_show_no_best_epoch(searched, tmp_path):
    folder, _, _ = searched
    text = (folder / "results.md").read_text()
    assert f"the last epoch's accuracy on {HELD_OUT} validation pairs;" in text
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = reporting.write(looking.read(folder), tmp_path)
    assert "best epoch" not in text + report and "learning curves of the best" in report
    assert (tmp_path / "curves.png").stat().st_size > 10000
    assert "best so far" in looking.describe(looking.read(folder))


def test_every_second_epoch_is_the_same_search_seen_more_often(
    searched, images, tmp_path, monkeypatch
):
    asked = []
    real = fit.fit
    monkeypatch.setattr(
        fit, "fit", lambda *args, **options: asked.append(options) or real(*args, **options)
    )
    _, rows = searches.run(tmp_path / "grid", images, GRID, validate_every=1)
    assert asked[0]["validate_every"] == 1
    assert [row[SCORE] for row in rows] == [row[SCORE] for row in searched[2]]
    for row in rows:
        curve = curves.read(tmp_path / "grid" / f"trial_{row['trial']}")
        assert np.isfinite(curve[SCORE]).all()
        assert row[BEST_SCORE] == pytest.approx(max(curve[SCORE]), rel=1e-4)
    assert "best epoch (%)" in (tmp_path / "grid" / "results.md").read_text()


def test_the_papers_protocol_has_as_many_test_pairs_as_training_pairs(
    images, tmp_path, no_training
):
    _, rows = searches.run(tmp_path / "grid", images, GRID, validation="test")
    assert {row["validation_pairs"] for row in rows} == {60}


def test_curves_of_few_points_are_drawn(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plots.plots, "save", lambda figure, path: drawn.append(figure))
    nan = float("nan")
    curve = dict.fromkeys(curves.COLUMNS, [0.5, 0.4, 0.3, 0.2])
    curve |= {"val_loss": [nan, 0.6, nan, 0.5], SCORE: [nan, nan, nan, 0.9]}
    plots.plot_curves([("one", curve)], "few", tmp_path / "curves.png")
    left, right = drawn[0].axes
    (training, validation), (_, last) = left.lines, right.lines
    assert list(training.get_xdata()) == [1, 2, 3, 4] and training.get_marker() == "None"
    assert list(validation.get_xdata()) == [2, 4] and validation.get_marker() == "."
    assert last.get_xydata().tolist() == [[4, 90]] and last.get_marker() == "."
