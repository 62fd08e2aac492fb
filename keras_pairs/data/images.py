"""Labelled images, in the one form that every source is brought to."""

import dataclasses
import functools
import hashlib

import numpy as np

# The arrays of Keras' own MNIST file.
KEYS = ("x_train", "y_train", "x_test", "y_test")
# How files and folders name the two parts.
PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"}


@dataclasses.dataclass(frozen=True)
class Images:
    """Labelled images in MNIST's form; `sample_pairs` and `train_run` take them.

        import numpy as np

        x, y = np.zeros((40, 28, 28), "uint8"), np.arange(40, dtype="uint8") % 10
        images = Images("mine", "memory", x, y, x, y)
        images.describe()["train_images"]    # 40

    Attributes:
      name: str, for tables and titles: "mnist", "digits", a user's folder, or a user's
        file without `.npz`.
      source: str, where they were read: a path, or "scikit-learn".
      x_train, x_test: uint8 [N, 28, 28], 0 = background, 255 = ink.
      y_train, y_test: uint8 [N], 0…9.
      reuse: bool, whether an image may be in several pairs of its split: where there are
        too few for pairs without it.
    """

    name: str
    source: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    reuse: bool = False

    @functools.cached_property
    def digest(self):
        """SHA-256 of the four arrays, hexadecimal."""
        hashed = hashlib.sha256()
        for key in KEYS:
            hashed.update(np.ascontiguousarray(getattr(self, key)))
        return hashed.hexdigest()

    def describe(self):
        """dict for result files: name, source, sizes, digest."""
        return {
            "name": self.name,
            "source": self.source,
            "train_images": len(self.x_train),
            "test_images": len(self.x_test),
            "sha256": self.digest,
        }
