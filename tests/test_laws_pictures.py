"""Laws of preparing pictures: whatever position, scale and polarity, the same digit."""

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_pairs.pictures import drawing
from tests.helpers import png
from tests.laws import costly_law, hypothesis, law
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


@costly_law
@hypothesis.given(
    which=st.integers(0, 499),
    side=st.integers(120, 500),
    share=st.floats(0.3, 0.7),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    factor=st.floats(0.6, 2),
    inverted=st.booleans(),
)
def test_the_same_digit_anywhere_in_any_size_and_polarity(
    digits, which, side, share, place, factor, inverted
):
    """The ink network was trained for it; what it has learnt is not exact."""
    glyph = digits.x_test[which]
    middle = (side - int(share * side)) // 2
    first = look()(png(drawn(glyph, side, int(share * side), (middle, middle))))
    side = int(side * factor)
    size = int(share * side)
    at = [int(part * (side - size)) for part in place]
    second = look()(png(drawn(glyph, side, size, at, inverted)))
    assert first["count"] == second["count"] == 1
    assert likeness(first["image"].numpy(), second["image"].numpy()) > 0.9
    # It is where it was drawn, to within a tenth of its size.
    top, left, bottom, right = second["boxes"][0].numpy() * side
    slack = size / 10 + 2
    assert top >= at[0] - slack and left >= at[1] - slack
    assert bottom <= at[0] + size + slack and right <= at[1] + size + slack
