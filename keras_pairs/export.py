"""Publishing a model as the next SavedModel version of a folder."""

import os
import pathlib
import shutil

import keras
import tensorflow as tf

SIGNATURE = "serving_default"


def publish(model, export_dir):
    """Writes `model` as `<export_dir>/<next version>`, whole or not at all.

    A server that polls the folder for numbers sees the version when it is complete: it is
    written under another name beside them and renamed.

    Args:
      model: single network answering probabilities: from `pair`, float32
        [batch, 2, 14, 14] of 0…255, to the dict of `build_model`.
      export_dir: str or Path, made where absent.

    Returns:
      `pathlib.Path` of the version.

    Raises:
      OSError: if the folder cannot be written.
    """
    export_dir = pathlib.Path(export_dir)
    export_dir.mkdir(parents=True, exist_ok=True)
    draft = export_dir / f"draft-{os.getpid()}"
    try:
        archive = keras.export.ExportArchive()
        archive.track(model)

        def answer(pair):
            return model(tf.ensure_shape(pair, [None, 2, 14, 14]), training=False)

        spec = tf.TensorSpec([None, 2, 14, 14], tf.float32, name="pair")
        archive.add_endpoint(SIGNATURE, answer, input_signature=[spec])
        archive.write_out(str(draft), verbose=False)
        version = max(versions(export_dir), default=0) + 1
        while True:
            try:
                os.rename(draft, export_dir / str(version))
                return export_dir / str(version)
            except OSError:
                # Another publisher took the number; anything else is an error.
                if not (export_dir / str(version)).exists():
                    raise
                version += 1
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def versions(export_dir):
    """The version numbers in a folder, as a server would read them, ascending."""
    names = (path.name for path in pathlib.Path(export_dir).iterdir() if path.is_dir())
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())
