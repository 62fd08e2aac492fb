"""Publishes a trained network as the next SavedModel version of a folder.

    python -m keras_pairs.export --model=runs/train-20261124-170100

A server that watches the folder sees the version when it is complete and checked. Without
--export_dir the folder is named after the data and the preset that the run recorded; where
it recorded none, after the run and "custom".
"""

import pathlib

from keras_pairs import box, cli
from keras_pairs.config import UsageError

FLAGS = ("model", "export_dir", "keep")


def main(values):
    if values["model"].value is None:
        raise UsageError("--model is missing: a run folder or a .keras file")
    cli.import_tensorflow()
    from keras_pairs import publishing

    model, origin = publishing.load_trained(values["model"].value)
    export_dir = values["export_dir"].value or _folder(values["model"].value, origin or {})
    version = publishing.publish(model, export_dir, origin, values["keep"].value)
    cli.say(f"SavedModel: {cli.relative(version)}")


def _folder(path, origin):
    data = (origin.get("dataset") or {}).get("name") or pathlib.Path(path).resolve().stem
    return box.export_folder(data, origin.get("preset") or "custom")


def run():
    cli.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
