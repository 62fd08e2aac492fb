"""The ink network and its training."""

import csv
import dataclasses
import json

import keras
import numpy as np
import pytest

from keras_pairs import locks
from keras_pairs.errors import UserError
from keras_pairs.pictures import ink_network, ink_training
from tests.helpers import assert_one_line, call, command


def test_it_is_stock_keras_of_the_size_told(tmp_path):
    network = ink_network.build()
    # Worked out by hand: 3x3 convolutions of the five levels and the way back, two numbers
    # a filter and two statistics of each of the 15 batch norms, the last 1x1 with biases.
    pairs = [(5, 12), (12, 12), (12, 20), (20, 20), (20, 28), (28, 28), (28, 40), (40, 40)]
    pairs += [(40, 48), (48, 48), (88, 40), (68, 28), (48, 20), (32, 12), (12, 12)]
    convolutions = sum(9 * before * after for before, after in pairs)
    norms = sum(4 * after for _, after in pairs)
    assert network.count_params() == convolutions + norms + 2 * (12 + 1)
    network.save(tmp_path / "ink.keras")
    again = keras.models.load_model(tmp_path / "ink.keras", custom_objects={})
    x = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    np.testing.assert_allclose(again(x), network(x), atol=1e-5)
    assert network(x[:1, :32, :48]).shape == (1, 32, 48, 2)


def test_light_and_contrast_do_not_matter():
    network = ink_network.load()
    x = np.random.default_rng(0).uniform(60, 120, (1, 64, 64, 3)).astype("float32")
    x[:, 20:40, 30:34] -= 50
    np.testing.assert_allclose(network(x + 40), network(x), atol=1e-2)


def test_the_shipped_weights_are_small_and_whole():
    assert ink_network.WEIGHTS.stat().st_size <= 300_000
    weights = ink_network.load().get_weights()
    assert all(np.isfinite(weight).all() for weight in weights)


def test_weights_go_to_a_file_and_back(tmp_path):
    network = ink_network.build()
    path = tmp_path / "weights.npz"
    ink_network.save(network, path)
    for ours, theirs in zip(
        network.get_weights(), ink_network.load(path).get_weights(), strict=True
    ):
        np.testing.assert_allclose(theirs, ours, rtol=1e-3, atol=1e-6)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(UserError, match="weights.npz: not"):
        ink_network.load(path)
    np.savez(path, other=np.zeros(3))
    with pytest.raises(UserError, match="not the weights of this ink network"):
        ink_network.load(path)
    with pytest.raises(UserError, match="No such file"):
        ink_network.load(tmp_path / "none.npz")


@pytest.fixture
def short(monkeypatch):
    """A training of seconds."""
    views = [dataclasses.replace(view, batch=2) for view in ink_training.VIEWS]
    monkeypatch.setattr(ink_training, "VIEWS", views)
    monkeypatch.setattr(ink_training, "STEPS_PER_EPOCH", 4)
    monkeypatch.setattr(ink_training, "VALIDATION_SCENES", 4)


def test_a_seed_may_be_longer_than_numpys_own(tmp_path):
    ink_training._begun(tmp_path, 1, 2**53 - 1)


@pytest.mark.slow
def test_a_stopped_training_goes_on_to_the_same_weights(short, digits, tmp_path):
    class Stop:
        def show(self, done):
            if done == 2:
                raise KeyboardInterrupt

    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    for folder in (whole, stopped):
        folder.mkdir()
    undisturbed = ink_training.train(digits, 3, 1, whole)
    with pytest.raises(KeyboardInterrupt):
        ink_training.train(digits, 3, 1, stopped, Stop())
    assert not (stopped / "metrics.json").exists()
    found = ink_training.train(digits, 3, 1, stopped)
    for view, measured in undisturbed["validation"].items():
        assert found["validation"][view] == pytest.approx(measured, rel=1e-4)
    rows = [(folder / "history.csv").read_text().split() for folder in (whole, stopped)]
    assert len(rows[0]) == len(rows[1]) == 1 + 3
    for ours, theirs in zip(
        ink_network.load(whole / "ink_weights.npz").get_weights(),
        ink_network.load(stopped / "ink_weights.npz").get_weights(),
        strict=True,
    ):
        np.testing.assert_allclose(theirs, ours, atol=1e-6)
    with pytest.raises(UserError, match="other settings or data"):
        ink_training.train(digits, 3, 2, stopped)
    # The same images may lie elsewhere; this one has nothing left to train.
    moved = dataclasses.replace(digits, source="elsewhere.npz")
    assert ink_training.train(moved, 3, 1, stopped)["validation"] == found["validation"]


@pytest.mark.slow
def test_it_learns(short, digits, monkeypatch):
    monkeypatch.setattr(ink_training, "STEPS_PER_EPOCH", 12)
    keras.utils.set_random_seed(0)
    network = ink_network.build()
    network.compile(keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(True))
    dataset = ink_training.Scenes(digits.x_train, 0)
    losses = network.fit(dataset, shuffle=False, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.slow
def test_the_command(tmp_path):
    arguments = ("--dataset=digits", "--epochs=1", "--run_dir=run", "--verbosity=0")
    done = command("keras_pairs.ink", *arguments, cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "iou_ink" in done.stdout
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["config"]["epochs"] == 1
    assert 0 <= metrics["validation"]["window"]["iou_body"] <= 1
    (row,) = csv.DictReader((tmp_path / "run" / "history.csv").read_text().splitlines())
    assert float(row["loss"]) > 0 and 0 < float(row["seconds"])
    assert metrics["minutes"] == pytest.approx(float(row["seconds"]) / 60, abs=0.1)


def test_a_bad_flag():
    assert_one_line(call("keras_pairs.ink", "--epochs=0"), 2, "at least 1")


def test_of_two_trainings_in_one_folder_the_second_is_refused(digits, tmp_path):
    with locks.only_one(tmp_path, "training"):
        with pytest.raises(UserError, match="another training is running in"):
            ink_training.train(digits, 1, 0, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
