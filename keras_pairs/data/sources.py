"""Where labelled images come from. Importable without TensorFlow, Keras' cache included."""

import dataclasses
import functools
import hashlib
import http.client
import logging
import os
import pathlib
import queue
import threading
import urllib.error
import urllib.request

import numpy as np

from keras_pairs import files
from keras_pairs.config import check
from keras_pairs.data import npz_files
from keras_pairs.errors import UserError

# As `keras.datasets.mnist.load_data` has them. That function would import TensorFlow, which
# has to wait until the command has decided how to use the processor.
MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
MNIST_BYTES = 11_490_434
PATIENCE_S = 15
# Of the 1,797 embedded digits the last ones are the test part.
EMBEDDED_TEST = 500


@dataclasses.dataclass(frozen=True)
class Images:
    """Labelled images in MNIST's form.

    Attributes:
      name: str, for tables and titles: "mnist", "digits", or a user's file without `.npz`.
      source: str, where they were read: the path of an .npz, or "scikit-learn".
      x_train, x_test: uint8 [N, 28, 28], 0 = background, 255 = ink.
      y_train, y_test: uint8 [N], 0…9.
      reuse: bool, whether an image may be in several pairs of its split. Only the embedded
        digits are too few for pairs without it.
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
        for key in npz_files.KEYS:
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


def load_images(
    dataset: str = "auto", data_path: str | os.PathLike | None = None
) -> Images:
    """The images behind `--dataset` and `--data_path`.

        images = load_images("digits")
        images.x_train.shape    # (1297, 28, 28)

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
    check("dataset", dataset)
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


def _read(path):
    return Images(path.stem, str(path), **npz_files.read(path))


def _cached_or_downloaded():
    home = os.environ.get("KERAS_HOME") or "~/.keras"
    cache = pathlib.Path(os.path.expanduser(home)) / "datasets" / "mnist.npz"
    try:
        return _read(cache)
    except UserError as error:
        # Missing, or what a killed download left.
        lacking = error
    try:
        content = _download()
        cache.parent.mkdir(parents=True, exist_ok=True)
        with files.atomic_write(cache) as temporary:
            temporary.write_bytes(content)
    except UserError as error:
        raise UserError(f"{lacking}, and MNIST cannot be downloaded: {error}") from error
    except OSError as error:
        raise UserError(f"MNIST cannot be kept: {cache}: {error.strerror}") from error
    return _read(cache)


def _download():
    """The bytes of MNIST's file.

    Raises:
      UserError: if they are not to be had, with the reason.
    """
    try:
        with _ask() as answer:
            content = answer.read(MNIST_BYTES + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = str(error).removeprefix("<urlopen error ").removesuffix(">")
        raise UserError(reason or type(error).__name__) from error
    if hashlib.sha256(content).hexdigest() == MNIST_SHA256:
        return content
    found = npz_files.kind(content[: npz_files.HEAD])
    if found is None:
        found = "another file"
        if len(content) < MNIST_BYTES:
            found = f"{len(content):,} of {MNIST_BYTES:,} bytes"
    raise UserError(f"{MNIST_URL} gave {found}")


def _ask():
    """The server's answer, of which nothing is read yet.

    It is asked in a thread, as the look-up of a name has no time-out.
    """
    answers = queue.SimpleQueue()

    def ask():
        try:
            answers.put(urllib.request.urlopen(MNIST_URL, timeout=PATIENCE_S))
        except urllib.error.HTTPError as error:
            # It is the answer, too.
            error.close()
            answers.put(error)
        except (OSError, ValueError, http.client.HTTPException) as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=PATIENCE_S)
    except queue.Empty:
        raise TimeoutError("no answer") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


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
    parts = x[:cut], y[:cut], x[cut:], y[cut:]
    return Images("digits", "scikit-learn", *parts, reuse=True)
