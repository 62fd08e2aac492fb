"""The learning curve that a trial keeps."""

import csv

import numpy as np
import pytest

from tuner import curves


@pytest.fixture
def history():
    """Of three epochs and two members; the second diverges."""
    found = {name: np.arange(6.0).reshape(3, 2) / 7 for name in curves.COLUMNS}
    found["loss"][1:, 1] = np.inf, np.nan
    return found | {"val_first_digit_accuracy": np.zeros((3, 2))}


def of_member(history, k):
    return {name: values[:, k] for name, values in history.items()}


def test_a_curve_is_a_small_file_that_anybody_reads(history, tmp_path):
    for k in range(2):
        curves.write(tmp_path, of_member(history, k))
        with open(tmp_path / curves.NAME, newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == ["epoch", *curves.COLUMNS]
        assert [row["epoch"] for row in rows] == ["1", "2", "3"]
        found = curves.read(tmp_path)
        for name in curves.COLUMNS:
            np.testing.assert_allclose(found[name], history[name][:, k], rtol=1e-4)
    long = {name: np.full(150, 0.123456789) for name in curves.COLUMNS}
    curves.write(tmp_path, long)
    assert (tmp_path / curves.NAME).stat().st_size < 6000


@pytest.mark.parametrize(
    "text",
    [None, "", "epoch,loss\n", "epoch,loss\n1,0.5\n", "\0", "epoch\n" + "1" * 140_000],
    ids=["none", "empty", "no row", "too few columns", "no text", "more than csv takes"],
)
def test_without_a_whole_curve_there_is_none(history, tmp_path, text):
    if text is not None:
        (tmp_path / curves.NAME).write_text(text)
    assert curves.read(tmp_path) is None
    curves.write(tmp_path, of_member(history, 0))
    whole = (tmp_path / curves.NAME).read_text()
    (tmp_path / curves.NAME).write_text(whole[: whole.rindex(",")])
    assert curves.read(tmp_path) is None
