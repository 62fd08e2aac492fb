"""Scores a configuration, or all of Table I, over ten rounds on fresh pairs.

    python -m keras_pairs.evaluate --table1
    python -m keras_pairs.evaluate --nb_f=64 --w_a=1 --rounds=10
    python -m keras_pairs.evaluate --from_search=runs/grid

The rounds train side by side in one graph. A killed evaluation goes on with --run_dir
alone, on this machine or another. `--run_dir=… --rounds=20` adds rounds to it.
`score` asks a published model, without training.
"""

from keras_pairs import data, files, machine, startup, tables
from keras_pairs.commands import configurations, flags, runner

FLAGS = (
    configurations.OF_SEVERAL
    | flags.of_training()
    | flags.others("rounds", "run_dir", "memory_limit", "verbosity")
)


def main(values):
    record = configurations.begun(values, "configs")
    configs = configurations.asked_for(values, record)
    count = configurations.kept(values, record, "rounds")
    with flags.together():
        for config in configs:
            config.round(count - 1)
    verbose = values["verbosity"].value == "1"
    images = configurations.load_images(record, configs[0], verbose)
    data.check_enough(images, max(config.num_pairs for config in configs))
    run_dir = files.make_run_dir(values["run_dir"].value, "evaluate")
    startup.import_tensorflow(onednn=True)
    from keras_pairs.training import rounds

    gib = values["memory_limit"].value
    for config in configs:
        configurations.show(config, images)
    runner.say(f"{count} rounds each; results go to {runner.relative(run_dir)}")
    rows = rounds.evaluate(
        configs,
        images,
        run_dir,
        count,
        machine.share() if gib is None else gib * 2**30,
        verbose,
    )
    rounds.report(rows, run_dir)
    runner.say(tables.evaluation(rows))
    runner.say(f"run folder: {runner.relative(run_dir)}")


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
