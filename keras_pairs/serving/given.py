"""What is given to be compared, in the forms that it may have.

Importable without TensorFlow.
"""

import pathlib

import numpy as np

from keras_pairs.data.pixels import are_scaled
from keras_pairs.errors import UserError

BATCH = 256


def batches(pairs):
    """Pairs in parts of `BATCH`; more where a graph would take a part for scaled."""
    parts = []
    for i in range(0, len(pairs), BATCH):
        part = pairs[i : i + BATCH]
        if parts and (are_scaled(part.max()) or are_scaled(parts[-1].max())):
            parts[-1] = np.concatenate([parts[-1], part])
        else:
            parts.append(part)
    return parts


def as_images(images):
    """Arrays of one image or of several as uint8 [n, 28, 28] or float32 [n, 14, 14].

    Raises:
      UserError: if they are of another shape or dtype.
    """
    try:
        images = np.asarray(images)
    except ValueError as error:
        raise UserError("images must all have one shape") from error
    images = images[None] if images.ndim == 2 else images
    if images.shape[1:] == (28, 28) and images.dtype == np.uint8:
        return images
    numbers = images.dtype.kind in "uif"
    if images.shape[1:] != (14, 14) or not numbers:
        raise UserError(
            "images must be uint8 [n, 28, 28] or numbers [n, 14, 14], not "
            f"{images.dtype} {list(images.shape)}"
        )
    return images.astype("float32")


def several(images):
    """One image or file as a sequence of one."""
    if is_file(images):
        return [images]
    # What has two axes is one image, of whatever library.
    return np.asarray(images)[None] if getattr(images, "ndim", 0) == 2 else images


def is_file(image):
    """Whether it is a path, or the content of a file."""
    return isinstance(image, (str, bytes, pathlib.PurePath))


def name(image):
    """What an error calls a file."""
    return "<bytes>" if isinstance(image, bytes) else image
