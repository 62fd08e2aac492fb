"""The trials of a search for TensorBoard's HParams page, where tensorboard is installed."""

import importlib.util
import os
import shutil

from keras_pairs import files, startup
from keras_pairs.errors import first_line
from tuner.space import BEST_SCORE, EPOCHS_TRAINED, SCORE

METRICS = (SCORE, BEST_SCORE, "val_loss")


def write(rows, axes, folder):
    """Writes the completed trials into a folder, in place of what it held.

    The page shows the rounds of a point as one, with their mean. Without tensorboard
    nothing happens.

    Args:
      rows: `rows.of_trials`.
      axes: names of the axes that are searched.
      folder: Path.

    Raises:
      OSError: if they cannot be written.
    """
    if not rows or importlib.util.find_spec("tensorboard") is None:
        return
    startup.import_tensorflow()
    import tensorflow as tf

    draft = folder.with_name(f"{files.TEMPORARY}{os.getpid()}-{folder.name}")
    try:
        with files.unfinished(draft):
            _write(rows, axes, draft)
            shutil.rmtree(folder, ignore_errors=True)
            draft.rename(folder)
    except tf.errors.OpError as error:
        raise OSError(f"{folder}: {first_line(error)}") from error


def _write(rows, axes, folder):
    import tensorflow as tf
    from tensorboard.plugins.hparams import api

    with tf.summary.create_file_writer(str(folder)).as_default():
        api.hparams_config(
            hparams=[
                api.HParam(name, api.Discrete(sorted({row[name] for row in rows})))
                for name in axes
            ],
            metrics=[api.Metric(name) for name in METRICS],
        )
    first = {}
    for row in rows:
        point = tuple(row[name] for name in axes)
        first.setdefault(point, row["trial"])
        if row["status"] != "COMPLETED":
            continue
        with tf.summary.create_file_writer(str(folder / row["trial"])).as_default():
            values = dict(zip(axes, point, strict=True))
            api.hparams(values, trial_id=first[point])
            epochs = row.get(EPOCHS_TRAINED) or row["epochs"]
            for name in METRICS:
                tf.summary.scalar(name, row[name], step=int(epochs))
