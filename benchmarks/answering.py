"""What a published network takes: bytes, and time for an answer. Used by `studies`."""

import pathlib
import tempfile

from benchmarks import turns
from keras_pairs import startup
from keras_pairs.training import isolated

CALLS, TURNS = 50, 9


def measured(configs):
    """Size and speed of untrained networks of some configurations.

    They take turns on one thread, so that a slow moment of the machine meets all.

    Args:
      configs: list of `TrainingConfig`.

    Returns:
      list of dicts: `bytes` of saved_model.pb, and `milliseconds`, how long the answer to
      one pair takes.
    """
    return isolated.run(_measured, configs, on_message=None)


def _measured(_, configs):
    # A small step: one thread.
    startup.import_tensorflow(work=0)
    import numpy as np
    import tensorflow as tf

    from keras_pairs.networks.build import build_model
    from keras_pairs.serving import publishing, versions

    pair = tf.constant(np.random.default_rng(0).uniform(0, 255, (1, 2, 14, 14)), tf.float32)
    ways, models, sizes = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for number, config in enumerate(configs):
            path = pathlib.Path(folder) / f"network_{number}"
            version = publishing.publish(build_model(config), path)
            sizes.append((version / versions.SAVED_MODEL).stat().st_size)
            # The signatures live as long as their model does.
            models.append(tf.saved_model.load(str(version)))
            answer = models[-1].signatures["serving_default"]
            ways.append((lambda ask=answer: ask(pair=pair)["comparison"].numpy(), CALLS))
    return [
        {"bytes": size, "milliseconds": 1000 * seconds}
        for size, seconds in zip(sizes, turns.medians(ways, TURNS), strict=True)
    ]
