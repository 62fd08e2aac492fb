"""What `benchmarks.ink` counts, with a made-up model."""

import types

import numpy as np
import pytest

from benchmarks import ink
from keras_pairs.serving.comparison import Comparison

# Of five scenes of one digit: how many digits are found, what is read, how certainly.
COUNT = (1, 1, 0, 1, 2)
READ = (0, 1, 2, 4, 4)
CERTAINTY = (0.99, 0.85, 0.95, 0.45, 0.9)


class Model:
    """Reads scene i, which shows the digit i, as the tables above say."""

    def look(self, picture):
        image = np.full((28, 28), int(picture), "uint8")
        return types.SimpleNamespace(count=COUNT[int(picture)], image=image)

    def compare(self, first, second):
        digits = np.zeros((len(first), 10), "float32")
        for row, i in zip(digits, first[:, 0, 0], strict=True):
            row[READ[i]] = CERTAINTY[i]
        outputs = {"comparison": np.full(len(first), 0.97, "float32")}
        return Comparison(outputs | {"first_digit": digits, "second_digit": digits})


@pytest.fixture
def found(monkeypatch):
    def drawn(glyphs, labels, sizes, count, number):
        return [str(i) for i in range(number)], np.arange(number)

    monkeypatch.setattr(ink, "drawn", drawn)
    return ink.measure(Model(), types.SimpleNamespace(x_train=None, y_train=None), 5)


def test_digits_by_how_certain_they_are(found):
    """Those of pictures in which one digit is found: 0, 1 and 3, the last read wrong."""
    rows = found["certainty_of_digits"]
    assert rows["0.3"] == {"share": 1, "right": pytest.approx(2 / 3), "right_below": None}
    assert rows["0.5"] == {"share": pytest.approx(2 / 3), "right": 1, "right_below": 0}
    assert rows["0.9"] == {"share": pytest.approx(1 / 3), "right": 1, "right_below": 0.5}


def test_answers_by_how_certain_they_are(found):
    """Of the pair that shows one digit twice: the answer is yes, and 1 <= 0 is not so."""
    assert found["certainty"]["0.9"] == {"share": 1, "right": 0, "right_below": None}
    assert found["certainty"]["0.99"] == {"share": 0, "right": None, "right_below": 0}


def test_the_tables(found):
    lines = ink.tabulate_certainty(found, "certainty_of_digits")
    assert lines[0][1] == "digits above (%)"
    assert ("0.3", "100.0", "66.7", "") in lines
    lines = ink.tabulate_certainty(found, "certainty")
    assert lines[0][1] == "answers above (%)" and ("0.6", "100.0", "0.0", "") in lines
