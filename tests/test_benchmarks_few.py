"""What is measured with few pictures of digits."""

import dataclasses

import numpy as np
import pytest

from benchmarks import few
from docs import kinds
from keras_pairs import data, files
from keras_pairs.config import TrainingConfig
from tests import helpers


@pytest.fixture(scope="module")
def many():
    """Images enough for pairs without using one again; told apart by two pixels."""
    x = np.zeros((6000, 28, 28), "uint8")
    x[:, 0, 0], x[:, 0, 2] = np.divmod(np.arange(6000), 250)
    y = (np.arange(6000) % 10).astype("uint8")
    return data.Images("many", "made up", x, y, x[:3000], y[:3000])


def test_a_round_has_no_more_pictures_than_asked_for(many, monkeypatch):
    seen = []
    sample = data.sample_pairs

    def spy(images, *arguments):
        seen.append(images)
        return sample(images, *arguments)

    monkeypatch.setattr(few.data, "sample_pairs", spy)
    configs = [TrainingConfig.from_preset("best", seed=seed) for seed in (0, 1)]
    rounds = [few.splits_of(many, 300, config) for config in configs]
    first, all_of, second, _ = seen
    assert len(first.x_train) == len(np.unique(first.x_train, axis=0)) == 300
    assert first.reuse and all_of is many
    assert (first.x_train != second.x_train).any()
    for splits, config in zip(rounds, configs, strict=True):
        assert len(splits.train.target) == 1000
        # Two thirds are trained on.
        assert len(np.unique(splits.train.images.reshape(-1, 14, 14), axis=0)) == 200
        scored = sample(many, 1000, config.seed, "test").test
        np.testing.assert_array_equal(splits.validation.images, scored.images)
        assert len(scored.target) == 1500


def test_what_was_measured_is_not_measured_again(many, tmp_path, monkeypatch):
    asked = []

    def run(function, images, pictures, rounds, on_message):
        asked.append((pictures, rounds))
        names = ("comparison", "first_digit", "second_digit")
        return dict(zip(names, ([90.0, 92.0], [80.0, 82.0], [84.0, 86.0]), strict=True))

    monkeypatch.setattr(few.isolated, "run", run)
    monkeypatch.setattr(few.data, "load_images", lambda *where: many)
    wanted = (f"--run_dir={tmp_path}", "--rounds=2")
    done = helpers.call("benchmarks.few", "--pictures=600", *wanted)
    assert done.returncode == 0, done.stderr
    assert "91.00 ± 1.41 |            90.0 |       83.0 |" in done.stdout
    for _ in range(2):
        done = helpers.call("benchmarks.few", "--pictures=300,600", *wanted)
        assert done.returncode == 0, done.stderr
    assert asked == [(600, 2), (300, 2)]
    assert kinds.KINDS["few"](tmp_path / "results.json") in done.stdout
    # The fewest come first.
    assert done.stdout.index("300 |") < done.stdout.index("600 |")
    found = files.read_json(tmp_path / "results.json")
    assert found["dataset"] == many.describe() and found["versions"]


def test_too_few_are_refused():
    helpers.assert_one_line(helpers.call("benchmarks.few", "--pictures=137"), 2, "pictures")


def test_few_pictures_train(digits, monkeypatch):
    plain = TrainingConfig.from_preset
    monkeypatch.setattr(
        few.TrainingConfig, "from_preset", lambda name: plain(name, nb_f=4, epochs=1)
    )
    images = dataclasses.replace(digits, x_test=digits.x_test[:100])
    images = dataclasses.replace(images, y_test=digits.y_test[:100])
    found = few.train(None, images, 138, 2)
    assert set(found) == {"comparison", "first_digit", "second_digit"}
    assert all(len(values) == 2 for values in found.values())
    assert all(0 < value < 100 for values in found.values() for value in values)
