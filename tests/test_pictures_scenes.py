"""Scenes that train the ink network."""

import numpy as np
import pytest
from scipy import ndimage

from keras_pairs.pictures import light, papers, scenes, stains, strokes


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
        near = (scene.ink < 0.05) & (ndimage.binary_dilation(inked, iterations=5))
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


@pytest.mark.parametrize("pen", strokes.PENS)
def test_pens(pen, digits, monkeypatch):
    monkeypatch.setattr(strokes, "_pen", lambda rng: (pen, 0.2))
    for i in range(20):
        rng = np.random.default_rng(i)
        ink = strokes.digits(rng, digits.x_train, 96, 1, (0.6, 0.6)).ink
        assert ink.dtype == np.float32 and 0 <= ink.min() and 0.5 < ink.max() <= 1
        assert 0.01 < (ink > 0.5).mean() < 0.5 < (ink == 0).mean()


def test_a_broad_pen_draws_more_and_a_thin_one_less(digits, monkeypatch):
    drawn = []
    for pen in (("line", 0.008), ("as it is", 0), ("marker", 0.14)):
        monkeypatch.setattr(strokes, "_pen", lambda rng, pen=pen: pen)
        rng = np.random.default_rng(3)
        drawn.append(strokes.digits(rng, digits.x_train, 96, 1, (0.6, 0.6)).ink.sum())
    thin, as_it_is, broad = drawn
    assert 4 * thin < as_it_is < broad / 1.3


def test_thin_lines_hold_together_and_count_as_ink(digits, monkeypatch):
    monkeypatch.setattr(strokes, "_pen", lambda rng: ("line", 0.008))
    parts = []
    for i in range(40):
        rng = np.random.default_rng(i)
        ink, body, *_ = strokes.digits(rng, digits.x_train, 96, 1, (0.5, 0.9))
        # As wide as a stroke of MNIST's at least, and in one piece.
        assert body.sum() > 0.04 * 48 * 48 and ndimage.label(body)[1] == 1
        parts.append(ndimage.label(ink > 0, np.ones((3, 3)))[1])
    assert np.mean(parts) < 2.5
    for scene in drawn(digits, 40, sizes=(0.7, 0.8)):
        assert (scene.ink.max() > 0.9) == (scene.count > 0)


def test_stains_and_shadows_let_a_part_of_the_light_through():
    for draw, shape in ((stains.stain, (64, 64, 3)), (light.shadow, (64, 64))):
        through = [draw(np.random.default_rng(i), 64) for i in range(60)]
        for one in through:
            assert one.shape == shape and one.min() >= 0 and one.max() <= 1
        changed = np.array([(one < 0.9).mean() for one in through])
        assert (changed > 0.02).mean() > 0.5 and changed.mean() < 0.5


def test_a_sheet_on_a_table_keeps_what_is_on_it():
    inside, sheet = (0.3, 0.4, 0.6, 0.7), np.full((64, 64, 3), -9, "float32")
    covered = 0
    for i in range(200):
        laid = papers.on_table(np.random.default_rng(i), sheet, inside)[..., 0] < -4.5
        assert laid[21:37, 27:43].mean() > 0.97
        covered += 1 - laid.mean()
    assert covered > 0.2 * 200


def test_a_scene_tells_which_digits_it_shows(digits):
    glyphs = digits.x_train[:50]
    found = [scenes.scene(np.random.default_rng(i), glyphs, 48) for i in range(150)]
    for scene in found:
        assert len(scene.which) == scene.count
        assert all(-1 <= place < len(glyphs) for place in scene.which)
    programs = np.mean([-1 in scene.which for scene in found if scene.count])
    assert 0.08 < programs < 0.25
    # One glyph alone is that glyph, or what a program drew.
    alone = [scenes.scene(np.random.default_rng(i), glyphs[:1], 48) for i in range(60)]
    assert {place for scene in alone for place in scene.which} == {0, -1}
