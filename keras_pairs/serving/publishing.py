"""Publishing a model as the next SavedModel version of a folder that a server watches.

What a server sees are the folders with a number for a name; it serves the highest, loads it
as soon as it sees it and never loads a number twice. So a version is written, checked and
flushed to disk in a workspace beside them and then renamed: it appears whole or not at all,
under a number never used before.

    saved_models/digit_pairs/
      1/ 2/ …            versions
      .publishing-…/     workspace of a publisher at work, or what a killed one left
      .last_version      the highest number ever given, should its folder be removed
      .lock              held for the moments in which numbers are given
"""

import contextlib
import os
import pathlib
import shutil
import sys
import tempfile

import filelock
import tensorflow as tf

from keras_pairs import files, locks
from keras_pairs.errors import UserError
from keras_pairs.graph import reason
from keras_pairs.serving import (
    card,
    checks,
    formats,
    keras_file,
    signatures,
    versions,
    warmup,
)

WORKSPACE = ".publishing-"
# In a workspace: held as long as its publisher lives.
ALIVE = "lock"
LAST = ".last_version"


def publish(model, export_dir, origin=None, keep=None):
    """Publishes `model` as `<export_dir>/<next version>`, whole or not at all.

    Args:
      model: Keras model of one network, see `signatures.save`.
      export_dir: str or Path, made where absent. Its name is the served model's.
      origin: dict of a run's metrics.json for the model card, or None.
      keep: int >= 2, how many versions stay, or None for all. The older ones are taken
        away; a server needs two while it changes from one to the other.

    Returns:
      `pathlib.Path` of the version.

    Raises:
      ValueError: if keep is less than 2.
      UserError: if the model is not a network of digit pairs, or what was written does not
        answer as the model does; if `export_dir` is a version itself.
      OSError: if the folder cannot be written.
    """
    if keep is not None and keep < 2:
        raise ValueError(f"keep must be at least 2. Received: keep={keep}")
    files.check_clock()
    export_dir = pathlib.Path(export_dir).absolute()
    if (export_dir / versions.SAVED_MODEL).is_file():
        raise UserError(f"{export_dir} is a version; give the folder that it is in")
    export_dir.mkdir(parents=True, exist_ok=True)
    with _workspace(export_dir) as workspace:
        draft = workspace / "version"
        try:
            signatures.save(model, draft)
            inputs = {name: spec.name for name, spec in signatures.INPUTS.items()}
            warmup.write(draft, export_dir.name, inputs)
        except tf.errors.OpError as error:
            raise OSError(f"{export_dir}: {reason(error)}") from error
        verify(model, draft)
        # A server reads nothing there that it does not know.
        formats.write(model, draft / keras_file.NAME, "keras")
        with _locked(export_dir):
            number = _highest(export_dir) + 1
            files.write_text(export_dir / LAST, f"{number}\n")
            about = card.make(
                export_dir.name, number, signatures.INPUTS, model.count_params(), origin
            )
            card.write(draft, about)
            _flush(draft)
            version = export_dir / str(number)
            os.rename(draft, version)
            for old in versions.numbers(export_dir)[:-keep] if keep else ():
                os.rename(export_dir / str(old), workspace / f"removed-{old}")
            _flush_folder(export_dir)
    return version


def verify(model, path):
    """Loads a SavedModel, compares it with its Keras model, replays its warm-up file.

    Args:
      model: the Keras model.
      path: Path of the SavedModel.

    Raises:
      UserError: if an answer differs by more than `checks.TOLERANCE` or is no probability,
        or a request fails.
    """
    examples = warmup.examples()
    expected = checks.of_network(model, examples["serving_default"])
    try:
        served = tf.saved_model.load(str(path)).signatures
        for signature, value in examples.items():
            spec = signatures.INPUTS[signature]
            answers = served[signature](**{spec.name: tf.constant(value, spec.dtype)})
            who = f"the SavedModel by {signature}"
            checks.same(answers, expected, who, "the Keras model's")
        for signature, inputs in warmup.read(path):
            served[signature](**{name: tf.constant(x) for name, x in inputs.items()})
    except tf.errors.OpError as error:
        raise UserError(f"the SavedModel fails: {reason(error)}") from error


@contextlib.contextmanager
def _workspace(export_dir):
    """A folder of this process's own; first clears what dead processes left."""
    with contextlib.ExitStack() as life:
        with _locked(export_dir):
            for other in export_dir.glob(f"{WORKSPACE}*"):
                if not _in_use(other):
                    shutil.rmtree(other, ignore_errors=True)
            folder = pathlib.Path(tempfile.mkdtemp(prefix=WORKSPACE, dir=export_dir))
            life.enter_context(files.unfinished(folder))
            # Ends with this process, however and on whatever machine that ends. It is let
            # go before the folder is removed: Windows removes no open file.
            life.enter_context(locks.hold(folder / ALIVE))
        yield folder


def _in_use(workspace):
    try:
        with locks.hold(workspace / ALIVE, wait=False):
            return False
    except filelock.Timeout:
        return True
    except OSError:
        return False


def _locked(export_dir):
    return locks.hold(export_dir / ".lock")


def _highest(export_dir):
    """The highest number ever given, be its folder gone, empty or not even a folder."""
    names = [path.name for path in export_dir.iterdir()]
    # Lost or damaged, it says nothing.
    with contextlib.suppress(OSError, ValueError):
        names.append((export_dir / LAST).read_text().strip())
    return max((int(name) for name in names if versions.is_number(name)), default=0)


def _flush(folder):
    """Sees to it that a power cut after the rename finds everything on disk."""
    for parent, _, names in os.walk(folder):
        for name in names:
            # Windows flushes only what is open for writing.
            with open(os.path.join(parent, name), "r+b") as file:
                os.fsync(file.fileno())
        _flush_folder(parent)


def _flush_folder(folder):
    if sys.platform == "win32":  # opens no folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
