"""How training images are moved."""

import re

import numpy as np
import pytest

from keras_pairs.training.augmentation import AMOUNTS, move, move_pairs
from tests import networks
from tests.helpers import ROOT

NOTHING = dict.fromkeys(AMOUNTS, 0)


def blobs(count=200, side=15, channels=2):
    """A smooth spot in the middle of each image, the same in all channels."""
    y, x = np.mgrid[:side, :side] - side // 2
    spot = np.exp(-(x**2 + y**2) / 4)
    return np.tile(spot[None, :, :, None], (count, 1, 1, channels)).astype("float32")


def moved(images, seed=(1, 2), **amounts):
    return np.asarray(move(images, seed, NOTHING | amounts if amounts else None))


def centres(images):
    """Each image's centre of mass from the middle: float [n, 2] (down, across)."""
    side = images.shape[1]
    y, x = np.mgrid[:side, :side] - side // 2
    mass = images[..., 0].sum((1, 2))
    return np.stack([(images[..., 0] * z).sum((1, 2)) / mass for z in (y, x)], 1)


def test_the_seed_decides_and_members_move_alike():
    found = moved(blobs())
    assert (np.abs(found - blobs()).max((1, 2, 3)) > 0.01).mean() > 0.99
    np.testing.assert_array_equal(found[..., 0], found[..., 1])
    assert len(np.unique(found[:, 7, 7, 0])) > 190
    np.testing.assert_array_equal(moved(blobs()), found)
    assert (moved(blobs(), (1, 3)) != found).any()
    np.testing.assert_allclose(moved(blobs(), shift=0), blobs(), atol=1e-5)


def test_shifts_fill_their_range():
    found = centres(moved(blobs(1000), shift=2.5))
    assert np.abs(found).max() <= 2.55 and abs(found.mean()) < 0.15
    for axis in (0, 1):
        assert found[:, axis].min() < -2.3 and found[:, axis].max() > 2.3
    assert abs(np.corrcoef(found.T)[0, 1]) < 0.15


@pytest.mark.parametrize("amount", [{"turn": 20}, {"scale": 0.2}, {"shear": 0.3}])
def test_other_moves_keep_the_middle_and_do_what_they_say(amount):
    bar = np.zeros((500, 15, 15, 1), "float32")
    bar[:, 3:12, 7] = 1
    found = moved(bar, **amount)
    assert np.abs(centres(found)).max() < 0.25
    y, x = np.mgrid[:15, :15] - 7
    mass = found[..., 0] / found[..., 0].sum((1, 2), keepdims=True)
    lean = (mass * x * y).sum((1, 2)) / (mass * y * y).sum((1, 2))
    height = np.sqrt((mass * y * y).sum((1, 2)) * 3) * 2
    if "turn" in amount:
        steepest = np.degrees(np.arctan(np.abs(lean).max()))
        assert 17 < steepest < 21.5
    elif "shear" in amount:
        assert 0.26 < np.abs(lean).max() < 0.32
    else:
        assert np.abs(lean).max() < 0.02
        # Scaling by 0.8 of what is looked at makes it 1.25 times as large.
        assert 1.4 < height.max() / height.min() < 1.6


def test_pairs_of_members_move_as_those_of_one():
    pairs = networks.some_pairs(5, 3)
    together = np.asarray(move_pairs(pairs, (1, 2)))
    assert together.shape == pairs.shape
    for k in range(3):
        alone = np.asarray(move_pairs(pairs[:, k], (1, 2)))
        np.testing.assert_array_equal(together[:, k], alone)


def test_the_page_tells_the_amounts():
    text = " ".join((ROOT / "docs" / "model.md").read_text().split())
    told = re.search(r"by at most (\S+) pixels, (\S+)°, (\S+) % and (\S+) \|", text)
    shift, turn, percent, shear = map(float, told.groups())
    assert AMOUNTS == {"shift": shift, "turn": turn, "scale": percent / 100, "shear": shear}
