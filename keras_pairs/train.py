"""Trains the paper's network, or with --preset a better one, once and exports it.

    python -m keras_pairs.train --nb_f=64
    python -m keras_pairs.train --preset=best

What neither a flag nor the preset says comes from Table I's row for that nb_f: the row
with auxiliary loss, or the row without where --w_a=0. The model in the box, which
`predict` asks, stays as it is: the last line says how to ask the trained one. A training
that was stopped goes on with --run_dir alone, after the last epoch that was saved.
"""

import shlex
import time

from keras_pairs import data, files, startup
from keras_pairs.commands import configurations, flags, runner
from keras_pairs.serving import box

FLAGS = flags.of_training() | flags.others(
    "run_dir", "export_dir", "validate_every", "verbosity"
)


def main(values):
    record = configurations.begun(values, "config")
    if record:
        config, preset = record["config"], record["preset"]
    else:
        config, preset = flags.config_from_flags(values), values["preset"].value
    verbose = values["verbosity"].value == "1"
    images = configurations.load_images(record, config, verbose)
    data.check_enough(images, config.num_pairs)
    run_dir = files.make_run_dir(values["run_dir"].value, "train")
    export_dir = configurations.kept(values, record, "export_dir")
    export_dir = export_dir or box.export_folder(images.name, preset)
    files.make_run_dir(export_dir, "export")
    networks = max(stage.committee for stage in config.stages())
    work = networks * config.nb_f * config.batch_size
    startup.import_tensorflow(work, onednn=networks > 1)
    from keras_pairs.training.run import train_run

    configurations.show(config, images)
    begun = time.perf_counter()
    run = train_run(
        config,
        images,
        run_dir=run_dir,
        export_dir=export_dir,
        preset=preset,
        validate_every=configurations.kept(values, record, "validate_every"),
        verbose=verbose,
    )
    found, of_all = (run.metrics[f"test_accuracy{part}"] for part in ("", "_of_all"))
    shown = "  ".join(f"{name} {100 * share:.1f} %" for name, share in found.items())
    runner.say(f"test accuracy: {shown}  ({time.perf_counter() - begun:.0f} s)")
    if of_all["pairs"] > config.num_pairs:
        share = 100 * of_all["comparison"]
        runner.say(f"of all {of_all['pairs']:,} test pairs: comparison {share:.2f} %")
    runner.say(f"run folder:    {runner.relative(run.path)}")
    runner.say(f"SavedModel:    {runner.relative(run.version)}")
    ask = ("python", "-m", "keras_pairs.predict", f"--model={runner.relative(export_dir)}")
    runner.say(f"ask it:        {shlex.join(ask)} a.png b.png")


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
