"""A quiet start: which Keras, which TensorFlow, with how many threads."""

import logging
import os

from keras_pairs import machine
from keras_pairs.errors import UserError

# Filters times pairs. Measured on two cores: at 80 one thread takes 0.4 of two threads'
# time, at 1,600 0.7, at 6,400 1.2.
SMALL_STEP = 4000


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


def import_tensorflow(work=None, keras=True, population=False):
    """Imports TensorFlow and finds its devices without their start-up noise.

    TensorFlow writes it to file descriptor 2 before it reads any setting. Where the
    import fails, what was held back is shown.

    Args:
      work: filters times pairs of a training step, over all members, or None. Small steps
        run on one thread: handing their operations around takes longer than they do.
      keras: whether Keras will be used. Importing it is a third of TensorFlow's start-up.
      population: whether the job trains several networks in one graph, see
        `machine.prefer_onednn`.
    """
    if population:
        machine.prefer_onednn()
    if not keras:
        # With this, TensorFlow looks for the package tf_keras and does without it.
        os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    with machine.noise_held_back():
        import tensorflow as tf

        if work is not None and work < SMALL_STEP:
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.list_logical_devices()
        # Warns of every new graph; a search makes one for each population.
        tf.get_logger().setLevel("ERROR")
