"""A quiet start: which Keras, which TensorFlow, with how many threads."""

import importlib
import logging
import os
import re

from keras_pairs import machine
from keras_pairs.errors import UserError, first_line

# Filters times pairs. Measured on two cores: at 80 one thread takes 0.4 of two threads'
# time, at 1,600 0.7, at 6,400 1.2.
SMALL_STEP = 4000
# The oldest versions that work; setup.cfg has the same.
OLDEST = {"tensorflow": (2, 18), "keras": (3, 12)}


def quiet(keras=True):
    """Plain warnings of our own, and Keras on TensorFlow.

    Args:
      keras: whether Keras will be used.

    Raises:
      UserError: if it will, and the environment asks for another backend.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Keras takes an empty name for none.
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if keras and backend != "tensorflow":
        raise UserError(
            f"the environment has KERAS_BACKEND={backend}; this command needs tensorflow"
        )
    os.environ["KERAS_BACKEND"] = backend
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)


def import_tensorflow(work=None, keras=True, onednn=False):
    """Imports TensorFlow and finds its devices without their start-up noise.

    TensorFlow writes it to file descriptor 2 before it reads any setting. Where the
    import fails, what was held back is shown.

    Args:
      work: filters times pairs of a training step, over all members, or None. Small steps
        run on one thread: handing their operations around takes longer than they do.
      keras: whether Keras will be used. Importing it is a third of TensorFlow's start-up.
      onednn: whether the job trains several networks in one graph or reads pictures, see
        `machine.prefer_onednn`.

    Raises:
      UserError: if TensorFlow, or Keras where it will be used, cannot be imported or is
        too old.
    """
    if onednn:
        machine.prefer_onednn()
    if not keras:
        # With this, TensorFlow looks for the package tf_keras and does without it.
        os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    with machine.noise_held_back():
        tf = _imported("tensorflow")
        if keras:
            _imported("keras")
        if work is not None and work < SMALL_STEP:
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.list_logical_devices()
        # Warns of every new graph; a search makes one for each population.
        tf.get_logger().setLevel("ERROR")


def _imported(name):
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        # One that is there and lacks a part of its own says which.
        missing = getattr(error, "name", None) == name
        if machine.out_of_memory(error):
            raise
        what = (
            f"{name} is missing"
            if missing
            else f"{name} cannot be imported: {first_line(error)}"
        )
        raise UserError(f"{what}; {_how_to_get(name)}") from None
    # Among its thousand imports are some that may fail, whatever the reason.
    machine.end_if_asked()
    version = getattr(module, "__version__", "0")
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST[name]:
        raise UserError(f"{name} {version} is too old; {_how_to_get(name)}")
    return module


def _how_to_get(name):
    oldest = ".".join(map(str, OLDEST[name]))
    return f"pip install '{name}>={oldest}'"
