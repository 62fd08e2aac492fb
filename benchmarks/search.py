"""Trials per hour: `tuner.search` against keras-tuner's own GridSearch with `model.fit`.

    python -m benchmarks.search
    python -m benchmarks.search --nb_f=8,16

For each nb_f the points lr = 0.005 and 0.01, batch size 20 and 100, w_a as in the paper:
all 52 of them by `tuner.search` with a worker per core, six of them by GridSearch (its
trials run one after another and cost the same whoever follows). Both run one epoch and
more, in turns: the difference is what an epoch costs, the rest what a trial costs besides
(building and tracing). From these follow the trials per hour at the paper's 150 epochs.
The time until the first trial starts is shown on its own. Exit code 1 where `tuner.search`
is not as many times as fast as its bound asks.
"""

import functools
import pathlib
import subprocess
import sys
import tempfile
import time

from benchmarks.bounds import Bounds
from keras_pairs.commands import flags, runner
from keras_pairs.errors import UserError
from keras_pairs.fields import Kind
from keras_pairs.paper import EPOCHS, GRID

# Epochs of the longer run: about a minute for each width.
MORE = {8: 21, 16: 11, 32: 6, 64: 3}
SIZES, LRS = (20, 100), (0.005, 0.01)
STOCK_W_A = (0.0, 0.5, 1.0)
BOUNDS = {8: 8, 16: 5, 32: 2.5, 64: 1.4}
WIDTH = Kind(
    int,
    lambda value: value in BOUNDS,
    f"one of {', '.join(map(str, BOUNDS))}",
    "an integer",
)
FLAGS = {
    "nb_f": flags.Flag(WIDTH, "Widths to measure.", tuple(BOUNDS), several=True),
}


def ours(nb_f, epochs, folder):
    """Python's arguments to search the sample with this package."""
    values = {"nb_f": (nb_f,), "lr": LRS, "batch_size": SIZES, "w_a": GRID["w_a"]}
    values = {name: ",".join(map(str, several)) for name, several in values.items()}
    values |= {"epochs": epochs, "dataset": "digits", "run_dir": folder, "verbosity": 0}
    return ["-m", "tuner.search", *(f"--{name}={value}" for name, value in values.items())]


def stock(nb_f, epochs, folder):
    """Python's arguments to search a part of it with GridSearch."""
    call = f"stock_search({nb_f}, {epochs}, {str(folder)!r})"
    return ["-c", f"from benchmarks.search import stock_search; {call}"]


def stock_search(nb_f, epochs, folder):
    """What keras-tuner's documentation would have one write."""
    import keras
    import keras_tuner

    from benchmarks.train import plain_model
    from keras_pairs import data

    folder = pathlib.Path(folder)

    def build(hp):
        model = plain_model(nb_f)
        hp.Choice("batch_size", SIZES)
        w_a = hp.Choice("w_a", STOCK_W_A)
        weights = {name: w_a / (1 + w_a) for name in ("first_digit", "second_digit")}
        digit = "sparse_categorical_crossentropy"
        model.compile(
            keras.optimizers.Adam(LRS[0]),
            loss={"comparison": "binary_crossentropy"} | dict.fromkeys(weights, digit),
            loss_weights={"comparison": 1 / (1 + w_a)} | weights,
            metrics={name: ["accuracy"] for name in ("comparison", *weights)},
        )
        return model

    class Network(keras_tuner.HyperModel):
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, *data, **options):
            return model.fit(*data, batch_size=hp.get("batch_size"), **options)

    splits = data.sample_pairs(data.load_images("digits"))
    tuner = keras_tuner.GridSearch(
        Network(),
        objective=keras_tuner.Objective("val_comparison_accuracy", "max"),
        directory=folder.parent,
        project_name=folder.name,
    )
    tuner.search(
        splits.train.images,
        splits.train.targets,
        validation_data=(splits.validation.images, splits.validation.targets),
        epochs=epochs,
        verbose=0,
    )


def measure(arguments):
    """(seconds to the first trial, seconds from there to the end, trials).

    Args:
      arguments: function of a folder to Python's arguments, see `ours`.

    Raises:
      UserError: if the search fails.
    """
    with tempfile.TemporaryDirectory() as parent:
        folder = pathlib.Path(parent) / "search"
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *arguments(folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not (trials := list(folder.glob("trial_*/trial.json"))):
            if process.poll() is not None:
                raise UserError(f"{' '.join(arguments(folder))}: ended without a trial")
            time.sleep(0.02)
        first = time.monotonic()
        if process.wait():
            raise UserError(f"{' '.join(arguments(folder))}: failed")
        end = time.monotonic()
        trials = len(list(folder.glob("trial_*/trial.json")))
    return first - begun, end - first, trials


def costs(runs, epochs):
    """(start-up seconds, seconds of a trial besides its epochs, seconds of an epoch)."""
    (_, one, trials), (_, more, _) = runs
    epoch = (more - one) / (epochs - 1) / trials
    return min(run[0] for run in runs), one / trials - epoch, epoch


def main(values):
    bounds = Bounds()
    titles = "nb_f|search|start-up (s)|per trial (s)|per epoch (s)|trials/hour|ratio|bound"
    runner.say("| " + " | ".join(titles.split("|")) + " |")
    runner.say("|---:|:---|" + "---:|" * 6)
    for nb_f in values["nb_f"].value:
        runs = {ours: [], stock: []}
        for epochs in (1, MORE[nb_f]):
            for side, found in runs.items():
                found.append(measure(functools.partial(side, nb_f, epochs)))
        rates = {}
        for side, name in ((stock, "GridSearch"), (ours, "tuner.search")):
            start, fixed, epoch = costs(runs[side], MORE[nb_f])
            rates[side] = 3600 / (fixed + EPOCHS * epoch)
            ratio = f"{rates[side] / rates[stock]:.1f}" if side is ours else ""
            bound = BOUNDS[nb_f] if side is ours else ""
            runner.say(
                f"| {nb_f} | {name} | {start:.1f} | {fixed:.2f} | {epoch:.4f} | "
                f"{rates[side]:.0f} | {ratio} | {bound} |"
            )
        bounds.at_least(f"nb_f={nb_f}", rates[ours] / rates[stock], BOUNDS[nb_f])
    bounds.check()


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
