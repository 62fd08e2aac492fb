import shutil
import subprocess
import sys

import numpy as np
import pytest

from keras_pairs import data
from keras_pairs.errors import UserError


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
    monkeypatch.setattr(data.pairs, "SCORED_PAIRS", 80)
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


def test_reused_digits_stay_in_their_split(digits):
    splits = data.sample_pairs(digits, 1000, seed=0)
    seen = []
    for pairs in (splits.train, splits.validation, splits.test):
        assert len(pairs) == 1000
        seen.append({image.tobytes() for image in pairs.images.reshape(-1, 14, 14)})
        assert not any((a == b).all() for a, b in pairs.images)
    assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])
    assert 400 < len(seen[0]) <= 865


def test_too_few_images(npz):
    images = data.load_images("mnist", npz)
    with pytest.raises(UserError, match="101 pairs need 404 training images.*has 400"):
        data.sample_pairs(images, 101)


def test_a_file_named_digits_is_not_reused(npz, tmp_path):
    shutil.copy(npz, tmp_path / "digits.npz")
    images = data.load_images("mnist", tmp_path / "digits.npz")
    assert images.name == "digits"
    used = [numbers(part) for part in vars(data.sample_pairs(images, 100)).values()]
    assert len(set(np.ravel(used))) == 600
    with pytest.raises(UserError, match="101 pairs need"):
        data.check_enough(images, 101)


def test_data_needs_no_tensorflow():
    code = "import sys, keras_pairs.data; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
