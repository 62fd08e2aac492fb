"""Trains the paper's network, or with --preset a better one, once and exports it.

    python -m keras_pairs.train --nb_f=64
    python -m keras_pairs.train --preset=best

What neither a flag nor the preset says comes from Table I's row for that nb_f: the row
with auxiliary loss, or the row without where --w_a=0. The model in the box, which
`predict` asks, stays as it is: the last line says how to ask the trained one.
"""

import shlex
import time

from keras_pairs import box, cli, files
from keras_pairs.command_flags import TRAINING, config_from_flags

FLAGS = (
    *TRAINING,
    "run_dir",
    "export_dir",
    "verbosity",
)


def train(config, images, run_dir, export_dir, verbose=True, preset=None):
    """Trains one network, scores its test pairs once, writes run folder and SavedModel.

    Args:
      config: `TrainingConfig`.
      images: `data.Images`.
      run_dir: Path of an existing folder; receives config.json, metrics.json,
        history.csv, history.png and model.keras.
      export_dir: folder that receives the next SavedModel version.
      verbose: whether to show a progress bar.
      preset: str, what `config` came from, for the record.

    Returns:
      (dict of test accuracies in [0, 1] on `num_pairs` pairs, the same with `pairs` on as
      many as the test images make, Path of the SavedModel version).

    Raises:
      UserError: if there are too few images.
      OSError: if a file cannot be written.
    """
    from keras_pairs import data, plots, progress, publishing, scoring, training

    splits = data.sample_pairs(images, config.num_pairs, config.seed, "test")
    origin = {
        "preset": preset,
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
    (answers,) = training.answer(trained.model, splits.test)
    accuracies = scoring.accuracies(answers, splits.test, config.num_pairs)
    of_all = scoring.accuracies(answers, splits.test) | {"pairs": len(splits.test)}
    columns = {name: values[:, 0] for name, values in trained.history.items()}
    rows = [
        {"epoch": i + 1} | {name: float(values[i]) for name, values in columns.items()}
        for i in range(config.epochs)
    ]
    files.write_csv(run_dir / "history.csv", rows)
    single = trained.member(0)
    with files.atomic_write(run_dir / "model.keras") as temporary:
        single.save(temporary)
    title = f"nb_f={config.nb_f}, w_a={config.w_a:g}, seed {config.seed}, {images.name}"
    plots.plot_history(trained.history, title, run_dir / "history.png")
    metrics = {
        "test_accuracy": accuracies,
        "test_accuracy_of_all": of_all,
        "last_epoch": rows[-1],
        **origin,
    }
    files.write_json(run_dir / "metrics.json", metrics)
    version = publishing.publish(single, export_dir, metrics)
    return accuracies, of_all, version


def main(values):
    from keras_pairs import data

    config = config_from_flags(values)
    images = data.load_images(config.dataset, config.data_path)
    data.check_enough(images, config.num_pairs)
    run_dir = files.make_run_dir(values["run_dir"].value, "train")
    preset = values["preset"].value
    export_dir = values["export_dir"].value or box.export_folder(images.name, preset)
    files.make_run_dir(export_dir, "export")
    cli.import_tensorflow(config.nb_f * config.batch_size)
    cli.print_config(config, images)
    begun = time.perf_counter()
    accuracies, of_all, version = train(
        config, images, run_dir, export_dir, values["verbosity"].value == "1", preset
    )
    shown = "  ".join(f"{name} {100 * x:.1f} %" for name, x in accuracies.items())
    cli.say(f"test accuracy: {shown}  ({time.perf_counter() - begun:.0f} s)")
    if of_all["pairs"] > config.num_pairs:
        share = 100 * of_all["comparison"]
        cli.say(f"of all {of_all['pairs']:,} test pairs: comparison {share:.2f} %")
    cli.say(f"run folder:    {cli.relative(run_dir)}")
    cli.say(f"SavedModel:    {cli.relative(version)}")
    ask = ("python", "-m", "keras_pairs.predict", f"--model={cli.relative(export_dir)}")
    cli.say(f"ask it:        {shlex.join(ask)} a.png b.png")


def run():
    cli.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
