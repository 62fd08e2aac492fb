"""Trials trained as populations, and keras-tuner's own API on what they leave."""

import dataclasses

import keras_tuner
import numpy as np
import pytest

from keras_pairs import training
from keras_pairs.config import UserError
from tuner import hparams, project
from tuner.hypermodel import PairsHyperModel
from tuner.oracle import OBJECTIVE, GridOracle
from tuner.population import PopulationTuner, load
from tuner.space import Grid, training_config

GRID = Grid(nb_f=(4,), lr=(0.01, 0.001), batch_size=(20, 30), w_a=(0.0, 1.0))
COMMON = {"w_m": 1.0, "epochs": 2, "seed": 1, "num_pairs": 60}


def run(folder, images, splits, grid=GRID, common=COMMON, **options):
    """A whole search in this process: (tuner, results as dicts)."""
    folder.mkdir(exist_ok=True)
    record = project.describe(grid, common, images, "validation")
    project.claim(folder, record)
    oracle = GridOracle(grid, project.settings(record), **options)
    tuner = PopulationTuner(oracle, grid, common, folder)
    tuner.search(splits)
    tuner.save()
    project.report(oracle, record, folder)
    return tuner, project.rows(oracle)


@pytest.fixture(scope="module")
def searched(tmp_path_factory, digits, splits):
    folder = tmp_path_factory.mktemp("search") / "grid"
    return folder, *run(folder, digits, splits, keep_models=2)


def test_trials_are_trainings_of_their_points(searched, splits):
    _, _, rows = searched
    assert [row["status"] for row in rows] == ["COMPLETED"] * 8
    group = [training_config(point, COMMON) for point in GRID.points()[4:]]
    history = training.fit(group, splits).history
    for k, row in enumerate(rows[4:]):
        for name in ("val_comparison_accuracy", "val_loss", "loss"):
            assert row[name] == pytest.approx(history[name][-1, k], rel=1e-6)
        best = history["val_comparison_accuracy"][:, k]
        assert row["best_val_comparison_accuracy"] == pytest.approx(best.max())
        assert row["best_epoch"] == best.argmax() + 1
    assert len({row["loss"] for row in rows}) == 8


def test_keras_tuners_api_works_in_a_plain_session(searched, splits, capsys):
    folder, _, rows = searched
    tuner = load(folder)
    tuner.results_summary(3)
    assert OBJECTIVE.name in capsys.readouterr().out
    best = max(rows, key=lambda row: row["val_comparison_accuracy"])
    (values,) = tuner.get_best_hyperparameters()
    assert all(values.get(name) == best[name] for name in ("lr", "batch_size", "w_a"))
    assert tuner.remaining_trials is None
    (model,) = tuner.get_best_models()
    says = model.predict(splits.validation.images, verbose=0)["comparison"][:, 0] > 0.5
    right = says == splits.validation.target.astype(bool)
    assert right.mean() == pytest.approx(best["val_comparison_accuracy"])
    with pytest.raises(ValueError, match="keeps no model.*best 3"):
        tuner.get_best_models(8)
    assert len(list(folder.glob("*/model.keras"))) == 2


def test_who_starts_at_the_same_time_is_nobody_else(digits, tmp_path):
    record = project.describe(GRID, COMMON, digits, "validation")
    (tmp_path / ".tmp-17-writable").touch()
    (tmp_path / "lock").touch()
    project.claim(tmp_path, record)
    project.claim(tmp_path, record)
    assert project.read(tmp_path) == record
    (tmp_path / "search.json").unlink()
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(UserError, match="something else than a search"):
        project.claim(tmp_path, record)


def test_weight_sharing_can_be_searched(searched, digits, splits, tmp_path):
    grid = dataclasses.replace(GRID, batch_size=(30,))
    common = COMMON | {"weight_sharing": True}
    _, rows = run(tmp_path / "grid", digits, splits, grid, common)
    assert {row["status"] for row in rows} == {"COMPLETED"}
    assert rows[0]["loss"] != searched[2][4]["loss"]
    (model,) = load(tmp_path / "grid").get_best_models()
    assert "digit_hidden" in {layer.name for layer in model.layers}
    with pytest.raises(UserError, match="another grid, training or data"):
        run(tmp_path / "grid", digits, splits, grid)


