"""The ink network: where in a picture digits are, and their ink. Stock Keras.

A U-Net (Ronneberger et al., 2015) small enough to run inside the served graph.
"""

import pathlib

import keras
import numpy as np
from keras import layers, ops

from keras_pairs import files
from keras_pairs.errors import UserError

# Filters of each level; each level halves the picture, so sides are multiples of 16.
LEVELS = (12, 20, 28, 40, 48)
# Pixels: contrast with what lies as near as this shows ink in any light.
NEIGHBOURHOOD = 15
NAME = "ink_network"
WEIGHTS = pathlib.Path(__file__).with_name("ink_weights.npz")


def build():
    """Builds the network with fresh weights.

        network = build()
        network(np.zeros((1, 64, 64, 3))).shape    # (1, 64, 64, 2)

    Returns:
      `keras.Model` from `picture`, float32 [batch, side, side, 3] of 0…255, side a multiple
      of 16, to float32 [batch, side, side, 2], the logits of each pixel's share of ink and
      of its lying in a digit's body (`strokes.Drawn`).
    """
    picture = keras.Input((None, None, 3), name="picture")
    x = layers.Concatenate(name="channels")([_global(picture), *_local(picture)])
    skipped = []
    for level, filters in enumerate(LEVELS):
        if level:
            skipped.append(x)
            x = layers.MaxPooling2D(name=f"down_{level}")(x)
        for part in "ab":
            x = _convolution(x, filters, f"down_{level}{part}")
    for level in reversed(range(len(skipped))):
        x = layers.UpSampling2D(name=f"up_{level}")(x)
        x = layers.Concatenate(name=f"skip_{level}")([x, skipped[level]])
        x = _convolution(x, LEVELS[level], f"up_{level}a")
    x = _convolution(x, LEVELS[0], "last")
    return keras.Model(picture, layers.Conv2D(2, 1, name="ink_and_body")(x), name=NAME)


def _convolution(x, filters, name):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv_{name}")(x)
    x = layers.BatchNormalization(name=f"norm_{name}")(x)
    return layers.ReLU(name=f"relu_{name}")(x)


def _global(picture):
    """Colours, less the picture's mean and over its deviation: [batch, h, w, 3]."""
    centred = picture - ops.mean(picture, (1, 2), keepdims=True)
    return centred / (ops.sqrt(ops.mean(ops.square(centred), (1, 2, 3), keepdims=True)) + 4)


def _local(picture):
    """The largest and the smallest contrast of a colour channel with its surroundings."""
    centred = picture - _blurred(picture, "mean")
    square = ops.mean(ops.square(centred), -1, keepdims=True)
    contrast = centred / (ops.sqrt(_blurred(square, "square")) + 4)
    return ops.max(contrast, -1, keepdims=True), ops.min(contrast, -1, keepdims=True)


def _blurred(x, name):
    for axis, size in (("rows", (NEIGHBOURHOOD, 1)), ("columns", (1, NEIGHBOURHOOD))):
        pool = layers.AveragePooling2D(size, 1, "same", name=f"{name}_{axis}")
        x = pool(x)
    return x


def load(path=WEIGHTS):
    """Builds the network with the weights that `save` wrote; by default, those shipped.

    Raises:
      UserError: if the file is missing or holds other weights.
    """
    network = build()
    try:
        with files.npz(path) as arrays:
            network.set_weights(
                [arrays[name].astype("float32") for name in _names(network)]
            )
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error
    except Exception as error:
        # Of a damaged file zipfile and numpy raise a dozen types.
        raise UserError(f"{path}: not the weights of this ink network") from error
    return network


def save(network, path):
    """Writes a network's weights as float16 to an .npz, 0.3 MB, atomically."""
    arrays = {
        name: weight.astype("float16")
        for name, weight in zip(_names(network), network.get_weights(), strict=True)
    }
    with files.atomic_write(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)


def _names(network):
    return [weight.path for weight in network.weights]
