"""Arrays as others keep them, checked and brought to MNIST's form."""

import math
import re

import numpy as np

from keras_pairs.data import pixels
from keras_pairs.data.images import KEYS, PARTS
from keras_pairs.errors import UserError

# In each part; EMNIST has 280,000 digits. A zip file may unpack to 1,000 times its size.
MAX_IMAGES = 10**6
MAX_BYTES = MAX_IMAGES * 28 * 28
# Three quarters of white: paper is lighter, even in poor scans. A median border above it is
# not ink, which digits have inside, nor noise, of which a quarter is above it.
LIGHT = 191
# Paper that is as good as white. Inverted, darker paper would not be a background of 0.
WHITE = 250
# At once, so that the numbers in between take little memory.
_CHUNK = 1000

_AXES = {
    **dict.fromkeys(("x", "images", "image", "data", "features"), "x"),
    **dict.fromkeys(("y", "labels", "label", "targets", "target"), "y"),
}


def find(names):
    """Which of a file's arrays are MNIST's.

    Args:
      names: list of str: `KEYS`, or names such as train_images, X_train, test-labels.

    Returns:
      dict: key of `KEYS` → name.

    Raises:
      UserError: if one is missing, or there are several for one.
    """
    found = {}
    for name in names:
        if name not in KEYS:
            words = re.split(r"[-_. ]", name.lower())
            parts = [PARTS[word] for word in words if word in PARTS]
            axes = [_AXES[word] for word in words if word in _AXES]
            if len(words) == 2 and len(parts) == len(axes) == 1:
                found.setdefault(f"{axes[0]}_{parts[0]}", []).append(name)
    found |= {name: [name] for name in names if name in KEYS}
    for key in KEYS:
        if key not in found:
            there = ", ".join(repr(name[:40]) for name in names[:8])
            holds = f" (it holds {there})" if there else ""
            raise UserError(f"has no array named {key}{holds}")
        if len(found[key]) > 1:
            raise UserError(f"has several arrays for {key}: {', '.join(found[key])}")
    return {key: found[key][0] for key in KEYS}


def check_headers(part, x, y):
    """Refuses, before anything is unpacked, what cannot be brought to MNIST's form.

    Args:
      part: str, "train" or "test".
      x, y: (shape, dtype) of its images and labels, whatever a header claims.

    Raises:
      UserError: which begins with the name of the array.
    """
    (shape, dtype), (y_shape, y_dtype) = x, y
    sides = tuple(side for side in shape[1:] if side != 1)
    if dtype.kind not in "buif" or sides not in ((28, 28), (784,)):
        raise UserError(f"x_{part} must be uint8 [N, 28, 28], not {dtype} {list(shape)}")
    count = shape[0]
    if not 0 < count <= MAX_IMAGES:
        raise UserError(f"x_{part} must have 1 to {MAX_IMAGES:,} images, not {count:,}")
    if math.prod(shape) * dtype.itemsize > MAX_BYTES:
        raise UserError(f"x_{part} has {count:,} images of {dtype}: save it as uint8")
    one_hot = y_dtype.kind in "buif" and y_shape == (count, 10)
    if not one_hot and (y_dtype.kind not in "uif" or y_shape not in ((count,), (count, 1))):
        raise UserError(
            f"y_{part} must be integers {[count]}, not {y_dtype} {list(y_shape)}"
        )


def converted(arrays):
    """Brings arrays that passed `check_headers` to MNIST's form.

    Args:
      arrays: dict by `KEYS`.

    Returns:
      (dict by `KEYS`: x uint8 [N, 28, 28], y uint8 [N] of 0…9; str, what was converted,
      empty where all was as it should be).

    Raises:
      UserError: which begins with the name of the array.
    """
    found, changes = {}, {}
    for key in KEYS:
        convert = _images if key.startswith("x") else _labels
        found[key], changed = convert(key, arrays[key])
        for change in changed:
            changes.setdefault(change, []).append(key)
    return found, "; ".join(f"{', '.join(keys)}: {text}" for text, keys in changes.items())


def _images(name, x):
    changes = []
    if x.shape[1:] != (28, 28):
        shape = ", ".join(map(str, x.shape[1:]))
        changes.append(f"[N, {shape}] to [N, 28, 28]")
        x = x.reshape(-1, 28, 28)
    low, peak = x.min(), x.max()
    # Not a number is neither.
    if not (low >= 0 and (peak <= 1 or 2 <= peak <= 255)):
        text = f"not {low:.9g} to {peak:.9g}"
        raise UserError(f"{name} must hold pixels 0 to 255, or all 0 to 1, {text}")
    scale = 1
    if pixels.are_scaled(peak):
        scale = 255
        changes.append("0…1 to 0…255")
    elif x.dtype.kind == "f":
        changes.append(f"{x.dtype} rounded")
    if x.dtype != np.uint8 or scale != 1:
        x = _bytes(x, scale)
    border = np.concatenate([x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]], 1)
    paper = np.median(border)
    if paper >= WHITE:
        x = 255 - x
        changes.append("dark on white inverted")
    elif paper > LIGHT:
        raise UserError(
            f"{name} is dark on light; the background must be 0 and ink up to 255 (take "
            "255 minus the pixels)"
        )
    if x.max() == 0:
        raise UserError(
            f"{name} is all {'white' if paper else 'black'}; ink must be up to 255"
        )
    return x, changes


def _bytes(x, scale):
    found = np.empty(x.shape, "uint8")
    for start in range(0, len(x), _CHUNK):
        chunk = x[start : start + _CHUNK]
        found[start : start + _CHUNK] = np.rint(chunk * np.float64(scale))
    return found


def _labels(name, y):
    changes = []
    if y.shape[1:] == (10,):
        if not ((y == 0) | (y == 1)).all() or not (y.sum(1) == 1).all():
            raise UserError(f"{name} must be one-hot: in each row one 1 and nine 0")
        y = y.argmax(1)
        changes.append("one-hot to digits")
    y = y.reshape(-1)
    wrong = ~((0 <= y) & (y <= 9))
    if y.dtype.kind == "f":
        wrong |= y != np.rint(y)
    if wrong.any():
        raise UserError(f"{name} must hold digits 0 to 9, not {y[wrong][0]:.9g}")
    return y.astype("uint8"), changes
