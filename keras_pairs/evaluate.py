"""Scores a configuration, or all of Table I, over ten rounds on fresh pairs.

    python -m keras_pairs.evaluate --table1
    python -m keras_pairs.evaluate --nb_f=64 --w_a=1 --rounds=10
    python -m keras_pairs.evaluate --from_search=runs/grid

The rounds train side by side in one graph. A killed evaluation goes on when it is started
again with the same --run_dir and flags.
"""

import pathlib

from keras_pairs import cli, files
from keras_pairs.command_flags import config_from_flags
from keras_pairs.config import SELECTED, TABLE1, TrainingConfig, UserError

FLAGS = (
    "table1",
    "from_search",
    "nb_f",
    "lr",
    "batch_size",
    "w_m",
    "w_a",
    "epochs",
    "rounds",
    "seed",
    "dataset",
    "data_path",
    "num_pairs",
    "run_dir",
    "memory_limit",
    "verbosity",
)


def configurations(values):
    """The `TrainingConfig`s that the flags ask for."""
    config = config_from_flags(values)
    search = values["from_search"].value
    many = [name for name in ("table1", "from_search") if values[name].value]
    if not many:
        return [config]
    own = [n for n in ("nb_f", "lr", "batch_size", "w_a") if values[n].present]
    if own or len(many) > 1:
        raise UserError(f"--{(own + many[1:])[0]} does not go with --{many[0]}")
    if search:
        return _selected(config, pathlib.Path(search) / SELECTED, values)
    names = ("nb_f", "lr", "batch_size", "w_a")
    rows = ({name: getattr(row, name) for name in names} for row in TABLE1)
    return [TrainingConfig(**(config.to_dict() | row)) for row in rows]


def _selected(config, path, values):
    """What a search selected, trained as it trained unless flags say otherwise."""
    try:
        found = files.read_json(path)
        names = ("w_m", "epochs", "num_pairs")
        same = {n: found["config"][n] for n in names if not values[n].present}
        common = config.to_dict() | same
        return [TrainingConfig(**(common | row)) for row in found["configs"]]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not what a search selected") from error


def markdown(rows):
    """The table as aligned Markdown, which a terminal shows as well."""
    header = (
        *("nb_f", "lr", "batch", "w_a", "ours (%)", "paper (%)", "difference", "Welch's t"),
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
        row | {"accuracies": " ".join(f"{x:.2f}" for x in row["accuracies"])}
        for row in rows
    ]
    files.write_csv(run_dir / "results.csv", flat)
    files.write_text(run_dir / "results.md", markdown(rows))
    for row in rows:
        settings = f"lr={row['lr']:g}, b={row['batch_size']}"
        row["label"] = f"nb_f={row['nb_f']}\nw_a={row['w_a']:g}\n{settings}"
    title = f"{rows[0]['rounds']} rounds on fresh pairs of {origin['dataset']['name']}"
    plots.plot_table(rows, title, run_dir / "results.png")


def main(values):
    from keras_pairs import data

    configs = configurations(values)
    images = data.load_images(configs[0].dataset, configs[0].data_path)
    run_dir = files.make_run_dir(values["run_dir"].value, "evaluate")
    cli.import_tensorflow()
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
        evaluation.machine_memory() / 4 if gib is None else gib * 2**30,
        values["verbosity"].value == "1",
    )
    report(rows, files.read_json(run_dir / "config.json"), run_dir)
    cli.say(markdown(rows))
    cli.say(f"run folder: {cli.relative(run_dir)}")


def run():
    cli.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