def test_a_finished_search_trains_nothing_more(searched, splits, monkeypatch):
    folder, _, _ = searched
    monkeypatch.setattr(training, "fit", None)
    load(folder).search(splits)


@pytest.mark.slow
def test_diverging_points_fail_and_harm_nobody(digits, splits, tmp_path):
    """Ten of 20 points; the others are those of a grid that diverges nowhere."""
    sane = dataclasses.replace(GRID, w_a=(0.0, 0.2, 0.5, 1.0, 2.0))
    _, same = run(tmp_path / "sane", digits, splits, sane)
    grid = dataclasses.replace(sane, lr=(0.01, 1e30))
    _, rows = run(tmp_path / "grid", digits, splits, grid)
    assert {row["status"] for row in same} == {"COMPLETED"}
    for row, other in zip(rows, same, strict=True):
        assert row["status"] == ("FAILED" if row["lr"] == 1e30 else "COMPLETED")
        if row["status"] == "FAILED":
            assert "loss" in row["reason"] and "epoch" in row["reason"]
            assert row["val_comparison_accuracy"] is None
        else:
            assert row | {"seconds": 0} == other | {"seconds": 0}
    selected = (tmp_path / "grid" / "results.md").read_text()
    assert "10 of 20 trials failed" in selected


def test_a_crash_costs_its_trials_only(digits, splits, tmp_path, monkeypatch):
    real, calls = training.fit, []

    def crashing(configs, *rest, **options):
        calls.append(configs[0].batch_size)
        if configs[0].batch_size == 20:
            raise MemoryError("no memory for batch 20")
        return real(configs, *rest, **options)

    monkeypatch.setattr(training, "fit", crashing)
    _, rows = run(tmp_path / "grid", digits, splits, retries=1)
    assert calls == [20, 20, 30]
    assert [row["status"] for row in rows] == ["FAILED"] * 4 + ["COMPLETED"] * 4
    assert {row["reason"] for row in rows[:4]} == {"MemoryError: no memory for batch 20"}


def test_selected_rows_are_the_best_without_and_with_auxiliary_loss():
    accuracies = [0.8, 0.7, 0.8, 0.9, 0.6, 0.95, 0.85, 0.7]
    rows = [
        point | {"status": "COMPLETED", "val_comparison_accuracy": accuracy}
        for point, accuracy in zip(GRID.points(), accuracies, strict=True)
    ]
    rows[5]["status"] = "FAILED"
    chosen = project.select(rows)
    assert [rows.index(row) for row in chosen] == [6, 3]


def test_hparams_hold_every_trial(searched, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _, _, rows = searched
    hparams.write(rows, tmp_path / "hparams")
    hparams.write(rows, tmp_path / "hparams")
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
    hparams.write([], tmp_path / "hparams")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
# keras-tuner fills a new optimizer from the one that it has saved.
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer:UserWarning")
def test_stock_tuners_take_the_hypermodel(splits, tmp_path):
    pytest.importorskip("tensorboard")  # keras-tuner's own run_trial imports it
    tuner = keras_tuner.Hyperband(
        PairsHyperModel(GRID, seed=3),
        objective=OBJECTIVE,
        max_epochs=1,
        factor=2,
        directory=tmp_path,
        seed=1,
    )
    tuner.search(splits=splits, verbose=0)
    (best,) = tuner.oracle.get_best_trials(1)
    assert best.status == "COMPLETED" and 0 < best.score <= 1
    assert best.hyperparameters.get("lr") in GRID.lr
    (model,) = tuner.get_best_models()
    assert set(model.output) == {"comparison", "first_digit", "second_digit"}
