"""Trials trained as populations, and keras-tuner's own API on what they leave."""

import contextlib
import dataclasses
import os
import warnings

import numpy as np
import pytest

from keras_pairs import files
from keras_pairs.data import sample_pairs
from keras_pairs.errors import UserError
from keras_pairs.serving import card
from keras_pairs.training import fit
from keras_pairs.training.run import load_run
from tests.searches import AXES, BASE, GRID, describe, run
from tuner import agreement, curves, hparams, plots, results
from tuner import rows as rows_
from tuner.oracle import OBJECTIVE
from tuner.parts import make_tuner
from tuner.population import load
from tuner.progress import SearchProgress
from tuner.space import Grid


def snapshot(folder):
    """Every path below a folder with its time and bytes."""
    return {
        path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes())
        for path in [folder, *folder.rglob("*")]
    }


@pytest.fixture(scope="module")
def pairs(digits):
    """The pairs of the searches here."""
    return sample_pairs(digits, 60, seed=1)


@pytest.fixture(scope="module")
def searched(tmp_path_factory, digits):
    folder = tmp_path_factory.mktemp("search") / "grid"
    return folder, *run(folder, digits, keep_models=2, validate_every=1)


@pytest.fixture(scope="module")
def history(pairs):
    """Of the second population, trained by itself."""
    return fit.fit(GRID.configs[4:], pairs).history


def test_trials_are_trainings_of_their_points(searched, history):
    _, _, rows = searched
    assert [row["status"] for row in rows] == ["COMPLETED"] * 8
    for k, row in enumerate(rows[4:]):
        for name in ("val_comparison_accuracy", "val_loss", "loss"):
            assert row[name] == pytest.approx(history[name][-1, k], rel=1e-6)
        best = history["val_comparison_accuracy"][:, k]
        assert row["best_val_comparison_accuracy"] == pytest.approx(best.max())
        assert row["best_epoch"] == best.argmax() + 1
    assert len({row["loss"] for row in rows}) == 8


def test_each_trial_keeps_its_curve(searched, history):
    folder, _, rows = searched
    for k, row in enumerate(rows[4:]):
        curve = curves.read(folder / f"trial_{row['trial']}")
        assert list(curve) == [
            *("loss", "comparison_accuracy", "val_loss", "val_comparison_accuracy")
        ]
        for name, values in curve.items():
            assert values == pytest.approx(history[name][:, k], rel=1e-4)
        assert curve["val_loss"][-1] == pytest.approx(row["val_loss"], rel=1e-4)


def test_keras_tuners_api_works_in_a_plain_session(searched, pairs, capsys):
    folder, _, rows = searched
    tuner = load(folder)
    tuner.results_summary(3)
    assert OBJECTIVE.name in capsys.readouterr().out
    best = max(rows, key=lambda row: row["val_comparison_accuracy"])
    (values,) = tuner.get_best_hyperparameters()
    assert all(values.get(name) == best[name] for name in ("lr", "batch_size", "w_a"))
    assert tuner.remaining_trials is None
    (model,) = tuner.get_best_models()
    assert {type(layer).__module__.partition(".")[0] for layer in model.layers} == {"keras"}
    says = model.predict(pairs.validation.images, verbose=0)["comparison"][:, 0] > 0.5
    right = says == pairs.validation.target.astype(bool)
    assert right.mean() == pytest.approx(best["val_comparison_accuracy"])
    with pytest.raises(ValueError, match="keeps no model.*best 2 of"):
        tuner.get_best_models(8)
    assert len(list(folder.glob("*/model.keras"))) == 2


@pytest.mark.parametrize("given", [("ORACLE_IP",), ("ORACLE_IP", "ORACLE_PORT"), ()])
def test_a_search_is_looked_at_in_a_workers_shell(searched, monkeypatch, given):
    """Whatever of keras-tuner's variables is set or empty, nobody is waited for."""
    for name in ("ORACLE_IP", "ORACLE_PORT", "TUNER_ID"):
        value = "10.255.255.1" if name in given else ""
        monkeypatch.setenv(f"KERASTUNER_{name}", value)
    tuner = load(searched[0])
    assert len(tuner.get_best_hyperparameters(3)) == 3 and tuner.oracle.trials
    assert os.environ["KERASTUNER_TUNER_ID"] == ""


def look_at(folder):
    tuner = load(folder)
    tuner.results_summary()
    tuner.get_best_hyperparameters(8)
    for trial in tuner.oracle.trials.values():
        # Where none is kept, and where what is kept is no model.
        with contextlib.suppress(ValueError):
            tuner.load_model(trial)
    tuner.save()
    with pytest.raises(UserError, match=f"tuner.search --run_dir={folder}"):
        tuner.search()


@pytest.mark.parametrize("keep_models", [1, 6])
def test_looking_changes_no_byte(digits, tmp_path, no_training, keep_models):
    folder = tmp_path / "grid"
    run(folder, digits, keep_models=keep_models)
    assert len(list(folder.glob("*/model.keras"))) == keep_models
    # While a search runs there may be more models than stay in the end.
    (folder / "trial_0000" / "model.keras").touch()
    before = snapshot(tmp_path)
    look_at(folder)
    assert snapshot(tmp_path) == before


def test_looking_at_real_models_changes_no_byte(searched):
    before = snapshot(searched[0])
    look_at(searched[0])
    assert snapshot(searched[0]) == before


def test_no_search_is_one_sentence(tmp_path):
    for place in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(UserError, match=f"{place} holds no search"):
            load(place)
    assert not list(tmp_path.iterdir())


