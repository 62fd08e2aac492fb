"""The 1,797 digits inside scikit-learn, in MNIST's form. They need no network."""

import numpy as np

from keras_pairs.data.images import Images

# The last ones are the test part.
TEST = 500


def load():
    """`Images` of 8×8 pixels of 0…16, enlarged as MNIST's: 20×20, centred in 28×28."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = np.zeros((len(digits.images), 28, 28), "uint8")
    for canvas, small in zip(x, digits.images, strict=True):
        grey = Image.fromarray(np.round(small * 255 / 16).astype("uint8"))
        canvas[4:24, 4:24] = grey.resize((20, 20), Image.Resampling.BICUBIC)
    y = digits.target.astype("uint8")
    cut = len(x) - TEST
    parts = x[:cut], y[:cut], x[cut:], y[cut:]
    return Images("digits", "scikit-learn", *parts, reuse=True)
