"""Pictures in MNIST's form, each prepared once and then kept.

The room `pictures` prepares them, in a process of its own: it needs TensorFlow, which here
must not be imported before a command has decided how to use the processor.
"""

import base64
import contextlib
import hashlib
import importlib.metadata
import json
import logging
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
from typing import NamedTuple

import numpy as np

from keras_pairs import files
from keras_pairs.data import mnist
from keras_pairs.errors import UserError
from keras_pairs.progress import Progress

MODULE = "keras_pairs.pictures.prepare"
# What a killed process may lose.
SAVE_S = 30
_PACKAGE = pathlib.Path(__file__).parent.parent
# What decodes.
_DECODERS = ("tensorflow", "pillow", "pillow-heif")


class File(NamedTuple):
    """A file of a data set; another size or time makes it another file.

    Attributes:
      name: str, its path below the data set's folder, with / between.
      size: int, bytes.
      time: int, nanoseconds, when it was last changed.
    """

    name: str
    size: int
    time: int


def prepare(folder, wanted, verbose=True):
    """What the served model makes of pictures, as the network sees them.

    What was prepared before comes from the cache, a file below Keras' folder. A cache that
    is damaged, or of another version of the preparation, is made anew. What a preparation
    has done when it is interrupted is kept.

    Args:
      folder: absolute `pathlib.Path`.
      wanted: list of `File` in the folder.
      verbose: whether to show progress.

    Returns:
      list of uint8 [28, 28], or of str: why that file is refused.

    Raises:
      UserError: if the preparation ends early.
    """
    cache, version = cache_path(folder), _version()
    known = _load(cache, version)
    missing = [file for file in wanted if file not in known]
    found = {file: known[file] for file in wanted if file in known}
    if missing:
        progress = Progress(len(missing), "pictures prepared", verbose)
        saved, keep = time.monotonic(), dict(found)
        try:
            with contextlib.closing(_prepared(folder, missing)) as answers:
                for number, (file, result, again) in enumerate(answers, 1):
                    found[file] = result
                    if not again:
                        keep[file] = result
                    progress.show(number)
                    if time.monotonic() - saved > SAVE_S:
                        _save(cache, version, keep)
                        saved = time.monotonic()
        finally:
            if len(found) < len(wanted):
                progress.stop()
            _save(cache, version, keep)
    return [found[file] for file in wanted]


def cache_path(folder):
    """`pathlib.Path` of what is kept of a folder.

    Args:
      folder: absolute `pathlib.Path`.
    """
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    name = re.sub(r"[^\w.-]+", "_", folder.name)[:40]
    return mnist.home() / "datasets" / "keras_pairs" / f"{name}-{digest}.npz"


def _version():
    """A digest of what decides what becomes of a picture: code, weights, decoders."""
    hashed = hashlib.sha256()
    for path in sorted((_PACKAGE / "pictures").rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            hashed.update(path.read_bytes())
    for name in _DECODERS:
        try:
            hashed.update(f"{name} {importlib.metadata.version(name)}".encode())
        except importlib.metadata.PackageNotFoundError:
            continue
    return hashed.hexdigest()


def _load(cache, version):
    """{`File`: its array or refusal} of what is kept; empty where it cannot be used."""
    try:
        with files.npz(cache) as archive:
            index, images = json.loads(archive["index"].tobytes()), archive["images"]
        if index["version"] != version or images.dtype != np.uint8:
            return {}
        images = iter(images.reshape(-1, 28, 28))
        return {
            File(*file): next(images) if refusal is None else refusal
            for *file, refusal in index["files"]
        }
    except Exception:
        # Missing or damaged, for which zipfile and numpy raise a dozen types.
        return {}


def _save(cache, version, results):
    images = [result for result in results.values() if not isinstance(result, str)]
    index = [
        [*file, result if isinstance(result, str) else None]
        for file, result in results.items()
    ]
    text = json.dumps({"version": version, "files": index})
    arrays = {
        "index": np.frombuffer(text.encode(), "uint8"),
        "images": np.array(images, "uint8").reshape(-1, 28, 28),
    }
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with files.atomic_write(cache) as temporary:
            np.savez(temporary, **arrays)
    except OSError as error:
        logging.getLogger(__name__).warning(
            "the prepared pictures cannot be kept, and are prepared anew next time: %s: %s",
            error.filename or cache,
            error.strerror,
        )


def _prepared(folder, wanted):
    """Yields (`File`, array or refusal, whether to try again another time), in order."""
    environment = os.environ | {
        "KERAS_BACKEND": "tensorflow",
        # A GPU may be somebody's who trains; starting on it takes longer than it saves.
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    with tempfile.TemporaryFile() as noise:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            # From anywhere it is found there, and is this one.
            cwd=_PACKAGE.parent,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=noise,
        )
        paths = [str(folder / file.name) for file in wanted]
        feeder = threading.Thread(target=_feed, args=(process.stdin, paths), daemon=True)
        feeder.start()
        try:
            for file in wanted:
                line = process.stdout.readline()
                if not line.endswith(b"\n"):
                    code = process.wait()
                    noise.seek(0)
                    said = noise.read().decode(errors="replace").strip().splitlines()
                    last = f": {said[-1]}" if said else ""
                    raise UserError(
                        f"{folder / file.name}: the preparation ended at this picture or "
                        f"soon after it, with code {code}{last}"
                    )
                answer = json.loads(line)
                yield file, _result(answer), answer.get("again", False)
        finally:
            process.kill()
            process.wait()
            feeder.join()
            process.stdout.close()


def _result(answer):
    if "refused" in answer:
        return answer["refused"]
    content = base64.b64decode(answer["image"])
    return np.frombuffer(content, "uint8").reshape(28, 28)


def _feed(pipe, paths):
    try:
        with pipe:
            for path in paths:
                pipe.write(json.dumps(path).encode() + b"\n")
    except OSError:
        # The process is gone; who reads its answers says so.
        pass
