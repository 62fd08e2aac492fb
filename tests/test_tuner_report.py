"""What matters in a grid, and `python -m tuner.report`."""

import csv
import itertools

import numpy as np
import pytest

from keras_pairs import files
from tests import helpers, searches
from tests.searches import GRID
from tuner import importance, looking, plots, reporting
from tuner.space import Grid

AXES = {"trunk": ("padded", "paper"), "lr": (0.01, 0.001, 0.1), "nb_f": (8,), "x": (1, 2)}


def points(axes=AXES):
    return [dict(zip(axes, v, strict=True)) for v in itertools.product(*axes.values())]


def score(point):
    trunk, x = point["trunk"] == "paper", point["x"] == 2
    return (
        0.5
        + 0.2 * trunk
        + {0.001: 0, 0.01: 0.3, 0.1: 0.1}[point["lr"]]
        + 0.1 * (x and trunk)
    )


def test_on_a_whole_grid_shares_are_the_variances_by_definition():
    found = importance.analyse(AXES, [(point, score(point)) for point in points()])
    scores = np.array([score(point) for point in points()]).reshape(2, 3, 2)
    # trunk and x interact; lr is by itself.
    total = scores.var()
    assert found.main["trunk"] == pytest.approx(0.125**2 / total)
    assert found.main["x"] == pytest.approx(0.025**2 / total)
    assert found.main["lr"] == pytest.approx(np.var([0, 0.3, 0.1]) / total)
    assert found.pairs["trunk", "x"] == pytest.approx(0.025**2 / total)
    assert found.pairs["trunk", "lr"] == pytest.approx(0, abs=1e-12)
    assert sum(found.main.values()) + sum(found.pairs.values()) == pytest.approx(1)
    assert found.forest_r2 is None and "exact" in found.method()
    # Values ascend, and the order of the names is that of the dimensions.
    assert found.axes["lr"] == (0.001, 0.01, 0.1) and "nb_f" not in found.axes
    assert found.means("lr") == pytest.approx([0.625, 0.925, 0.725])
    assert found.means("x", "trunk").shape == (2, 2)
    assert found.means("x", "trunk")[1] == pytest.approx([0.5 + 0.4 / 3, 0.8 + 0.4 / 3])


def test_missing_points_are_predicted_and_the_method_says_so():
    axes = {"a": tuple(range(6)), "b": tuple(range(6)), "c": (0, 1)}
    every = [(point, point["a"] / 5 + point["b"] / 50) for point in points(axes)]
    some = np.random.default_rng(0).permutation(len(every))[:40]
    found = importance.analyse(axes, [every[i] for i in some])
    exact = importance.analyse(axes, every)
    assert found.known == 40 and found.scores.shape == (6, 6, 2)
    for i in some:
        point, given = every[i]
        assert found.scores[tuple(point.values())] == given
    assert found.main["a"] == pytest.approx(exact.main["a"], abs=0.05)
    assert found.forest_r2 > 0.8
    assert "40 of 72 points have completed" in found.method()
    assert "random forest" in found.method() and "exact" not in found.method()
    again = importance.analyse(axes, [every[i] for i in some])
    assert again.main == found.main


def test_a_forest_that_knows_nothing_is_called_a_guess():
    axes = {"a": tuple(range(6)), "b": tuple(range(6))}
    noise = np.random.default_rng(0).normal(size=36)
    scored = list(zip(points(axes), noise, strict=True))[:20]
    assert "a guess" in importance.analyse(axes, scored).method()


@pytest.mark.parametrize("count", [0, 1, 7])
def test_of_few_points_nothing_is_said(count):
    scored = [(point, score(point)) for point in points()]
    assert importance.analyse(AXES, scored[:count]) is None
    assert importance.analyse(AXES, [(point, 0.5) for point in points()]) is None
    assert importance.analyse({"lr": (0.1,)}, [({"lr": 0.1}, 0.5)]) is None


@pytest.fixture
def searched(digits, tmp_path, monkeypatch):
    """A function that makes or goes on with a search whose trainings are fakes."""
    monkeypatch.setattr("keras_pairs.training.fit.fit", searches.train_nothing)

    def search(max_trials=None, grid=GRID, name="grid"):
        searches.run(tmp_path / name, digits, grid, max_trials)
        return tmp_path / name

    return search


def report(folder, *arguments):
    done = helpers.call("report", f"--run_dir={folder}", *arguments)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


FILES = {"report.md", "origin.json", "results.csv", "results.png", "curves.png"}
MATTERS = {"importance.csv", "importance.png", "interactions.png"}


def names(folder):
    return {path.name for path in folder.iterdir() if path.is_file()}


