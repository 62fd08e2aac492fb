"""Scenes that train the ink network."""

import numpy as np
import pytest

from keras_pairs.pictures import papers, scenes


def drawn(digits, number, side=64, sizes=(0.35, 0.9), seed=0):
    return [
        scenes.scene(np.random.default_rng((seed, i)), digits.x_train, side, sizes)
        for i in range(number)
    ]


def test_a_scene_is_a_function_of_its_generator(digits):
    for first, second in zip(drawn(digits, 20), drawn(digits, 20), strict=True):
        np.testing.assert_array_equal(first.picture, second.picture)
        np.testing.assert_array_equal(first.ink, second.ink)
    assert (drawn(digits, 1)[0].picture != drawn(digits, 1, seed=1)[0].picture).any()


@pytest.mark.parametrize("side", [64, 128])
def test_shapes_and_ranges(digits, side):
    for scene in drawn(digits, 40, side):
        assert scene.picture.shape == (side, side, 3) and scene.picture.dtype == np.uint8
        assert scene.ink.shape == (side, side)
        assert scene.ink.min() >= 0 and scene.ink.max() <= 1
        assert (scene.ink.max() > 0.3) == (scene.count > 0)


def test_how_many_digits(digits):
    counts = np.bincount([scene.count for scene in drawn(digits, 400)], minlength=5)
    assert 30 < counts[0] < 75 and 30 < counts[2:].sum() < 75 and (counts[2:] > 0).all()


def test_ink_shows_in_the_picture(digits):
    """In most scenes: where ink is, the picture differs from what lies around it."""
    seen = 0
    singles = [scene for scene in drawn(digits, 300) if scene.count == 1]
    for scene in singles:
        inked = scene.ink > 0.8
        near = (scene.ink < 0.05) & (papers.ndimage.binary_dilation(inked, iterations=5))
        if inked.sum() > 4 and near.sum() > 4:
            picture = scene.picture.astype(float)
            distance = np.abs(picture[inked].mean(0) - picture[near].mean(0)).max()
            seen += distance > 10
    assert seen > 0.8 * len(singles)


def test_sizes_are_kept(digits):
    """But where a picture goes on, mirrored, beyond its edges."""
    for sizes in ((0.1, 0.3), (0.6, 0.9)):
        right = []
        for scene in drawn(digits, 100, 128, sizes):
            if scene.count == 1:
                high = np.ptp(np.flatnonzero((scene.ink > 0.3).any(1))) / 128
                wide = np.ptp(np.flatnonzero((scene.ink > 0.3).any(0))) / 128
                # Turned, sheared and stretched a little; a pen may thin or widen it.
                right.append(0.55 * sizes[0] < max(high, wide) < 1.5 * sizes[1])
        assert np.mean(right) > 0.9
