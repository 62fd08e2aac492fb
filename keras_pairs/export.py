"""Publishes a trained network as the next SavedModel version of a folder.

    python -m keras_pairs.export --model=runs/train-20261124-170100

A server that watches the folder sees the version when it is complete and checked.
"""

from keras_pairs import cli, files
from keras_pairs.config import UsageError

FLAGS = ("model", "export_dir", "keep")


def main(values):
    if values["model"].value is None:
        raise UsageError("--model is missing: a run folder or a .keras file")
    export_dir = files.make_run_dir(values["export_dir"].value, "export")
    cli.import_tensorflow()
    from keras_pairs import publishing

    model, origin = publishing.load_trained(values["model"].value)
    version = publishing.publish(model, export_dir, origin, values["keep"].value)
    cli.say(f"SavedModel: {cli.relative(version)}")


def run():
    cli.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
