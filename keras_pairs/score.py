"""Scores a published model on all test images, with pictures of its answers.

    python -m keras_pairs.score
    python -m keras_pairs.score --model=saved_models/mnist-paper --data_path=mnist.npz

Without --model it is the model in the box. Nothing is trained. The seed decides how the
images are paired; by default it is that of the model's own training.
"""

from keras_pairs import data, files, startup
from keras_pairs.commands import flags, runner
from keras_pairs.serving import versions

FLAGS = {
    **flags.others("model"),
    "dataset": flags.of_field("dataset", default="auto"),
    "data_path": flags.of_field("data_path"),
    "seed": flags.of_field(
        "seed",
        help="Decides how the images are paired.",
        shown="that of the model's training",
    ),
    **flags.others("run_dir"),
}
# What `inspection.inspect` leaves: a folder of these may be scored into again.
OURS = ("results.json", "gallery.png", "mistakes.png", "calibration.png")


def main(values):
    path, run_dir = values["model"].value, values["run_dir"].value
    if path is not None:
        versions.find(path)
    images = data.load_images(values["dataset"].value, values["data_path"].value)
    run_dir = files.make_run_dir(run_dir, "score")
    files.check_unused(run_dir, "score", OURS)
    startup.import_tensorflow(keras=False, onednn=True)
    from keras_pairs.serving import inspection

    found = inspection.inspect(path, images, values["seed"].value, run_dir)
    runner.say(f"{found['model']}: {found['pairs']:,} test pairs, seed {found['seed']}")
    for name, share in found["accuracy"].items():
        runner.say(f"{name + ':':14} {100 * share:.2f} %")
    error = 100 * found["calibration_error"]
    runner.say(f"{found['mistakes']} mistakes; expected calibration error {error:.2f} %")
    runner.say(f"run folder: {runner.relative(run_dir)}")


def run():
    runner.run(main, __doc__, FLAGS, keras=False)


if __name__ == "__main__":
    run()
