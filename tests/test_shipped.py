"""The model in the box: saved_models/digit_pairs/2, made by the command in the README."""

import json
import os

import numpy as np
import pytest

from keras_pairs import data
from keras_pairs.config import TrainingConfig
from keras_pairs.scoring import accuracies
from keras_pairs.serving import comparer
from tests.helpers import BOX, ROOT


@pytest.fixture(scope="module")
def shipped():
    return comparer.load()


def test_it_is_small_and_its_card_tells_where_it_comes_from(shipped):
    assert shipped.path.resolve() == BOX
    assert all(path.stat().st_size <= 4e6 for path in BOX.rglob("*"))
    training = shipped.card["training"]
    seed = training["config"]["seed"]
    committee = TrainingConfig.from_preset("committee", seed=seed)
    same = {"dataset", "data_path"}
    for name, value in committee.to_dict().items():
        assert name in same or training["config"][name] == value, name
    assert training["dataset"]["name"] == "mnist" and training["commit"]
    stated = training["test_accuracy_of_all"]
    assert stated["pairs"] == 5000 and stated["comparison"] >= 0.99
    share = f"{100 * stated['comparison']:.2f} %"
    assert share in (BOX / "model_card.md").read_text()
    assert share in (ROOT / "README.md").read_text()


def test_it_reads_digits_that_it_has_never_seen(shipped, digits):
    """Those inside scikit-learn: other writers, 8×8 pixels enlarged."""
    count = 250
    x = digits.x_test[: 2 * count].reshape(count, 2, 28, 28)
    y = digits.y_test[: 2 * count].reshape(count, 2).astype(int)
    answers = shipped.compare(x[:, 0], x[:, 1])
    right = answers.verdict == (y[:, 0] <= y[:, 1])
    assert right.mean() > 0.85
    assert (answers.digits == y).mean() > 0.8


@pytest.mark.skipif(
    "KERAS_PAIRS_MNIST" not in os.environ,
    reason="KERAS_PAIRS_MNIST names no .npz with MNIST",
)
def test_it_is_as_accurate_as_its_card_says(shipped):
    training = shipped.card["training"]
    images = data.load_images("mnist", os.environ["KERAS_PAIRS_MNIST"])
    assert images.digest == training["dataset"]["sha256"]
    pairs = data.sample_pairs(images, 1000, training["config"]["seed"], "test").test
    answers = shipped.compare(pairs.images[:, 0], pairs.images[:, 1])
    for name, share in accuracies(answers.outputs, pairs).items():
        assert share == pytest.approx(training["test_accuracy_of_all"][name], abs=3e-4)


def test_its_probabilities_go_with_its_digits(shipped, digits):
    """Σ_{i≤j} P(first = i) · P(second = j), as the model card's configuration says."""
    x = digits.x_test[:40].reshape(20, 2, 28, 28)
    answers = shipped.compare(x[:, 0], x[:, 1])
    both = answers.first_digit[:, :, None] * answers.second_digit[:, None, :]
    expected = (both * np.triu(np.ones((10, 10)))).sum((1, 2))
    np.testing.assert_allclose(answers.probability, expected, atol=1e-5)
    assert json.loads((BOX / "model_card.json").read_text()) == shipped.card
