"""Trains the paper's network once and exports it.

    python -m keras_pairs.train --nb_f=64

What is not given comes from Table I's row for that nb_f: the row with auxiliary loss, or
the row without where --w_a=0.
"""

import time

from keras_pairs import cli, files
from keras_pairs.command_flags import config_from_flags

FLAGS = (
    "nb_f",
    "lr",
    "batch_size",
    "w_m",
    "w_a",
    "epochs",
    "seed",
    "dataset",
    "data_path",
    "num_pairs",
    "run_dir",
    "export_dir",
    "verbosity",
)


def train(config, images, run_dir, export_dir, verbose=True):
    """Trains one network, scores its test pairs once, writes run folder and SavedModel.

    Args:
      config: `TrainingConfig`.
      images: `data.Images`.
      run_dir: Path of an existing folder; receives config.json, metrics.json,
        history.csv, history.png and model.keras.
      export_dir: folder that receives the next SavedModel version.
      verbose: whether to show a progress bar.

    Returns:
      (dict of test accuracies in [0, 1], Path of the SavedModel version).

    Raises:
      UserError: if there are too few images.
      OSError: if a file cannot be written.
    """
    from keras_pairs import data, model, plots, progress, publishing, training

    splits = data.sample_pairs(images, config.num_pairs, config.seed)
    origin = {
        "config": config.to_dict(),
        "dataset": images.describe(),
        **files.provenance(),
    }
    files.write_json(run_dir / "config.json", origin)
    trained = training.fit(
        [config],
        splits,
        callbacks=[progress.EpochProgress(config.epochs, verbose)],
    )
    scores = training.score(trained.model, splits.test)
    accuracies = {name: float(values[0]) for name, values in scores.items()}
    columns = {name: values[:, 0] for name, values in trained.history.items()}
    rows = [
        {"epoch": i + 1} | {name: float(values[i]) for name, values in columns.items()}
        for i in range(config.epochs)
    ]
    files.write_csv(run_dir / "history.csv", rows)
    single = model.take_member(trained.model, 0)
    with files.atomic_write(run_dir / "model.keras") as temporary:
        single.save(temporary)
    title = f"nb_f={config.nb_f}, w_a={config.w_a:g}, seed {config.seed}, {images.name}"
    plots.plot_history(trained.history, title, run_dir / "history.png")
    last = rows[-1] | {"epoch": config.epochs}
    metrics = {"test_accuracy": accuracies, "last_epoch": last, **origin}
    files.write_json(run_dir / "metrics.json", metrics)
    version = publishing.publish(single, export_dir, metrics)
    return accuracies, version


def main(values):
    from keras_pairs import data

    config = config_from_flags(values)
    images = data.load_images(config.dataset, config.data_path)
    data.sample_pairs(images, config.num_pairs, config.seed)
    run_dir = files.make_run_dir(values["run_dir"].value, "train")
    export_dir = files.make_run_dir(values["export_dir"].value, "export")
    cli.import_tensorflow(config.nb_f * config.batch_size)
    cli.print_config(config, images)
    begun = time.perf_counter()
    accuracies, version = train(
        config, images, run_dir, export_dir, values["verbosity"].value == "1"
    )
    shown = "  ".join(f"{name} {100 * x:.1f} %" for name, x in accuracies.items())
    cli.say(f"test accuracy: {shown}  ({time.perf_counter() - begun:.0f} s)")
    cli.say(f"run folder:    {cli.relative(run_dir)}")
    cli.say(f"SavedModel:    {cli.relative(version)}")


def run():
    cli.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
