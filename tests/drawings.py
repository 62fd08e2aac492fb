"""Folders of pictures for the tests, drawn from the digits inside scikit-learn."""

import numpy as np
from PIL import Image

from keras_pairs.data import preparation

SUFFIXES = (".png", ".jpg", ".webp", ".gif", ".bmp")


def drawn(image):
    """uint8 [28, 28] as black ink on white paper of 140×140: `PIL.Image`."""
    large = Image.fromarray(image).resize((140, 140), Image.Resampling.BICUBIC)
    # Enlarged digits are soft; a pen's strokes are not.
    return large.point(lambda value: 255 - min(255, max(0, 4 * (value - 180) + 128)))


def write(folder, digits, each, first=0, place="{digit}/{number}{suffix}"):
    """Writes `each` pictures of every digit.

    Args:
      folder: Path, made where absent.
      digits: `data.Images` to take them from.
      each: int.
      first: int, how many of each digit's images are passed over.
      place: str, a picture's path in the folder.
    """
    for digit in range(10):
        images = digits.x_train[digits.y_train == digit][first : first + each]
        for number, image in enumerate(images, first):
            suffix = SUFFIXES[number % len(SUFFIXES)]
            path = folder / place.format(digit=digit, number=number, suffix=suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            drawn(image).save(path)
    return folder


def prepare_quickly(monkeypatch, again=False):
    """In place of the preparation's process, which takes seconds to start, Pillow.

    Returns:
      list of str, which receives the names of what is prepared.
    """
    asked = []

    def prepared(folder, wanted):
        for file in wanted:
            asked.append(file.name)
            try:
                with Image.open(folder / file.name) as image:
                    small = image.convert("L").resize((28, 28))
                yield file, 255 - np.asarray(small), False
            except OSError:
                yield file, "not an image", again

    monkeypatch.setattr(preparation, "_prepared", prepared)
    return asked
