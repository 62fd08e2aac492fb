"""What the signature `png` makes of drawings."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFilter

from keras_pairs.pictures import drawing
from tests.helpers import BOX, STROKES, draw, png


@functools.cache
def form():
    spec = tf.TensorSpec([], tf.string)
    return tf.function(drawing.mnist_form, [spec], autograph=False)


@functools.cache
def look():
    spec = tf.TensorSpec([], tf.string)
    return tf.function(drawing.look, [spec], autograph=False)


def formed(image, **options):
    return form()(png(image, **options)).numpy()


def likeness(a, b):
    """Correlation of two images, one of them moved by up to a pixel."""
    moves = [np.roll(b, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return max(np.corrcoef(a.ravel(), moved.ravel())[0, 1] for moved in moves)


PLAIN = draw(2)
RGBA = {"mode": "RGBA", "paper": (0, 0, 0, 0)}
SAME = {
    "light on dark": draw(2, paper=(0,), ink=(255,)),
    "grey paper, pencil": draw(2, paper=(120,), ink=(60,)),
    "blackboard": draw(2, mode="RGB", paper=(20, 50, 40), ink=(230, 230, 210)),
    "yellow on white": draw(2, mode="RGB", paper=(255,) * 3, ink=(250, 230, 40)),
    "red on green as bright": draw(2, mode="RGB", paper=(0, 100, 0), ink=(196, 0, 0)),
    "black on nothing": draw(2, **RGBA, ink=(0, 0, 0, 255)),
    "white on nothing": draw(2, **RGBA, ink=(255, 255, 255, 255)),
    "half transparent ink": draw(2, **RGBA, ink=(0, 0, 200, 120)),
    "grey with alpha": draw(2, **RGBA, ink=(0, 0, 0, 255)).convert("LA"),
    "palette": draw(2).convert("P"),
    "one bit": draw(2).convert("1"),
    "two bits": draw(2).quantize(4),
    "in a corner": draw(2, pen=12, at=(0.45, 0.4), size=0.4),
    "larger": draw(2, pen=60, side=700),
    "not square": draw(2).crop((0, 0, 280, 270)).copy(),
    "slightly blurred": draw(2).filter(ImageFilter.GaussianBlur(3)),
}


@pytest.mark.parametrize("name", SAME)
def test_paper_ink_and_size_do_not_matter(name):
    assert likeness(formed(SAME[name]), formed(PLAIN)) > 0.95
    assert likeness(formed(draw(7)), formed(PLAIN)) < 0.7


def test_paper_with_transparent_margin():
    sheet = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    sheet.paste(draw(2, mode="RGB", paper=(250,) * 3, ink=(0,) * 3), (60, 60))
    assert likeness(formed(sheet), formed(PLAIN)) > 0.95


def test_sixteen_bits():
    wide = Image.fromarray(np.asarray(PLAIN).astype("uint16") * 257)
    np.testing.assert_allclose(formed(wide), formed(PLAIN), atol=1e-3)


@pytest.mark.parametrize("pen", [3, 8, 16, 40])
def test_result_is_in_mnists_form(pen):
    for digit in STROKES:
        image = formed(draw(digit, pen, at=(0.15, 0.05)))
        assert image.shape == (28, 28) and image.dtype == np.float32
        assert image.min() == 0 and image.max() == pytest.approx(255)
        rows, columns = image.any(1).nonzero()[0], image.any(0).nonzero()[0]
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
        places = np.arange(28) + 0.5
        for axis in (0, 1):
            centre = (image.sum(1 - axis) * places).sum() / image.sum()
            assert abs(centre - 14.5) <= 0.5 + 1e-3
        # A stroke of one pixel in 280 would be a faint line and not read.
        assert (image > 127).sum() > 40


def test_proportions_stay():
    """Of a 0 four times as high as wide."""
    tall = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(tall).ellipse([125, 50, 175, 250], outline=0, width=12)
    image = formed(tall) > 127
    assert image.any(1).sum() in (19, 20) and image.any(0).sum() in (4, 5, 6)


def test_mnists_form_is_left_alone(digits):
    for x in digits.x_test[:20]:
        for array in (x, 255 - x, np.stack([x] * 3, -1), np.stack([255 - x] * 4, -1)):
            array = array.copy()
            if array.shape[-1] == 4:
                array[..., 3] = 255
            np.testing.assert_array_equal(formed(Image.fromarray(array)), x)


def test_what_has_mnists_size_is_one_digit():
    """Two parts, as of a 4 whose middle is too pale to be seen."""
    counts = {}
    for side in (28, 30):
        sheet = np.full((side, side), 190, "uint8")
        sheet[6:22, 5:8] = sheet[8:22, 19:22] = 20
        seen = {k: v.numpy() for k, v in look()(png(Image.fromarray(sheet))).items()}
        counts[side] = int(seen["count"])
        outer = np.array([6, 5, 22, 22]) / side
        boxes = seen["boxes"][: counts[side]]
        np.testing.assert_allclose(boxes[:, 0].min(), outer[0], atol=0.07)
        np.testing.assert_allclose(boxes[:, 1].min(), outer[1], atol=0.07)
        np.testing.assert_allclose(boxes[:, 2:].max(0), outer[2:], atol=0.07)
        assert not seen["boxes"][counts[side] :].any()
    assert counts == {28: 1, 30: 2}
    empty = look()(png(Image.new("L", (28, 28), 190)))
    assert empty["count"] == 0 and not empty["boxes"].numpy().any()


def test_drawings_are_read_as_the_digits_they_show(digits):
    """The embedded digits with the pixels of pens, papers and sizes that people use."""
    rng = np.random.default_rng(0)
    count = 100
    x = digits.x_test[: 2 * count]

    def drawn(digit, i):
        sheet = Image.new("L", (400, 360), 0)
        big = Image.fromarray(digit).resize((196, 196), Image.Resampling.BICUBIC)
        ink = big.point(lambda value: 255 * (value > 110))
        sheet.paste(ink, tuple(rng.integers(0, 160, 2)))
        if i % 2:
            return sheet
        return Image.composite(
            Image.new("RGB", sheet.size, (30, 30, 120)),
            Image.new("RGB", sheet.size, (240, 235, 220)),
            sheet,
        )

    images = tf.saved_model.load(str(BOX)).signatures["images"]
    files = [png(drawn(digit, i)) for i, digit in enumerate(x)]
    seen = [look()(file) for file in files]
    counts = np.array([one["count"] for one in seen])
    labels = digits.y_test[: 2 * count]

    def accuracy(forms):
        forms = np.stack(forms).round().astype("uint8")
        found = images(images=tf.constant(np.stack([forms, forms], 1)))
        return np.mean(found["first_digit"].numpy().argmax(-1) == labels)

    assert (counts == 1).mean() > 0.97
    assert accuracy(x) > 0.6
    assert accuracy([one["image"] for one in seen]) > accuracy(x) - 0.1
