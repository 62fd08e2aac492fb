"""What the presets, weight sharing, and each ingredient of the preset `best` give.

    python -m benchmarks.studies --study=auxiliary --run_dir=runs/table1
    python -m benchmarks.studies --study=ablation --data_path=mnist.npz

Ten rounds of each row, each on pairs and initial weights of its own, round by round the
same pairs in every row. `auxiliary` reads what `evaluate --table1` left (or trains it):
what the auxiliary loss adds to the paper's score. `presets` and `sharing` are scored on all
test pairs; `ablation`, by which things are chosen, on 5,000 validation pairs; the networks
of `accuracy` on both. A killed study goes on when it is started again with the same
--run_dir. What it found is results.json there.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

from benchmarks import answering, intervals
from benchmarks.plots import plot_sharing
from keras_pairs import data, files, machine, plots, startup, tables
from keras_pairs.commands import flags, runner
from keras_pairs.config import TrainingConfig
from keras_pairs.errors import UsageError
from keras_pairs.fields import choice
from keras_pairs.paper import TABLE1

# A row's name: the row that it is compared with, and what it changes in that.
ABLATION = {
    "no augmentation": ("best", {"augmentation": False}),
    "the same pairs in every epoch": ("best", {"new_pairs": False}),
    "no label smoothing": ("best", {"label_smoothing": 0.0}),
    "constant learning rate": ("best", {"one_cycle": False}),
    "a head for the comparison": ("best", {"derived_comparison": False}),
    "no auxiliary loss": ("best", {"w_a": 0.0}),
    "no weight sharing": ("best", {"weight_sharing": False}),
    "the paper's trunk": ("best", {"trunk": "paper"}),
    # What an ingredient is worth where another does not do its work.
    "a head, the same pairs": ("a head for the comparison", {"new_pairs": False}),
}


def sharing():
    """{(nb_f, w_a, weight_sharing): configuration}; lr and batch size are Table I's."""
    return {
        (nb_f, w_a, shares): TrainingConfig.from_preset(
            "shared" if shares else "paper", nb_f=nb_f, w_a=w_a
        )
        # The most wanted first, the slowest last.
        for nb_f, w_a in (
            *((64, 1.0), (32, 1.0), (32, 0.0), (16, 1.0), (16, 0.0)),
            *((8, 1.0), (8, 0.0), (64, 0.0)),
        )
        for shares in (False, True)
    }


def changed(changes):
    """{name: configuration} of `best` and of changes to it, see `ABLATION`."""
    configs = {"best": TrainingConfig.from_preset("best")}
    for name, (base, change) in changes.items():
        configs[name] = dataclasses.replace(configs[base], **change)
    return configs


def auxiliary():
    """{number: configuration}, Table I's rows in their order."""
    configs = [TrainingConfig.from_preset(nb_f=row.nb_f, w_a=row.w_a) for row in TABLE1]
    return dict(enumerate(configs))


def of_presets(*names):
    """A function that gives {name: configuration} of some presets."""
    return lambda: {name: TrainingConfig.from_preset(name) for name in names}


def train(
    configs, images, run_dir, rounds, scored_on="test", chosen_on=None, measure=False
):
    """{key: row of `summary.summarize`} for a dict of configurations.

    With `measure`, rows have what their networks take when published, see `answering`.

    Writes results.json into `run_dir`, a Path: the rows, each with its key as `name`, and
    where they came from.
    """
    from keras_pairs.training.rounds import evaluate

    limit = machine.share()
    parts = {"scored_on": scored_on, "chosen_on": chosen_on}
    rows = evaluate(list(configs.values()), images, run_dir, rounds, limit, **parts)
    if measure:
        costs = answering.measured(list(configs.values()))
        rows = [row | cost for row, cost in zip(rows, costs, strict=True)]
    named = [{"name": key} | row for key, row in zip(configs, rows, strict=True)]
    found = {"rows": named, **files.read_origin(run_dir / files.RECORD)}
    files.write_json(run_dir / "results.json", found)
    return dict(zip(configs, rows, strict=True))


def paired(rows, of="_of_all"):
    """What the second row has more than the first, see `intervals.gain`."""
    return intervals.gain(*(row[f"accuracies{of}"] for row in rows))


def shown(row, of=""):
    return f"{row[f'mean{of}']:.2f} ± {row[f'std{of}']:.2f}"


def tabulate_auxiliary(found):
    rows = [found[number] for number in sorted(found)]
    lines = [("nb_f", "w_a", "gain", "95 % interval", "the paper's")]
    for pair in zip(rows[::2], rows[1::2], strict=True):
        means = [row["paper_mean"] for row in pair]
        papers = "" if None in means else f"{means[1] - means[0]:+.2f}"
        names = str(pair[1]["nb_f"]), f"{pair[1]['w_a']:g}"
        lines.append((*names, *paired(pair, ""), papers))
    return lines


