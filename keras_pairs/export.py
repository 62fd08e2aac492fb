"""Publishes a trained network as the next SavedModel version of a folder.

    python -m keras_pairs.export --model=runs/train-20261124-170100

A server that watches the folder sees the version when it is complete and checked. Without
--export_dir the folder is named after the data and the preset that the run recorded; where
it recorded none, after the run and "custom".
"""

import dataclasses
import pathlib

from keras_pairs import startup
from keras_pairs.commands import flags, runner
from keras_pairs.errors import UsageError
from keras_pairs.serving import box

MODEL = dataclasses.replace(
    flags.OTHERS["model"], help="A run folder, or its model.keras.", shown=""
)
FLAGS = {"model": MODEL, **flags.others("export_dir", "keep")}


def main(values):
    if values["model"].value is None:
        raise UsageError("--model is missing: a run folder or a .keras file")
    startup.import_tensorflow()
    from keras_pairs.serving import publishing
    from keras_pairs.training.run import load_run

    model, origin = load_run(values["model"].value)
    export_dir = values["export_dir"].value or _folder(values["model"].value, origin or {})
    version = publishing.publish(model, export_dir, origin, values["keep"].value)
    runner.say(f"SavedModel: {runner.relative(version)}")


def _folder(path, origin):
    data = (origin.get("dataset") or {}).get("name") or pathlib.Path(path).resolve().stem
    return box.export_folder(data, origin.get("preset") or "custom")


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
