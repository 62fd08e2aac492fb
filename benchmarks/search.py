"""What a search takes: an epoch of a population, and trials per hour against GridSearch.

    python -m benchmarks.search
    python -m benchmarks.search --nb_f=8,16 --before=../older

First, for 8 and 16 filters with batch size 50, the seconds of an epoch in a search of two
populations of 13, one for each of two workers: validated after the last epoch, after every
one, and with the code in --before, a checkout of this project, as that does it by itself.
Each is what more epochs take beyond one, and so without start-up and last validation, once
by the clock and once as processor time, which work beside the benchmark disturbs less.

Then trials per hour of `tuner.search` against keras-tuner's own GridSearch with
`model.fit`. For each nb_f the points lr = 0.005 and 0.01, batch size 20 and 100, w_a as in
the paper: all 52 of them by `tuner.search` with a worker per core, six of them by
GridSearch (its trials run one after another and cost the same whoever follows). Both run
one epoch and more, in turns: the difference is what an epoch costs, the rest what a trial
costs besides (building and tracing). From these follow the trials per hour at the paper's
150 epochs. The time until the first trial starts is shown on its own.

Exit code 1 where `tuner.search` is not as many times as fast as its bound asks, or an epoch
takes more than its bound of what it takes with the code in --before.
"""

import functools
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

from benchmarks.bounds import Bounds
from keras_pairs.commands import flags, runner
from keras_pairs.errors import UserError
from keras_pairs.fields import Kind, existing
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
    "before": flags.Flag(existing(), "Folder of an older checkout of this project."),
}
# Of the widths whose epochs are measured, with the longer run's.
MORE_OF_13 = {8: 31, 16: 16}
# An epoch's time, of that with the code in --before.
BOUND_OF_13 = 0.6


def ours(nb_f, epochs, folder):
    """Python's arguments to search the sample with this package."""
    values = {"nb_f": (nb_f,), "lr": LRS, "batch_size": SIZES, "w_a": GRID["w_a"]}
    return _search(values | {"epochs": (epochs,), "run_dir": (folder,)})


def of_13(nb_f, epochs, folder, **more):
    """Python's arguments to search two populations of 13."""
    values = {"nb_f": (nb_f,), "lr": (0.005,), "batch_size": (50,), "w_a": GRID["w_a"]}
    # No graph holds both values; they cost the same.
    values |= {"label_smoothing": (0.05, 0.1), "workers": (2,)}
    return _search(values | {"epochs": (epochs,), "run_dir": (folder,)} | more)


def _search(values):
    values |= {"dataset": ("digits",), "verbosity": (0,)}
    texts = {name: ",".join(map(str, several)) for name, several in values.items()}
    return ["-m", "tuner.search", *(f"--{name}={text}" for name, text in texts.items())]


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


def measure(arguments, code=None):
    """(seconds to the first trial, from there to the end, trials, processor seconds).

    Args:
      arguments: function of a folder to Python's arguments, see `ours`.
      code: str or None, the folder of the code to run, if not this one.

    Raises:
      UserError: if the search fails.
    """
    with tempfile.TemporaryDirectory() as parent:
        folder = pathlib.Path(parent) / "search"
        begun, used = time.monotonic(), _processor_seconds()
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *arguments(folder)],
            cwd=code,
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
    return first - begun, end - first, trials, _processor_seconds() - used


def _processor_seconds():
    # Of all processes of the searches that have ended.
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def costs(runs, epochs):
    """(start-up seconds, seconds of a trial besides its epochs, seconds of an epoch)."""
    (_, one, trials, _), (_, more, _, _) = runs
    epoch = (more - one) / (epochs - 1) / trials
    return min(run[0] for run in runs), one / trials - epoch, epoch


def epochs_of_13(nb_f, before, bounds):
    """Measures and shows an epoch of two populations of 13, one row for each way."""
    last, every = of_13, functools.partial(of_13, validate_every=(1,))
    sides = {"after the last": (last, None), "after every": (every, None)}
    if before:
        sides["before"] = (last, before)
    epochs, runs = MORE_OF_13[nb_f], {name: [] for name in sides}
    for count in (1, epochs):
        for name, (side, code) in sides.items():
            runs[name].append(measure(functools.partial(side, nb_f, count), code))
    found = {}
    for name, (one, more) in runs.items():
        work = (epochs - 1) * one[2]
        found[name] = (more[1] - one[1]) / work, (more[3] - one[3]) / work
        seconds, processor = found[name]
        ratio = found["after the last"][1] / processor
        runner.say(f"| {nb_f} | {name} | {seconds:.4f} | {processor:.4f} | {ratio:.2f} |")
        if name == "before":
            bounds.at_most(f"nb_f={nb_f}, an epoch of 13", ratio, BOUND_OF_13)


def main(values):
    bounds = Bounds()
    runner.say("| nb_f | validated | per epoch (s) | processor (s) | last / this |")
    runner.say("|---:|:---|" + "---:|" * 3)
    for nb_f in values["nb_f"].value:
        if nb_f in MORE_OF_13:
            epochs_of_13(nb_f, values["before"].value, bounds)
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
