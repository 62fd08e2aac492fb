"""Trials per hour: `tuner.search` against keras-tuner's own GridSearch with `model.fit`.

    python -m benchmarks.search [nb_f …]

For each nb_f the points lr = 0.005 and 0.01, batch size 20 and 100, w_a as in the paper:
all 52 of them by `tuner.search` with a worker per core, six of them by GridSearch (its
trials run one after another and cost the same whoever follows). Both run one epoch and
more, in turns: the difference is what an epoch costs, the rest what a trial costs besides
(building and tracing). From these follow the trials per hour at the paper's 150 epochs.
The time until the first trial starts is shown on its own.
"""

import functools
import pathlib
import subprocess
import sys
import tempfile
import time

from keras_pairs.commands.runner import say

# Epochs of the longer run: about a minute for each width.
MORE = {8: 21, 16: 11, 32: 6, 64: 3}
PAPER_EPOCHS = 150
SIZES, LRS = (20, 100), (0.005, 0.01)
STOCK_W_A = (0.0, 0.5, 1.0)
BOUNDS = {8: 8, 16: 5, 32: 2.5, 64: 1.4}


def ours(nb_f, epochs, folder):
    """The command that searches the sample with this package."""
    flags = {"nb_f": nb_f, "epochs": epochs, "run_dir": folder, "verbosity": 0}
    flags |= {"lr": ",".join(map(str, LRS)), "dataset": "digits"}
    flags |= {"batch_size": ",".join(map(str, SIZES))}
    return ["tuner.search", *(f"--{name}={value}" for name, value in flags.items())]


def stock(nb_f, epochs, folder):
    """The command that searches a part of it with GridSearch; see `stock_main`."""
    return ["benchmarks.search", "stock", str(nb_f), str(epochs), str(folder)]


def stock_main(nb_f, epochs, folder):
    """What keras-tuner's documentation would have one write."""
    import keras
    import keras_tuner

    from benchmarks.train import plain_model
    from keras_pairs import data

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

    def arrays(pairs):
        first, second = pairs.digits.T
        targets = {"comparison": pairs.target, "first_digit": first, "second_digit": second}
        return pairs.images, targets

    splits = data.sample_pairs(data.load_images("digits"))
    tuner = keras_tuner.GridSearch(
        Network(),
        objective=keras_tuner.Objective("val_comparison_accuracy", "max"),
        directory=folder.parent,
        project_name=folder.name,
    )
    tuner.search(
        *arrays(splits.train),
        validation_data=arrays(splits.validation),
        epochs=epochs,
        verbose=0,
    )


def measure(command):
    """(seconds to the first trial, seconds from there to the end, trials)."""
    with tempfile.TemporaryDirectory() as parent:
        folder = pathlib.Path(parent) / "search"
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", *command(folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not (trials := list(folder.glob("trial_*/trial.json"))):
            if process.poll() is not None:
                raise RuntimeError(f"{command(folder)} ended without a trial")
            time.sleep(0.02)
        first = time.monotonic()
        if process.wait():
            raise RuntimeError(f"{command(folder)} failed")
        end = time.monotonic()
        trials = len(list(folder.glob("trial_*/trial.json")))
    return first - begun, end - first, trials


def costs(runs, epochs):
    """(start-up seconds, seconds of a trial besides its epochs, seconds of an epoch)."""
    (_, one, trials), (_, more, _) = runs
    epoch = (more - one) / (epochs - 1) / trials
    return min(run[0] for run in runs), one / trials - epoch, epoch


def main(widths):
    titles = "nb_f|search|start-up (s)|per trial (s)|per epoch (s)|trials/hour|ratio|bound"
    say("| " + " | ".join(titles.split("|")) + " |")
    say("|---:|:---|" + "---:|" * 6)
    for nb_f in widths:
        runs = {ours: [], stock: []}
        for epochs in (1, MORE[nb_f]):
            for side, found in runs.items():
                found.append(measure(functools.partial(side, nb_f, epochs)))
        rates = {}
        for side, name in ((stock, "GridSearch"), (ours, "tuner.search")):
            start, fixed, epoch = costs(runs[side], MORE[nb_f])
            rates[side] = 3600 / (fixed + PAPER_EPOCHS * epoch)
            ratio = f"{rates[side] / rates[stock]:.1f}" if side is ours else ""
            bound = BOUNDS[nb_f] if side is ours else ""
            say(
                f"| {nb_f} | {name} | {start:.1f} | {fixed:.2f} | {epoch:.4f} | "
                f"{rates[side]:.0f} | {ratio} | {bound} |"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["stock"]:
        stock_main(int(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4]))
    else:
        main([int(nb_f) for nb_f in sys.argv[1:]] or list(BOUNDS))
