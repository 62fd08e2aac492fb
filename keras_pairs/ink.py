"""Trains the ink network, which finds the digit in a picture.

    python -m keras_pairs.ink --data_path=mnist.npz --run_dir=runs/ink

Its training pictures are digits of the data's training part over papers that are made up
anew for every step. A training that was stopped goes on with the same --run_dir.
"""

import os

from keras_pairs import data, files, startup
from keras_pairs.commands import flags, runner
from keras_pairs.config import FIELDS
from keras_pairs.fields import integer
from keras_pairs.progress import Progress

FLAGS = {
    **{
        name: flags.of_field(name, default=FIELDS[name].default)
        for name in ("dataset", "data_path")
    },
    "seed": flags.of_field(
        "seed",
        default=FIELDS["seed"].default,
        help="Decides the scenes and the initial weights.",
    ),
    "epochs": flags.Flag(integer(1), "Epochs of 100 steps.", 200),
    **flags.others("run_dir", "verbosity"),
}


def main(values):
    verbose = values["verbosity"].value == "1"
    images = data.load_images(
        values["dataset"].value, values["data_path"].value, verbose=verbose
    )
    run_dir = files.make_run_dir(values["run_dir"].value, "ink")
    # oneDNN calls it an error that it leaves integers to other kernels.
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "2":
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    startup.import_tensorflow(work=0, onednn=True)
    from keras_pairs.pictures import ink_training

    epochs, seed = values["epochs"].value, values["seed"].value
    progress = Progress(epochs, "epochs", verbose)
    found = ink_training.train(images, epochs, seed, run_dir, progress)
    for view, measured in found["validation"].items():
        shares = (f"{name} {value:.3f}" for name, value in measured.items())
        runner.say(f"{view:7} {'  '.join(shares)}")
    weights = runner.relative(run_dir / ink_training.WEIGHTS)
    runner.say(f"weights: {weights} (to ship them: cp {weights} keras_pairs/pictures/)")


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
