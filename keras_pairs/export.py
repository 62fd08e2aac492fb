"""Exports a trained network: as the next version of a folder, or as one file.

    python -m keras_pairs.export --model=runs/train-20261124-170100
    python -m keras_pairs.export --format=onnx --output=digit_pairs.onnx

A server that watches --export_dir sees the version when it is complete and checked. Without
--export_dir the folder is named after the data and the preset that the run recorded; where
it recorded none, after the run and "custom". The other formats write the file --output, and
check it in their own runtime where that is installed.
"""

import pathlib

from keras_pairs import startup
from keras_pairs.commands import exports, runner
from keras_pairs.serving import box, formats, versions

FLAGS = exports.FLAGS


def main(values):
    exports.check(values)
    name, output = values["format"].value, values["output"].value
    path = pathlib.Path(values["model"].value or box.path())
    version = versions.newest(path)
    startup.import_tensorflow()
    from keras_pairs.serving import publishing
    from keras_pairs.training.run import load_run

    model, origin = load_run(version or path)
    if name in formats.FORMATS:
        checked = formats.write(model, output, name, version)
        runner.say(f"{name}: {output} ({formats.FORMATS[name].verdict(checked)})")
        return
    export_dir = values["export_dir"].value or _folder(path, origin or {})
    version = publishing.publish(model, export_dir, origin, values["keep"].value)
    runner.say(f"SavedModel: {runner.relative(version)}")


def _folder(path, origin):
    data = (origin.get("dataset") or {}).get("name") or path.resolve().stem
    return box.export_folder(data, origin.get("preset") or box.CUSTOM)


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
