import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from keras_pairs import data
from keras_pairs.config import UserError


def numbers(pairs):
    """Which images of the `npz` fixture the pairs were made of: int [n, 2]."""
    corner = pairs.images[:, :, 0, :2]
    return (corner[..., 0] + 256 * corner[..., 1]).astype(int)


def test_pool_averages_blocks():
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28)).astype("uint8")
    expected = np.zeros((3, 14, 14))
    for i in range(14):
        for j in range(14):
            block = images[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].astype(float)
            expected[:, i, j] = block.sum((1, 2)) / 4
    pooled = data.pool(images)
    assert pooled.dtype == np.float32
    np.testing.assert_allclose(pooled, expected, rtol=1e-6)


def test_no_image_is_used_twice_and_labels_go_with_images(npz):
    images = data.load_images("mnist", npz)
    splits = data.sample_pairs(images, 100, seed=3)
    train, validation, test = (
        numbers(s) for s in (splits.train, splits.validation, splits.test)
    )
    used = np.concatenate([train, validation, test]).ravel()
    assert len(set(used)) == 600
    assert train.max() < 400 and validation.max() < 400 and test.min() >= 400
    labels = np.concatenate([images.y_train, images.y_test])
    for pairs in (splits.train, splits.validation, splits.test):
        np.testing.assert_array_equal(pairs.digits, labels[numbers(pairs)])
        first, second = pairs.digits.T
        np.testing.assert_array_equal(
            pairs.target, [float(a <= b) for a, b in zip(first, second, strict=True)]
        )
        assert 0 < pairs.target.mean() < 1


@pytest.mark.parametrize(
    ("part", "count"), [("validation", (400 - 60) // 2), ("test", 100)]
)
def test_more_pairs_may_be_scored(npz, monkeypatch, part, count):
    images = data.load_images("mnist", npz)
    few = data.sample_pairs(images, 30, seed=3)
    most = data.sample_pairs(images, 30, seed=3, scored_on=part)
    monkeypatch.setattr(data, "SCORED_PAIRS", 80)
    many = data.sample_pairs(images, 30, seed=3, scored_on=part)
    for other in {"train", "validation", "test"} - {part}:
        expected = getattr(few, other).images
        np.testing.assert_array_equal(getattr(most, other).images, expected)
    few, many, most_of_part = (getattr(splits, part) for splits in (few, many, most))
    assert [len(few), len(many), len(most_of_part)] == [30, 80, count]
    for fewer in (few, many):
        first = most_of_part.images[: len(fewer)]
        np.testing.assert_array_equal(fewer.images, first)
    assert len(set(numbers(most_of_part).ravel())) == 2 * count
    assert not set(numbers(most.train).ravel()) & set(numbers(most_of_part).ravel())
    if part == "test":
        assert set(numbers(most_of_part).ravel()) == set(range(400, 600))


def test_seed_decides_the_pairs(npz):
    images = data.load_images("auto", npz)
    first, again, other = (data.sample_pairs(images, 50, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.test.images, again.test.images)
    assert (numbers(first.train) != numbers(other.train)).any()
    assert (numbers(first.test) != numbers(other.test)).any()


def test_embedded_digits_are_in_mnists_form(digits):
    assert digits.name == "digits"
    assert digits.x_train.shape == (1297, 28, 28) and digits.x_test.shape == (500, 28, 28)
    assert digits.x_train.dtype == digits.y_train.dtype == np.uint8
    assert set(digits.y_train) == set(digits.y_test) == set(range(10))
    assert digits.x_train.max() > 240 and (digits.x_train[:, :4] == 0).all()


def test_reused_digits_stay_in_their_split(digits):
    splits = data.sample_pairs(digits, 1000, seed=0)
    seen = []
    for pairs in (splits.train, splits.validation, splits.test):
        assert len(pairs) == 1000
        seen.append({image.tobytes() for image in pairs.images.reshape(-1, 14, 14)})
        assert not any((a == b).all() for a, b in pairs.images)
    assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])
    assert 400 < len(seen[0]) <= 865


def test_digest_changes_with_the_data(npz, digits):
    images = data.load_images("mnist", npz)
    assert images.digest != digits.digest
    assert images.describe()["sha256"] == data.load_images("mnist", npz).digest


def broken(npz, **changes):
    arrays = dict(np.load(npz)) | changes
    return {key: value for key, value in arrays.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None}, "no array named y_test"),
        ({"x_train": np.zeros((400, 14, 14), "uint8")}, "x_train must be uint8"),
        ({"x_test": np.zeros((200, 28, 28))}, "x_test must be uint8.*float64"),
        ({"y_train": np.zeros(399, "uint8")}, "y_train must be integers"),
        ({"y_train": np.full(400, 10, "uint8")}, "digits 0 to 9, not 10"),
        ({"y_test": np.array([object()] * 200)}, "pickled content is not read"),
    ],
)
def test_bad_arrays_get_one_line(npz, tmp_path, changes, message):
    path = tmp_path / "bad.npz"
    np.savez(path, **broken(npz, **changes))
    with pytest.raises(UserError, match=message) as error:
        data.load_images("mnist", path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an .npz"),
        (b"hello", "pickled content|not an .npz"),
        (b"PK\x03\x04 cut short", "not an .npz"),
        (pickle.dumps(Bomb()), "pickled content"),
    ],
)
def test_files_that_are_no_npz(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(UserError, match=message):
        data.load_images("mnist", "bad.npz")
    assert not (tmp_path / "exploded").exists()


def test_truncated_npz(npz, tmp_path):
    (tmp_path / "bad.npz").write_bytes(npz.read_bytes()[:-500])
    with pytest.raises(UserError, match="not an .npz"):
        data.load_images("mnist", tmp_path / "bad.npz")


def test_single_array_file(tmp_path):
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(UserError, match="not an .npz"):
        data.load_images("mnist", tmp_path / "one.npy")


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        data.load_images("mnist", tmp_path / "none.npz")


def test_too_few_images(npz):
    images = data.load_images("mnist", npz)
    with pytest.raises(UserError, match="101 pairs need 404 training images.*has 400"):
        data.sample_pairs(images, 101)


def test_cache_is_used_and_a_broken_one_is_not(npz, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(data, "_reachable", lambda: False)
    with pytest.raises(UserError, match="cannot be downloaded"):
        data.load_images("mnist")
    cache = tmp_path / "datasets" / "mnist.npz"
    cache.parent.mkdir()
    cache.write_bytes(npz.read_bytes())
    assert data.load_images("auto").source == str(cache)
    cache.write_bytes(b"half a download")
    assert data.load_images("auto").name == "digits"
    (record,) = caplog.records
    assert record.levelname == "WARNING" and "\n" not in record.getMessage()
    assert "--data_path" in record.getMessage()


def test_gives_up_without_a_connection(monkeypatch):
    monkeypatch.setattr(data, "MNIST_URL", "http://127.0.0.1:9/mnist.npz")
    assert not data._reachable()


def test_data_needs_no_tensorflow():
    code = "import sys, keras_pairs.data; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
