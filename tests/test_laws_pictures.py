"""Laws of preparing pictures: whatever position, scale and polarity, the same digit."""

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_pairs.pictures import drawing
from tests.helpers import png
from tests.laws import CASES, hypothesis, law
from tests.test_drawing import likeness, look

st = hypothesis.strategies
SIDE, BOX = drawing.SIDE, drawing.BOX
seeds = st.integers(0, 2**32)


@tf.function(input_signature=[tf.TensorSpec([None, None])], autograph=False)
def fit(ink):
    return drawing._fit(ink)


@st.composite
def inks(draw):
    """Ink [h, w] of 0…1 that touches all four edges of its array."""
    height, width = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(seeds))
    ink = rng.random((height, width)) * (
        rng.random((height, width)) < draw(st.floats(0, 1))
    )
    for edge in (ink[0], ink[-1], ink[:, 0], ink[:, -1]):
        edge[rng.integers(len(edge))] = 1
    return ink.astype("float32")


@law
@hypothesis.given(ink=inks(), edges=st.lists(st.integers(0, 50), min_size=4, max_size=4))
def test_paper_around_ink_does_not_matter(ink, edges):
    top, bottom, left, right = edges
    framed = np.pad(ink, [(top, bottom), (left, right)])
    np.testing.assert_array_equal(fit(framed), fit(ink))


@law
@hypothesis.given(ink=inks())
def test_ink_fits_the_box_and_lies_where_mnists_does(ink):
    image = fit(ink).numpy()
    assert image.shape == (SIDE, SIDE) and image.dtype == np.float32
    assert image.min() >= 0 and 254.9 < image.max() <= 255.001
    rows, columns = image.any(1).nonzero()[0], image.any(0).nonzero()[0]
    extent = np.array([np.ptp(rows), np.ptp(columns)]) + 1
    # Pixels at the edges may vanish where ink is thin and much reduced.
    assert extent.max() <= BOX
    height, width = ink.shape
    longest = max(height, width)
    for side, found in zip((height, width), extent, strict=True):
        assert found <= max(round(side * BOX / longest), 1) + 1
    places = np.arange(SIDE) + 0.5
    for axis, found in enumerate(extent):
        centre = (image.sum(1 - axis) * places).sum() / image.sum()
        first = image.any(1 - axis).nonzero()[0][0]
        # As near as whole pixels allow, unless the edge is nearer.
        at_edge = first == 0 or first + found == SIDE
        assert abs(centre - drawing.CENTRE) <= 0.501 or at_edge


@law
@hypothesis.given(seed=seeds, share=st.floats(0.01, 0.5), inverted=st.booleans())
def test_mnists_form_is_left_alone_whichever_is_white(seed, share, inverted):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (SIDE, SIDE)) * (rng.random((SIDE, SIDE)) < share)
    image[[0, -1]] = image[:, [0, -1]] = 0
    image = image.astype("uint8")
    seen = look()(png(255 - image if inverted else image))
    np.testing.assert_array_equal(seen["image"], image)
    assert seen["count"] == (image.max() >= drawing.FAINTEST_INK)


def drawn(glyph, side, size, at, inverted=False):
    """A digit with a pen's hard edges on a sheet: uint8 [side, side]."""
    glyph = Image.fromarray(glyph[4:24, 4:24])
    large = np.asarray(glyph.resize((size, size), Image.Resampling.BICUBIC))
    sheet = np.full((side, side), 255, "uint8")
    top, left = at
    sheet[top : top + size, left : left + size][large > 110] = 0
    return 255 - sheet if inverted else sheet


def same_and_in_place(rng, glyphs):
    """Whether a digit in the middle is found elsewhere in another size and polarity."""
    glyph = glyphs[rng.integers(len(glyphs))]
    side, share = int(rng.integers(120, 500)), rng.uniform(0.3, 0.7)
    middle = (side - int(share * side)) // 2
    first = look()(png(drawn(glyph, side, int(share * side), (middle, middle))))
    # Of fewer pixels, hard edges are other strokes.
    side = int(side * max(rng.uniform(0.6, 2), 40 / (share * side)) + 1)
    size = int(share * side)
    at = [int(part * (side - size)) for part in rng.uniform(0, 1, 2)]
    second = look()(png(drawn(glyph, side, size, at, rng.random() < 0.5)))
    box = second["boxes"][0].numpy() * side
    # It is where it was drawn, to within a tenth of its size.
    slack = size / 10 + 2
    return (
        first["count"] == second["count"] == 1
        and likeness(first["image"].numpy(), second["image"].numpy()) > 0.9
        and (box[:2] >= np.array(at) - slack).all()
        and (box[2:] <= np.array(at) + size + slack).all()
    )


def test_the_same_digit_anywhere_in_any_size_and_polarity(digits):
    """The ink network was trained for it; what it has learnt is not exact."""
    rng = np.random.default_rng(0)
    right = [same_and_in_place(rng, digits.x_test) for _ in range(int(CASES or 60))]
    assert np.mean(right) >= 0.98
