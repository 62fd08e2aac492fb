"""From images of digits to pairs (section II.B). Importable without TensorFlow."""

import dataclasses
import functools
import hashlib
import logging
import os
import pathlib
import socket
import threading
import urllib.request
import zipfile

import numpy as np

from keras_pairs.config import SCORED_PAIRS, UserError

KEYS = ("x_train", "y_train", "x_test", "y_test")
MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
PATIENCE_S = 15
# Of the 1,797 embedded digits the last ones are the test part.
EMBEDDED_TEST = 500


@dataclasses.dataclass(frozen=True)
class Images:
    """Labelled images in MNIST's form.

    Attributes:
      name: "mnist" or "digits".
      source: str, where they were read.
      x_train, x_test: uint8 [N, 28, 28], 0 = background, 255 = ink.
      y_train, y_test: uint8 [N], 0…9.
    """

    name: str
    source: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

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


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Pairs of digits.

    Attributes:
      images: float32 [n, 2, 14, 14], 0…255.
      digits: int32 [n, 2], the classes.
    """

    images: np.ndarray
    digits: np.ndarray

    @property
    def target(self):
        """float32 [n], 1 where the first digit is less than or equal to the second."""
        return (self.digits[:, 0] <= self.digits[:, 1]).astype("float32")

    def __len__(self):
        return len(self.images)


@dataclasses.dataclass(frozen=True)
class Splits:
    """Training, validation and test pairs; no image is in two of them."""

    train: Pairs
    validation: Pairs
    test: Pairs


def load_images(dataset="auto", data_path=None):
    """The images behind `--dataset` and `--data_path`.

    Args:
      dataset: "mnist": `data_path` if given, else Keras' cache, else downloaded into it.
        "digits": the 1,797 digits inside scikit-learn. "auto": "mnist" if it can be had,
        else "digits" with a warning.
      data_path: None or the path of an .npz with the keys x_train, y_train, x_test,
        y_test.

    Returns:
      `Images`.

    Raises:
      UserError: if the file is missing or bad, or MNIST cannot be had.
    """
    if dataset == "digits":
        if data_path is not None:
            raise UserError("--data_path goes with --dataset=mnist, not with digits")
        return _embedded()
    if data_path is not None:
        return _read(pathlib.Path(data_path))
    try:
        return _cached_or_downloaded()
    except UserError as error:
        if dataset == "mnist":
            raise
        logging.getLogger(__name__).warning(
            "using the 1,797 digits inside scikit-learn, not MNIST (%s). For MNIST, give "
            "--data_path=mnist.npz or connect to the network.",
            error,
        )
        return _embedded()


def pool(images):
    """Average-pools uint8 [N, 28, 28] by 2×2: float32 [N, 14, 14], 0…255."""
    blocks = images.reshape(-1, 14, 2, 14, 2)
    return blocks.mean(axis=(2, 4), dtype="float32")


def sample_pairs(images, num_pairs=1000, seed=0, scored_on=None):
    """Draws training, validation and test pairs (section II.B).

    No image is used twice. Only the embedded digits, too few for that, are reused: within
    their split, never across, and a pair's two images are always distinct. Training and
    validation come from the training part, test from the test part.

    Args:
      images: `Images`.
      num_pairs: int >= 1, pairs in each of the three.
      seed: int >= 0.
      scored_on: "validation", "test" or None. That part has `SCORED_PAIRS` pairs, or as
        many as there are images for; the first `num_pairs` are the same as without it.
        The embedded digits have no images for more.

    Returns:
      `Splits`.

    Raises:
      UserError: if there are fewer images than the pairs need.
    """
    check_enough(images, num_pairs)
    rng = np.random.default_rng([seed, 1])
    order = rng.permutation(len(images.x_train))
    test = rng.permutation(len(images.x_test))
    if images.name == "digits":
        cut = 2 * len(order) // 3
        train, validation = (
            _reuse(part, num_pairs, rng) for part in np.split(order, [cut])
        )
        test = _reuse(test, num_pairs, rng)
    else:

        def take(part, name):
            count = max(num_pairs, SCORED_PAIRS) if name == scored_on else num_pairs
            return part[: 2 * min(count, len(part) // 2)].reshape(-1, 2)

        train, validation = np.split(order, [2 * num_pairs])
        train = train.reshape(-1, 2)
        validation, test = take(validation, "validation"), take(test, "test")
    return Splits(
        _pairs(images.x_train, images.y_train, train),
        _pairs(images.x_train, images.y_train, validation),
        _pairs(images.x_test, images.y_test, test),
    )


def check_enough(images, num_pairs):
    """Raises the `UserError` that `sample_pairs` would."""
    if images.name == "digits":
        return
    for part, has, needs in (
        ("training", len(images.x_train), 4 * num_pairs),
        ("test", len(images.x_test), 2 * num_pairs),
    ):
        if has < needs:
            raise UserError(
                f"{num_pairs} pairs need {needs} {part} images; {images.source} has {has} "
                "(give a smaller --num_pairs)"
            )


def _reuse(part, num_pairs, rng):
    if len(part) >= 2 * num_pairs:
        return part[: 2 * num_pairs].reshape(num_pairs, 2)
    first = rng.integers(len(part), size=num_pairs)
    second = (first + rng.integers(1, len(part), size=num_pairs)) % len(part)
    return part[np.stack([first, second], 1)]


def _pairs(x, y, indices):
    images = pool(x[indices.ravel()]).reshape(-1, 2, 14, 14)
    return Pairs(images, y[indices].astype("int32"))


def _read(path):
    """Reads and checks an .npz; pickled content is never executed."""
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise UserError(f"{path}: not an .npz archive")
        with archive:
            missing = [key for key in KEYS if key not in archive]
            if missing:
                raise UserError(f"{path}: has no array named {missing[0]}")
            arrays = {key: archive[key] for key in KEYS}
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or 'not an .npz archive'}") from error
    except (ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        pickled = "pickle" in str(error).lower() or "object arrays" in str(error).lower()
        what = "pickled content is not read" if pickled else "not an .npz archive"
        raise UserError(f"{path}: {what}") from error
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.dtype != np.uint8 or x.ndim != 3 or x.shape[1:] != (28, 28):
            raise UserError(
                f"{path}: x_{part} must be uint8 [N, 28, 28], not {x.dtype} {list(x.shape)}"
            )
        if not np.issubdtype(y.dtype, np.integer) or y.shape != (len(x),):
            raise UserError(
                f"{path}: y_{part} must be integers [{len(x)}], not {y.dtype} "
                f"{list(y.shape)}"
            )
        if len(y) and not (y.min() >= 0 and y.max() <= 9):
            raise UserError(f"{path}: y_{part} must hold digits 0 to 9, not {y.max()}")
        arrays[f"y_{part}"] = y.astype("uint8")
    return Images("mnist", str(path), **arrays)


def _cached_or_downloaded():
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    cache = pathlib.Path(home) / "datasets" / "mnist.npz"
    if cache.is_file():
        try:
            return _read(cache)
        except UserError:
            # What a killed download left; Keras' loader tells by its checksum.
            pass
    if not _reachable():
        raise UserError(f"MNIST is not in {cache} and cannot be downloaded")
    import keras

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE_S)
    try:
        keras.datasets.mnist.load_data()
    except Exception as error:
        raise UserError(f"MNIST could not be downloaded: {error}") from error
    finally:
        socket.setdefaulttimeout(before)
    return _read(cache)


def _reachable():
    """Whether MNIST's server answers; in a thread, as name look-ups have no time-out."""
    answers = []

    def ask():
        request = urllib.request.Request(MNIST_URL, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S):
                answers.append(True)
        except (OSError, ValueError):
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    return bool(answers)


def _embedded():
    """scikit-learn's digits: 8×8 of 0…16, enlarged as MNIST's: 20×20, centred in 28×28."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = np.zeros((len(digits.images), 28, 28), "uint8")
    for canvas, small in zip(x, digits.images, strict=True):
        grey = Image.fromarray(np.round(small * 255 / 16).astype("uint8"))
        canvas[4:24, 4:24] = grey.resize((20, 20), Image.Resampling.BICUBIC)
    y = digits.target.astype("uint8")
    cut = len(x) - EMBEDDED_TEST
    return Images("digits", "scikit-learn", x[:cut], y[:cut], x[cut:], y[cut:])
