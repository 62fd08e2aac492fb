"""What the authors' published code does differently from their text, one thing at a time.

    python -m benchmarks.departures --nb_f=16 --run_dir=runs/departures
    python -m benchmarks.departures --nb_f=32 --auxiliary=false --networks=text,authors

For each row of Table I that is asked for: ten rounds of the network as the text has it and
of each departure, the test pairs scored after every epoch. The last epoch is what we report
everywhere. Table I has the epoch at which the mean of the rounds is highest on the test
pairs (`authors.rule`), shown to tell how much that alone is worth. Nothing is chosen by
these figures. What was found is added to results.json in the run folder; what lies there
already is not trained again.
"""

import dataclasses
from unittest import mock

from benchmarks import authors, cases, widths
from keras_pairs import data, startup, trunks
from keras_pairs.commands import flags, runner
from keras_pairs.config import TrainingConfig
from keras_pairs.fields import choice, yes_no
from keras_pairs.paper import GRID, row_of
from keras_pairs.training import isolated

TEXT, RELU_FIRST = ("conv", "batch_norm", "relu"), ("conv", "relu", "batch_norm")
# The order of a block's layers, and a class of `departing`.
NETWORKS = {
    "text": (TEXT, "PopulationKit"),
    "relu_first": (RELU_FIRST, "PopulationKit"),
    "channel_dropout": (TEXT, "ChannelDropoutKit"),
    "one_hidden": (TEXT, "OneHiddenKit"),
    "slow_momentum": (TEXT, "SlowKit"),
    "authors": (RELU_FIRST, "AuthorsKit"),
}
FLAGS = {
    "nb_f": flags.Flag(
        widths.width_of(GRID["nb_f"]), "Widths of Table I.", GRID["nb_f"], several=True
    ),
    "auxiliary": flags.Flag(yes_no(), "The rows with auxiliary loss, or without.", True),
    "networks": flags.Flag(
        choice(*NETWORKS), "Networks to train.", tuple(NETWORKS), several=True
    ),
    "data_path": flags.of_field("data_path"),
    **flags.others("rounds", "run_dir"),
}


def train(send, config, network, images, rounds):
    """Accuracies on the test pairs after every epoch: float array [epochs, rounds].

    In a process of its own: `isolated.run` gives `send`.
    """
    startup.import_tensorflow(onednn=True)
    from benchmarks import departing
    from keras_pairs.training.fit import fit

    block, kit = NETWORKS[network]
    configs = [dataclasses.replace(config, seed=seed) for seed in range(rounds)]
    splits = [data.sample_pairs(images, c.num_pairs, c.seed) for c in configs]
    splits = [dataclasses.replace(s, validation=s.test) for s in splits]
    kit = getattr(departing, kit)(rounds, True)
    # A configuration names its trunk, and this process trains nothing else.
    trunk = dataclasses.replace(trunks.TRUNKS["paper"], block=block)
    with mock.patch.dict(trunks.TRUNKS, paper=trunk):
        trained = fit(configs, splits, kit=kit)
    return trained.history["val_comparison_accuracy"]


def measure(images, nb_f, w_a, network, rounds):
    """The rest of a row for results.json."""
    config = TrainingConfig.from_preset(nb_f=nb_f, w_a=w_a)
    found = isolated.run(train, config, network, images, rounds, on_message=None)
    return {**row_of(nb_f, w_a > 0).point(), **authors.rule(100 * found)}


def tabulate(rows):
    """The rows of results.json as lines of a table."""
    lines = [("nb_f", "w_a", "network", "last epoch", "by Table I's rule", "Table I")]
    for row in rows:
        paper = row_of(row["nb_f"], row["w_a"] > 0).shown()
        names = str(row["nb_f"]), f"{row['w_a']:g}", row["network"]
        lines.append((*names, *authors.shown(row), paper))
    return lines


def main(values):
    images = data.load_images("mnist", values["data_path"].value)
    auxiliary, rounds = values["auxiliary"].value, values["rounds"].value
    wanted = [
        {"nb_f": n, "w_a": row_of(n, auxiliary).w_a, "network": network, "rounds": rounds}
        for n in values["nb_f"].value
        for network in values["networks"].value
    ]
    cases.go_on(values, "departures", images, wanted, measure, tabulate)


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
