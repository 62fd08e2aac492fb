import pathlib
import re

import numpy as np
import pytest

from keras_pairs import scoring
from keras_pairs.data import Pairs
from keras_pairs.scoring import BINS, accuracies, calibration_error, reliability


def test_accuracies_by_hand():
    digits = np.array([[1, 2], [3, 3], [5, 4], [9, 0]])
    pairs = Pairs(np.zeros((4, 2, 14, 14)), digits)
    answers = {
        "comparison": np.array([0.9, 0.4, 0.2, 0.8]),
        "first_digit": np.eye(10)[[1, 3, 5, 0]],
        "second_digit": np.eye(10)[[0, 3, 0, 0]],
    }
    right = {"comparison": 0.5, "first_digit": 0.75, "second_digit": 0.5}
    assert accuracies(answers, pairs) == right
    assert accuracies(answers, pairs, 1) == right | {
        "comparison": 1,
        "first_digit": 1,
        "second_digit": 0,
    }


def test_calibration_error_by_hand():
    probability = np.array([0.1, 0.11, 0.55, 0.59, 0.95, 1.0, 0.0])
    target = np.array([0, 1, 1, 1, 1, 1, 0])
    curve = reliability(probability, target)
    assert all(len(values) == BINS for values in curve.values())
    assert sum(curve["count"]) == 7 and curve["count"][-1] == 2
    # Bins of 1/15: {0.1, 0.11}, {0.55, 0.59}, {0.95, 1.0}, {0.0}.
    expected = (abs(0.21 - 1) + abs(1.14 - 2) + abs(1.95 - 2) + 0) / 7
    assert calibration_error(curve) == pytest.approx(expected)


def test_a_network_that_diverged_is_scored_as_one_that_says_no():
    target = np.array([0, 1, 1, 0])
    curve = reliability(np.array([np.nan, np.nan, 0.9, 0.2]), target)
    assert sum(curve["count"]) == 4 and sum(curve["observed"]) == 2
    assert calibration_error(curve) == pytest.approx((1 + 0.1 + 0.2) / 4)


def test_probabilities_that_come_true_have_no_error():
    rng = np.random.default_rng(0)
    probability = rng.uniform(size=100_000)
    true = rng.uniform(size=100_000) < probability
    assert calibration_error(reliability(probability, true)) < 0.01
    sure = np.where(probability > 0.5, 1.0, 0.0)
    assert calibration_error(reliability(sure, true)) == pytest.approx(0.25, abs=0.01)


def test_the_page_is_sure_of_what_python_is_sure_of():
    page = pathlib.Path(scoring.__file__).parent / "server" / "page" / "showing.js"
    said = dict(re.findall(r"^const (\w+) = ([\d.]+);$", page.read_text(), re.MULTILINE))
    assert float(said["SURE"]) == scoring.CERTAIN
    assert float(said["SURE_DIGIT"]) == scoring.CERTAIN_DIGIT
