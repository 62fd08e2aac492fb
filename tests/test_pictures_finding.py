"""Finding digits, with a made-up ink network: black is ink."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from keras_pairs.pictures import finding

WHITE = 255.0


def network(picture):
    ink = (128 - tf.reduce_mean(picture, -1, keepdims=True)) / 8
    return tf.concat([ink, ink], -1)


def sheet(*boxes, size=(300, 400)):
    picture = np.full((*size, 3), WHITE, "float32")
    for top, left, bottom, right in boxes:
        picture[top:bottom, left:right] = 0
    return picture


def found(picture, seen_closely=lambda window: window):
    """What is found; `seen_closely` changes what the network sees of a window."""

    def look(seen):
        return network(seen if seen.shape[1] == finding.WHOLE else seen_closely(seen))

    find = tf.function(lambda picture: finding.find(look, picture), autograph=False)
    seen = find(tf.ensure_shape(picture, (None, None, 3)))
    return {name: value.numpy() for name, value in seen.items()}


@pytest.mark.parametrize(
    "boxes",
    [
        [(100, 150, 180, 200)],
        [(10, 10, 40, 30)],
        [(0, 0, 300, 60)],
        [(260, 370, 300, 400)],
        [(100, 50, 160, 90), (110, 200, 180, 250)],
        [(20, 20, 60, 40), (20, 80, 60, 100), (30, 150, 64, 175), (22, 230, 60, 250)],
    ],
)
def test_boxes_and_window(boxes):
    seen = found(sheet(*boxes))
    assert seen["count"] == len(boxes)
    window = seen["window"]
    side = window[2] - window[0]
    assert side == pytest.approx(window[3] - window[1])
    pixel = side / finding.WINDOW
    np.testing.assert_allclose(seen["boxes"][: len(boxes)], boxes, atol=1.5 * pixel + 1)
    assert not seen["boxes"][len(boxes) :].any()
    extent = np.array(boxes)
    extent = (*extent[:, :2].min(0), *extent[:, 2:].max(0))
    longer = max(extent[2] - extent[0], extent[3] - extent[1])
    assert side == pytest.approx(finding.MARGIN * longer, rel=0.12)


def test_what_is_far_from_the_digit_is_not_its_ink():
    digit, near = (100, 200, 180, 260), (130, 275, 140, 281)
    holes = [(20, 10, 34, 20), (140, 10, 154, 20), (270, 10, 284, 20)]
    alone, beside = found(sheet(digit, near)), found(sheet(digit, near, *holes))
    assert beside["count"] == 1
    for name, value in alone.items():
        np.testing.assert_allclose(beside[name], value, atol=1e-4, err_msg=name)
    # A dot beside a digit may be a part of it.
    assert (beside["window"] > found(sheet(digit))["window"])[3]


@pytest.mark.parametrize("turned", range(4))
def test_a_digit_beside_the_edge_of_a_table(turned):
    """As the whole picture shows it, dark; more closely, the edge is none."""
    digit = sheet((100, 60, 150, 90), size=(300, 700))
    table = digit.copy()
    table[:, 690:] = 90
    seen = found(np.rot90(table, turned).copy(), seen_closely=lambda x: x * 2)
    alone = found(np.rot90(digit, turned).copy(), seen_closely=lambda x: x * 2)
    assert seen["count"] == alone["count"] == 1
    np.testing.assert_allclose(seen["window"], alone["window"], atol=0.1)
    np.testing.assert_allclose(seen["boxes"], alone["boxes"], atol=0.1)


def test_clouds_are_no_digit():
    """As sure as a digit in one place, and pale everywhere else."""
    picture = np.full((300, 300, 3), WHITE, "float32")
    picture[100:200, 100:200] = 125
    picture[140:160, 140:160] = 0
    assert found(picture)["count"] == 0
    picture[100:200, 100:200] = 116
    assert found(picture)["count"] == 1


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (300, 5), (30, 40), (512, 512)])
def test_any_size_and_nothing_there(size):
    seen = found(sheet(size=size))
    assert seen["count"] == 0 and not seen["boxes"].any() and seen["ink"].max() < 0.01
    assert np.isfinite(seen["window"]).all()


def test_specks_are_no_digits():
    seen = found(sheet((100, 150, 180, 200), (50, 100, 53, 103), (200, 250, 204, 253)))
    assert seen["count"] == 1


def test_a_bar_over_a_digit_is_a_part_of_it():
    # The upper stroke of many a 5.
    seen = found(sheet((100, 150, 180, 165), (84, 150, 92, 200)))
    assert seen["count"] == 1


def test_parts_as_scipy_finds_them():
    rng = np.random.default_rng(0)
    components = tf.function(finding._components)
    for share in (0.1, 0.3, 0.5, 0.7):
        mask = rng.random((64, 64)) < share
        ours = components(tf.constant(mask)).numpy()
        theirs, number = ndimage.label(mask, np.ones((3, 3)))
        assert len(np.unique(ours[mask])) == number
        # The same parts, by other numbers.
        pairs = set(zip(ours[mask].tolist(), theirs[mask].tolist(), strict=True))
        assert len(pairs) == number and not ours[~mask].any()
