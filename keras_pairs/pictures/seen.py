"""What is made of a picture before a network sees it. Importable without TensorFlow."""

import dataclasses
import io

import numpy as np
from PIL import Image

from keras_pairs.errors import UserError


@dataclasses.dataclass(frozen=True)
class Seen:
    """One picture, as `Comparer.look` gives it.

    Attributes:
      image: uint8 [28, 28], MNIST's form, 0 = background; all 0 where nothing was found.
      count: int, how many digits were found.
      ink: uint8 [64, 64], 0…255, the ink found in the window that was read.
      window: float32 [4], the window's top, left, bottom and right as shares of the
        picture's height and width; it may reach beyond the picture.
      boxes: float32 [9, 4], each digit's top, left, bottom and right as shares of the
        picture, from left to right; zeros behind the last.
    """

    image: np.ndarray = dataclasses.field(repr=False)
    count: int
    ink: np.ndarray = dataclasses.field(repr=False)
    window: np.ndarray
    boxes: np.ndarray = dataclasses.field(repr=False)

    def check(self, name):
        """Refuses a picture that does not show one digit.

        Raises:
          UserError: that begins with `name`.
        """
        if self.count == 0:
            raise UserError(f"{name}: shows no digit that can be found")
        if self.count > 1:
            raise UserError(
                f"{name}: {self.count} digits found: one picture a digit"
                + (", or --split" if self.count == 2 else "")
            )

    def halves(self, name):
        """Where to cut a picture of two digits: the box of each, float [4], as shares.

        The first is the left one or, where they stand above each other, the upper one.
        They are cut apart in the middle between them.

        Raises:
          UserError: that begins with `name`, if there are not exactly two.
        """
        if self.count != 2:
            raise UserError(f"{name}: two digits are needed, {self.count} found")
        first, second = self.boxes[:2].astype(float)
        # Side by side or one above the other: where the gap between them is wider.
        axis = int(second[1] - first[3] >= max(second[0] - first[2], first[0] - second[2]))
        if first[axis] > second[axis]:
            first, second = second, first
        cut = (first[axis + 2] + second[axis]) / 2
        parts = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
        parts[0, axis + 2] = parts[1, axis] = cut
        return list(parts)


def crop(png, part, name):
    """Cuts a part out of a picture.

    Args:
      png: bytes, a PNG file.
      part: float (top, left, bottom, right), as shares of the picture's height and width.
      name: str, for the error.

    Returns:
      bytes, a PNG file.

    Raises:
      UserError: that begins with `name`, if Pillow cannot read the file.
    """
    with opened(png, name) as picture:
        width, height = picture.size
        top, left, bottom, right = np.round(part * [height, width, height, width])
        buffer = io.BytesIO()
        picture.crop((int(left), int(top), int(right), int(bottom))).save(buffer, "PNG")
    return buffer.getvalue()


def opened(png, name):
    """Decodes a PNG file with Pillow, which refuses some that TensorFlow reads.

    Args:
      png, name: as of `crop`.

    Returns:
      `PIL.Image.Image`.

    Raises:
      UserError: that begins with `name`, if Pillow cannot read the file.
    """
    try:
        picture = Image.open(io.BytesIO(png))
        picture.load()
    except MemoryError:
        raise
    # Of damaged files Pillow's readers raise whatever they met.
    except Exception as error:
        raise UserError(f"{name}: a damaged image") from error
    return picture