def test_a_kept_model_says_what_made_it(searched, digits):
    folder, _, rows = searched
    kept = list(folder.glob("*/model.keras"))
    assert len(kept) == 2 == len(list(folder.glob("*/metrics.json")))
    for path in kept:
        model, origin = load_run(path.parent)
        (row,) = (row for row in rows if path.parent.name == f"trial_{row['trial']}")
        values = {name: row[name] for name in ("nb_f", "lr", "batch_size", "w_a", "seed")}
        assert origin["config"].items() >= (values | {"dataset": "digits"}).items()
        assert origin["dataset"] == digits.describe()
        accuracy = origin["validation_accuracy"]["comparison"]
        assert accuracy == pytest.approx(row[OBJECTIVE.name])
        text = card.markdown(card.make("name", 1, {}, model.count_params(), origin))
        assert "seed: 1" in text and digits.digest in text and "keras_pairs.train" in text
        assert f"tensorflow: {origin['versions']['tensorflow']}" in text


def test_weight_sharing_can_be_searched(searched, digits, tmp_path):
    base = dataclasses.replace(BASE, weight_sharing=True, batch_size=30)
    axes = {name: values for name, values in AXES.items() if name != "batch_size"}
    _, rows = run(tmp_path / "grid", digits, Grid(axes, base))
    assert {row["status"] for row in rows} == {"COMPLETED"}
    assert rows[0]["loss"] != searched[2][4]["loss"]
    (model,) = load(tmp_path / "grid").get_best_models()
    assert "digit_hidden" in {layer.name for layer in model.layers}
    different = "weight_sharing=true there, false here"
    with pytest.raises(UserError, match=f"another search: {different} "):
        run(tmp_path / "grid", digits, Grid(axes | {"batch_size": (30,)}, BASE))


def test_a_finished_search_trains_nothing_more(searched, digits, monkeypatch):
    folder, _, rows = searched
    monkeypatch.setattr(fit, "fit", None)
    assert run(folder, digits, keep_models=2, validate_every=1)[1] == rows


def test_a_worker_knows_its_search_from_what_the_network_carries(digits, tmp_path):
    grid = Grid(AXES, dataclasses.replace(BASE, label_smoothing=0.05))
    tuner = make_tuner(
        describe(digits, grid), None, tmp_path, SearchProgress(verbose=False)
    )
    trial = tuner.oracle.create_trial("a/0")
    sent = type(trial).from_proto(trial.to_proto())
    agreement.check_search(sent, tuner.grid, tuner.settings)
    for name, value in (
        ("label_smoothing", 0.06),
        ("trunk", "padded"),
        ("one_cycle", True),
    ):
        other = type(trial).from_proto(trial.to_proto())
        other.hyperparameters.values[name] = value
        with pytest.raises(UserError, match=f"the chief runs another search .{name}="):
            agreement.check_search(other, tuner.grid, tuner.settings)


def test_selected_rows_are_the_best_without_and_with_auxiliary_loss():
    accuracies = [0.8, 0.7, 0.8, 0.9, 0.6, 0.95, 0.85, 0.7]
    rows = [
        point | {"trial": i, "status": "COMPLETED", "val_comparison_accuracy": accuracy}
        for i, (point, accuracy) in enumerate(zip(GRID.points, accuracies, strict=True))
    ]
    rows[5]["status"] = "FAILED"
    chosen = rows_.select(rows)
    assert [row["trial"] for row in chosen] == [6, 3]
    assert [rows_.tied(row) for row in chosen] == ["", ""]
    rows[2]["val_comparison_accuracy"] = 0.85
    # The first of equals, among those without auxiliary loss alone.
    rows[1]["val_comparison_accuracy"] = 0.85
    chosen = rows_.select(rows)
    assert [row["trial"] for row in chosen] == [2, 3]
    assert rows_.tied(chosen[0]) == "tied with 1 other"


@pytest.mark.parametrize("w_as", [(0.0,), (1.0,), (0.0, 1.0)])
def test_a_grid_of_few_points_has_a_picture_without_warnings(tmp_path, w_as):
    point = {"nb_f": 4, "lr": 0.01, "batch_size": 20, "status": "COMPLETED"}
    rows = [point | {"w_a": w_a, "val_comparison_accuracy": 0.8} for w_a in w_as]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.plot_search(rows, GRID.axes, "digits", tmp_path / "results.png")
    assert (tmp_path / "results.png").stat().st_size > 1000


def test_hparams_hold_every_trial(searched, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _, _, rows = searched
    hparams.write(rows, GRID.axes, tmp_path / "hparams")
    hparams.write(rows, GRID.axes, tmp_path / "hparams")
    for row in rows:
        events = EventAccumulator(str(tmp_path / "hparams" / row["trial"]))
        events.Reload()
        (value,) = events.Tensors(OBJECTIVE.name)
        seen = np.frombuffer(value.tensor_proto.tensor_content, "float32")
        seen = seen if seen.size else value.tensor_proto.float_val
        assert seen[0] == pytest.approx(row[OBJECTIVE.name], rel=1e-6)
    assert len(list((tmp_path / "hparams").glob("*/events*"))) == 8


def test_without_tensorboard_nothing_breaks(tmp_path, monkeypatch):
    monkeypatch.setattr(hparams.importlib.util, "find_spec", lambda name: None)
    hparams.write([{}], (), tmp_path / "hparams")
    assert not list(tmp_path.iterdir())


def test_a_budget_that_was_used_at_once_leaves_no_winner(digits, tmp_path):
    """Nor values for TensorBoard, which takes no axis without any."""
    hparams.write([], GRID.axes, tmp_path / "hparams")
    text = results.write([], GRID, describe(digits), tmp_path)
    assert text.endswith("No trial has completed.\n")
    assert files.read_json(tmp_path / "selected.json")["configs"] == []
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"results.md", "selected.json"}
