"""Pictures of two digits are cut apart."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from keras_pairs.errors import UserError
from keras_pairs.pictures import seen
from keras_pairs.pictures.seen import Seen


@pytest.mark.parametrize(
    ("boxes", "parts"),
    [
        # Side by side.
        (
            [[0.2, 0.1, 0.8, 0.4], [0.1, 0.6, 0.7, 0.9]],
            [[0, 0, 1, 0.5], [0, 0.5, 1, 1]],
        ),
        # Above each other: the lower one begins further left.
        (
            [[0.6, 0.3, 0.9, 0.6], [0.1, 0.4, 0.4, 0.7]],
            [[0, 0, 0.5, 1], [0.5, 0, 1, 1]],
        ),
    ],
)
def test_two_digits_are_cut_apart_left_or_upper_one_first(boxes, parts):
    none = np.zeros((28, 28), "uint8")
    found = Seen(none, 2, none, np.zeros(4), np.float32(boxes + 7 * [[0] * 4]))
    np.testing.assert_allclose(found.halves("both.png"), parts, atol=1e-6)


def test_what_only_pillow_refuses_is_refused_with_its_name():
    """TensorFlow reads a PNG file whose text, and nothing else, is damaged."""
    buffer, texts = io.BytesIO(), PngInfo()
    texts.add_text("author", "somebody")
    Image.new("L", (40, 20), 255).save(buffer, "PNG", pnginfo=texts)
    damaged = buffer.getvalue().replace(b"somebody", b"sOmebody")
    assert tf.io.decode_png(damaged).shape == (20, 40, 1)
    with pytest.raises(UserError, match="^both.png: a damaged image$"):
        seen.crop(damaged, np.array([0, 0, 1, 0.5]), "both.png")
