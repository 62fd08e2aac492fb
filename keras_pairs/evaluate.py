"""Scores a configuration, or all of Table I, over ten rounds on fresh pairs.

    python -m keras_pairs.evaluate --table1
    python -m keras_pairs.evaluate --nb_f=64 --w_a=1 --rounds=10
    python -m keras_pairs.evaluate --from_search=runs/grid
    python -m keras_pairs.evaluate --model=saved_models/digit_pairs

The rounds train side by side in one graph. A killed evaluation goes on when it is started
again with the same --run_dir and flags, on this machine or another. With --model nothing is
trained: a published model is scored on all test images, with pictures of its answers.
"""

import pathlib

from keras_pairs import cli, files, machine
from keras_pairs.command_flags import TRAINING, config_from_flags
from keras_pairs.config import SELECTED, TABLE1, TrainingConfig, UserError

FLAGS = (
    "table1",
    "from_search",
    "model",
    *TRAINING,
    "rounds",
    "run_dir",
    "memory_limit",
    "verbosity",
)


def configurations(values):
    """The `TrainingConfig`s that the flags ask for."""
    config = config_from_flags(values)
    search = values["from_search"].value
    many = [n for n in ("table1", "from_search", "model") if values[n].value]
    if not many:
        return [config]
    foreign = {"preset", "nb_f", "lr", "batch_size", "w_a"}
    if many[0] == "model":
        foreign = {*TRAINING, "rounds", "memory_limit"} - {"seed", "dataset", "data_path"}
    own = [n for n in FLAGS if n in foreign and values[n].present]
    if own or len(many) > 1:
        raise UserError(f"--{(own + many[1:])[0]} does not go with --{many[0]}")
    if search:
        return _selected(config, pathlib.Path(search) / SELECTED, values)
    if not values["table1"].value:
        return []
    names = ("nb_f", "lr", "batch_size", "w_a")
    rows = ({name: getattr(row, name) for name in names} for row in TABLE1)
    return [TrainingConfig(**(config.to_dict() | row)) for row in rows]


def _selected(config, path, values):
    """What a search selected, trained as it trained unless flags say otherwise."""
    try:
        found = files.read_json(path)
        names = ("w_m", "epochs", "num_pairs", "weight_sharing")
        same = {n: found["config"][n] for n in names if not values[n].present}
        common = config.to_dict() | same
        return [TrainingConfig(**(common | row)) for row in found["configs"]]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not what a search selected") from error


def markdown(rows):
    """The table as aligned Markdown, which a terminal shows as well."""
    header = (
        *("nb_f", "lr", "batch", "w_a", "ours (%)", "paper (%)", "difference", "Welch's t"),
        *("all test pairs (%)", "calibration error (%)"),
        *("first digit (%)", "second digit (%)", "seconds"),
    )
    lines = [header]
    for row in rows:
        known = row["paper_mean"] is not None
        lines.append(
            (
                str(row["nb_f"]),
                f"{row['lr']:g}",
                str(row["batch_size"]),
                f"{row['w_a']:g}",
                f"{row['mean']:.2f} ± {row['std']:.2f}",
                f"{row['paper_mean']:.2f} ± {row['paper_std']:.2f}" if known else "",
                f"{row['difference']:+.2f}" if known else "",
                f"{row['welch_t']:+.1f}" if known else "",
                f"{row['mean_of_all']:.2f} ± {row['std_of_all']:.2f}",
                f"{row['calibration_error']:.1f}",
                f"{row['first_digit']:.1f}",
                f"{row['second_digit']:.1f}",
                f"{row['seconds']:.0f}",
            )
        )
    return files.markdown_table(lines)


def report(rows, origin, run_dir):
    """Writes results.json, .csv, .md and .png into the run folder."""
    from keras_pairs import plots

    files.write_json(run_dir / "results.json", {"rows": rows, **origin})
    flat = [
        {name: value for name, value in row.items() if name != "reliability"}
        | {
            name: " ".join(f"{x:.2f}" for x in row[name])
            for name in ("accuracies", "accuracies_of_all")
        }
        for row in rows
    ]
    files.write_csv(run_dir / "results.csv", flat)
    files.write_text(run_dir / "results.md", markdown(rows))
    for row in rows:
        settings = f"lr={row['lr']:g}, b={row['batch_size']}"
        row["label"] = f"nb_f={row['nb_f']}\nw_a={row['w_a']:g}\n{settings}"
    title = f"{rows[0]['rounds']} rounds on fresh pairs of {origin['dataset']['name']}"
    plots.plot_table(rows, title, run_dir / "results.png")
    plots.plot_reliability(rows, title, run_dir / "calibration.png")


def inspect(values, images, run_dir):
    """Scores the published model that --model names."""
    cli.import_tensorflow(keras=False)
    from keras_pairs import inspection

    seed = values["seed"].value if values["seed"].present else None
    found = inspection.inspect(values["model"].value, images, seed, run_dir)
    cli.say(f"{found['model']}: {found['pairs']:,} test pairs, seed {found['seed']}")
    for name, share in found["accuracy"].items():
        cli.say(f"{name + ':':14} {100 * share:.2f} %")
    error = 100 * found["calibration_error"]
    cli.say(f"{found['mistakes']} mistakes; expected calibration error {error:.2f} %")


def main(values):
    from keras_pairs import data

    configs = configurations(values)
    images = data.load_images(values["dataset"].value, values["data_path"].value)
    run_dir = files.make_run_dir(values["run_dir"].value, "evaluate")
    if values["model"].value:
        inspect(values, images, run_dir)
        cli.say(f"run folder: {cli.relative(run_dir)}")
        return
    cli.import_tensorflow(population=True)
    from keras_pairs import evaluation

    gib = values["memory_limit"].value
    rounds = values["rounds"].value
    for config in configs:
        cli.print_config(config, images)
    cli.say(f"{rounds} rounds each; results go to {cli.relative(run_dir)}")
    rows = evaluation.evaluate(
        configs,
        images,
        run_dir,
        rounds,
        machine.memory() / 4 if gib is None else gib * 2**30,
        values["verbosity"].value == "1",
    )
    report(rows, files.read_json(run_dir / "config.json"), run_dir)
    cli.say(markdown(rows))
    cli.say(f"run folder: {cli.relative(run_dir)}")


def run():
    cli.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