def tabulate_presets(found):
    lines = [("preset", "1,000 test pairs (%)", "all test pairs (%)")]
    lines[0] += ("calibration error (%)", "first digit (%)")
    for name, row in found.items():
        both = shown(row), shown(row, "_of_all")
        error, digit = f"{row['calibration_error']:.2f}", f"{row['first_digit']:.1f}"
        lines.append((name, *both, error, digit))
    return lines


def draw_presets(found, run_dir):
    rows = [row | {"label": name} for name, row in found.items()]
    title = f"Calibration of the comparison, all test pairs of {rows[0]['rounds']} rounds"
    plots.plot_reliability(rows, title, run_dir / "calibration.png")


def tabulate_sharing(found):
    lines = [("nb_f", "w_a", "no sharing (%)", "sharing (%)", "gain", "95 % interval")]
    for nb_f, w_a, shares in sorted(found):
        if shares:
            continue
        pair = [found[nb_f, w_a, side] for side in (False, True)]
        both = (shown(row, "_of_all") for row in pair)
        lines.append((str(nb_f), f"{w_a:g}", *both, *paired(pair)))
    return lines


def draw_sharing(found, run_dir):
    plot_sharing(found, run_dir / "sharing.png")


def tabulate_changes(changes, found):
    lines = [("", "validation (%)", "compared with", "change", "95 % interval")]
    lines[0] += ("calibration error (%)", "digits (%)", "seconds")
    for name, row in found.items():
        base, _ = changes.get(name, ("", None))
        change = paired([found[base], row]) if base else ("", "")
        digits = (row["first_digit"] + row["second_digit"]) / 2
        rest = f"{row['calibration_error']:.2f}", f"{digits:.2f}", f"{row['seconds']:.0f}"
        lines.append((name, shown(row, "_of_all"), base, *change, *rest))
    return lines


def tabulate_accuracy(found):
    lines = [("preset", "validation (%)", "test (%)", "more than `best`", "95 % interval")]
    lines[0] += ("digits (%)", "calibration error (%)", "minutes a round")
    lines[0] += ("saved_model.pb (MB)", "ms a pair")
    for name, row in found.items():
        on_both = shown(row["chosen_on"], "_of_all"), shown(row, "_of_all")
        gain = paired([found["best"], row]) if name != "best" else ("", "")
        digits = (row["first_digit"] + row["second_digit"]) / 2
        rest = f"{digits:.2f}", f"{row['calibration_error']:.2f}"
        rest += (f"{row['seconds'] / row['rounds'] / 60:.1f}",)
        rest += (f"{row['bytes'] / 1e6:.2f}", f"{row['milliseconds']:.2f}")
        lines.append((name, *on_both, *gain, *rest))
    return lines


class Study(NamedTuple):
    """Configurations by name, and what is made of their rounds.

    Attributes:
      configs: function that gives {key: configuration}.
      tabulate: function from {key: row} to lines of a table. `python -m docs.build` makes
        the same table from results.json.
      scored_on, chosen_on: as of `rounds.evaluate`.
      draw: function from {key: row} and a folder that draws a picture there, or None.
      measure: as of `train`.
    """

    configs: Callable
    tabulate: Callable
    scored_on: str = "test"
    chosen_on: str | None = None
    draw: Callable | None = None
    measure: bool = False


STUDIES = {
    "auxiliary": Study(auxiliary, tabulate_auxiliary),
    "presets": Study(
        of_presets("paper", "shared", "best"), tabulate_presets, draw=draw_presets
    ),
    "accuracy": Study(
        of_presets("best", "distilled", "committee"),
        tabulate_accuracy,
        chosen_on="validation",
        measure=True,
    ),
    "sharing": Study(sharing, tabulate_sharing, draw=draw_sharing),
    "ablation": Study(
        functools.partial(changed, ABLATION),
        functools.partial(tabulate_changes, ABLATION),
        "validation",
    ),
}


FLAGS = {
    "study": flags.Flag(choice(*STUDIES), "Which study; it must be given."),
    "data_path": flags.of_field("data_path"),
    **flags.others("rounds", "run_dir"),
}


def main(values):
    study = values["study"].value
    if study is None:
        raise UsageError(f"--study is missing: one of {', '.join(STUDIES)}")
    images = data.load_images("mnist", values["data_path"].value)
    run_dir = files.make_run_dir(values["run_dir"].value, study)
    startup.import_tensorflow(onednn=True)
    those = STUDIES[study]
    found = train(
        those.configs(),
        images,
        run_dir,
        values["rounds"].value,
        those.scored_on,
        those.chosen_on,
        those.measure,
    )
    text = tables.markdown_table(those.tabulate(found))
    files.write_text(run_dir / f"{study}.md", text)
    if those.draw:
        those.draw(found, run_dir)
    runner.say(text)
    runner.say(f"run folder: {runner.relative(run_dir)}")


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