def test_a_search_of_one_point_has_a_label_for_its_curve(searched, tmp_path, monkeypatch):
    folder, drawn = searched(grid=Grid({"lr": (0.01,)}, searches.BASE)), []
    monkeypatch.setattr(plots, "plot_curves", lambda curves, *_: drawn.extend(curves))
    reporting.write(looking.read(folder), tmp_path)
    ((label, _),) = drawn
    assert label == "61.0 %: nb_f=4 batch_size=20 lr=0.01 w_a=1"


def test_a_report_on_a_finished_search_then_on_one_that_was_stopped(searched):
    folder = searched(4)

    def trials():
        paths = [path for path in folder.rglob("*") if "report" not in path.parts]
        return {path: path.is_file() and path.read_bytes() for path in paths}

    before = trials()
    text = report(folder)
    assert trials() == before
    assert names(folder / "report") == FILES
    origin = files.read_json(folder / "report" / "origin.json")
    assert (origin["points"], origin["completed"], origin["failed"]) == (8, 4, 0)
    record = files.read_json(folder / "search.json")
    assert record.pop("source") and record.items() <= origin.items()
    assert "source" not in origin and origin["commit"] == files.provenance()["commit"]
    assert "4 of 8 trials" in text and "Too few trials" in text
    assert text.count("\n|  000") == 4
    searched()
    text = report(folder)
    assert names(folder / "report") == FILES | MATTERS
    assert text.startswith((folder / "report" / "report.md").read_text())
    assert "finished" in text and "All 8 points have completed" in text
    # What the fake trainings depend on: lr by 0.009 and w_a by 0.1.
    with open(folder / "report" / "importance.csv", newline="") as file:
        shares = {row["axis"]: float(row["share"]) for row in csv.DictReader(file)}
    whole = 0.009**2 + 0.1**2
    assert shares["w_a"] == pytest.approx(0.1**2 / whole, abs=1e-3)
    assert shares["lr"] == pytest.approx(0.009**2 / whole, abs=1e-3)
    assert shares["batch_size × lr"] == 0 == shares["three axes and more"]
    for name in names(folder / "report"):
        assert (folder / "report" / name).stat().st_size > 100


def test_hparams_are_in_the_report(searched):
    pytest.importorskip("tensorboard")
    folder = searched()
    report(folder)
    assert len(list((folder / "report" / "hparams").glob("0*/events*"))) == 8


def test_a_search_without_curves_has_a_report(searched, tmp_path):
    folder = searched()
    for path in folder.glob("trial_*/history.csv"):
        path.unlink()
    text = report(folder, f"--output={tmp_path}/elsewhere")
    assert "kept no learning curves" in text and not (folder / "report").exists()
    assert names(tmp_path / "elsewhere") == FILES - {"curves.png"} | MATTERS


def test_a_search_that_has_completed_nothing_has_a_report(searched):
    folder = searched(1)
    path = folder / "trial_0000" / "trial.json"
    files.write_json(
        path, files.read_json(path) | {"status": "FAILED", "message": "bad luck"}
    )
    text = report(folder)
    assert names(folder / "report") == {"report.md", "origin.json", "results.csv"}
    assert "## Failed" in text and "bad luck" in text
    path.unlink()
    assert "0 of 8 trials" in reporting.write(looking.read(folder), folder / "report")


def test_equal_scores_are_called_tied(searched):
    """The fake trainings do not see the batch size."""
    text = report(searched())
    assert "w_a=1, tied with 1 other" in text
    assert "Trial 0000 is tied with 1 other; the first of them is taken." in text
    (line,) = [line for line in text.splitlines() if line.startswith("best so far:")]
    assert "trial 0001" in line


def test_bad_flags_are_one_line(searched, tmp_path):
    folder = searched(1)
    same = helpers.call(
        "report", f"--run_dir={folder}", f"--output={folder}/../{folder.name}"
    )
    helpers.assert_one_line(same, 2, "another folder than --run_dir")
    helpers.assert_one_line(helpers.call("report"), 2, "--run_dir is missing")
    theirs = tmp_path / "project"
    (theirs / "hparams").mkdir(parents=True)
    (theirs / "main.py").touch()
    for wrong in (theirs, searched(1, name="another")):
        before = names(wrong)
        done = helpers.call("report", f"--run_dir={folder}", f"--output={wrong}")
        helpers.assert_one_line(done, 1, "something else than a report; use a new --output")
        assert names(wrong) == before
    nothing = helpers.call("report", f"--run_dir={tmp_path}/none")
    helpers.assert_one_line(nothing, 1, "none: no such folder")
    assert not (tmp_path / "none").exists() and not (folder / "report").exists()
