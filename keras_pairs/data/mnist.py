"""MNIST from Keras' cache or the network. Importable without TensorFlow, the cache too."""

import hashlib
import http.client
import os
import pathlib
import queue
import threading
import urllib.error
import urllib.request

from keras_pairs import files
from keras_pairs.data import foreign_files, npz_files
from keras_pairs.errors import UserError

# As `keras.datasets.mnist.load_data` has them. That function would import TensorFlow, which
# has to wait until the command has decided how to use the processor.
MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
MNIST_BYTES = 11_490_434
PATIENCE_S = 15


def home():
    """Keras' folder, below which it keeps data sets: `pathlib.Path`."""
    return pathlib.Path(os.path.expanduser(os.environ.get("KERAS_HOME") or "~/.keras"))


def load():
    """MNIST's `Images`: the cache's, or downloaded into it.

    Raises:
      UserError: if it cannot be had, or not be kept.
    """
    cache = home() / "datasets" / "mnist.npz"
    try:
        return npz_files.load(cache)
    except UserError as error:
        # Missing, or what a killed download left.
        lacking = error
    try:
        content = _download()
        cache.parent.mkdir(parents=True, exist_ok=True)
        with files.atomic_write(cache) as temporary:
            temporary.write_bytes(content)
    except UserError as error:
        raise UserError(
            f"{lacking}, and MNIST cannot be downloaded: {error}; give "
            "--data_path=mnist.npz or connect to the network"
        ) from error
    except OSError as error:
        raise UserError(f"MNIST cannot be kept: {cache}: {error.strerror}") from error
    return npz_files.load(cache)


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
    found = foreign_files.kind(content[: foreign_files.HEAD])
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
