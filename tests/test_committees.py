"""What `benchmarks.committees` makes of networks' answers."""

import copy

import numpy as np
import pytest

from benchmarks import committees, intervals
from docs import kinds
from keras_pairs import files
from keras_pairs.data import sample_pairs
from tests import helpers


@pytest.fixture(scope="module")
def answers(digits):
    """Pairs, and log-probabilities of three networks that are right more often than not."""
    pairs = sample_pairs(digits, 60, seed=3).validation
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (5, len(pairs), 2, 3, 10))
    logits += 4 * np.eye(10)[pairs.digits][None, :, :, None]
    return pairs, logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def test_answers_alone_and_together(answers):
    pairs, logs = answers
    found = dict(committees.answered(logs, pairs))
    assert list(found) == [
        *("1", "2", "3", "3, mean logits", "3, mean comparisons", "1, five views"),
        *("3, five views", "3, with a temperature"),
    ]
    right = pairs.digits[:, 0] <= pairs.digits[:, 1]

    def share(classes):
        """Percent of comparisons right, pair by pair and class by class."""
        says = [
            sum(a * b for i, a in enumerate(x) for j, b in enumerate(y) if i <= j)
            for x, y in classes
        ]
        return 100 * np.mean((np.array(says) >= 0.5) == right)

    each = [np.exp(logs[0, :, :, k]) for k in range(3)]
    assert found["1"]["comparison"] == pytest.approx(np.mean([share(x) for x in each]))
    assert found["2"]["comparison"] == pytest.approx(share((each[0] + each[1]) / 2))
    assert found["3"]["comparison"] == pytest.approx(share(sum(each) / 3))
    product = each[0] * each[1] * each[2]
    product = product ** (1 / 3) / (product ** (1 / 3)).sum(-1, keepdims=True)
    assert found["3, mean logits"]["comparison"] == pytest.approx(share(product))
    digits = 100 * np.mean(product.argmax(-1) == pairs.digits)
    assert found["3, mean logits"]["digits"] == pytest.approx(digits)
    views = np.exp(logs).mean(0).mean(2)
    assert found["3, five views"]["comparison"] == pytest.approx(share(views))
    # A temperature moves no digit, and these networks are too sure or too modest.
    warm = found["3, with a temperature"]
    assert warm["digits"] == found["3"]["digits"] and warm["temperature"] != 1
    assert warm["calibration_error"] < found["3"]["calibration_error"]


def test_gains_are_of_rounds_that_both_have():
    assert intervals.gain([90, 91, 92, 10], [91, 93, 92]) == ("+1.00", "-1.48 … +3.48")
    assert intervals.gain([90], [91.5, 90]) == ("+1.50", "")


@pytest.mark.slow
def test_a_killed_run_trains_what_is_missing(digits, tmp_path, monkeypatch):
    tiny = {"nb_f": 2, "epochs": 1, "num_pairs": 40}
    variants = {"best": tiny, "3 filters": tiny | {"nb_f": 3}}
    monkeypatch.setattr(committees, "VARIANTS", variants)
    monkeypatch.setattr(committees, "NETWORKS", 2)
    monkeypatch.setattr(committees.data, "load_images", lambda *where: digits)
    flags = ("benchmarks.committees", f"--run_dir={tmp_path}", "--rounds=2")
    done = helpers.call(*flags)
    assert done.returncode == 0, done.stderr
    path = tmp_path / "results.json"
    assert kinds.KINDS["committees"](path) in done.stdout
    whole = files.read_json(path)
    assert {row["variant"] for row in whole["rows"]} == set(variants)
    assert all(len(row["comparison"]) == 2 for row in whole["rows"])
    (trained,) = whole["trained"]
    assert trained["trainings"] == 4 and trained["machine"] == whole["machine"]
    # As if another machine had been killed in the last training.
    part = copy.deepcopy(whole)
    part["trained"] = [{**trained, "machine": "another", "trainings": 3}]
    for row in part["rows"]:
        if row["variant"] == "3 filters":
            row |= {n: v[:1] for n, v in row.items() if isinstance(v, list)}
    files.write_json(path, part)
    assert helpers.call(*flags).returncode == 0
    again = files.read_json(path)
    assert [t["trainings"] for t in again["trained"]] == [3, 1]
    assert "another; then Linux" in kinds.KINDS["origin"](path)

    def scores(found):
        return [row | {"seconds": len(row["seconds"])} for row in found["rows"]]

    assert scores(again) == scores(whole)
    # Nothing is left to train, and so nothing is written.
    before = path.read_bytes()
    assert helpers.call(*flags).returncode == 0 and path.read_bytes() == before
    # The same images may lie elsewhere on another machine.
    files.write_json(path, whole | {"dataset": whole["dataset"] | {"source": "/b.npz"}})
    assert helpers.call(*flags).returncode == 0
    files.write_json(path, whole | {"dataset": whole["dataset"] | {"sha256": "0"}})
    helpers.assert_one_line(helpers.call(*flags), 1, "other images")
