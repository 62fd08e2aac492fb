"""What a search takes: an epoch of a population, and trials per hour against GridSearch.

    python -m benchmarks.search
    python -m benchmarks.search --nb_f=8,16 --before=../older --run_dir=runs/bench

First, for 8 and 16 filters with batch size 50, the seconds of an epoch in a search of two
populations of 13, one for each of two workers: validated after the last epoch, after every
one, and with the code in --before, a checkout of this project, as that does it by itself.
Each is what more epochs take beyond one, and so without start-up and last validation, as
processor time: by the clock the start of a worker moves it by more than the difference. All
take turns, and the median of three turns counts.

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
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks import children, widths
from benchmarks.bounds import Bounds
from keras_pairs import files, tables
from keras_pairs.commands import flags, runner
from keras_pairs.errors import UserError
from keras_pairs.paper import EPOCHS, GRID

# Epochs of the longer run: about a minute for each width.
MORE = {8: 21, 16: 11, 32: 6, 64: 3}
SIZES, LRS = (20, 100), (0.005, 0.01)
STOCK_W_A = (0.0, 0.5, 1.0)
BOUNDS = {8: 8, 16: 5, 32: 2.5, 64: 1.4}
FLAGS = {
    "nb_f": flags.Flag(
        widths.width_of(BOUNDS), "Widths to measure.", tuple(BOUNDS), several=True
    ),
    "before": flags.Flag(children.CHECKOUT, "Folder of an older checkout of this project."),
    **flags.others("run_dir"),
}
# Of the widths whose epochs are measured, with the longer run's.
MORE_OF_13 = {8: 31, 16: 16}
# One turn may differ from the next by half, on a machine that others use.
TURNS_OF_13 = 3
# An epoch's time, of that with the code in --before.
BOUND_OF_13 = 0.6
LAST, EVERY, BEFORE = "after the last", "after every", "before"
OURS = "tuner.search"


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


def stock_model(nb_f, w_a):
    """The paper's network from stock layers, compiled with Eq. (1)."""
    import keras

    from benchmarks.train import plain_model

    model = plain_model(nb_f)
    weights = {name: w_a / (1 + w_a) for name in ("first_digit", "second_digit")}
    digit = "sparse_categorical_crossentropy"
    model.compile(
        keras.optimizers.Adam(LRS[0]),
        loss={"comparison": "binary_crossentropy"} | dict.fromkeys(weights, digit),
        loss_weights={"comparison": 1 / (1 + w_a)} | weights,
        metrics={name: ["accuracy"] for name in ("comparison", *weights)},
    )
    return model


def stock_search(nb_f, epochs, folder):
    """What keras-tuner's documentation would have one write."""
    import keras_tuner

    from keras_pairs import data, outputs

    folder = pathlib.Path(folder)

    class Network(keras_tuner.HyperModel):
        def build(self, hp):
            hp.Choice("batch_size", SIZES)
            return stock_model(nb_f, hp.Choice("w_a", STOCK_W_A))

        def fit(self, hp, model, *data, **options):
            return model.fit(*data, batch_size=hp.get("batch_size"), **options)

    splits = data.sample_pairs(data.load_images("digits"))
    tuner = keras_tuner.GridSearch(
        Network(),
        objective=keras_tuner.Objective(outputs.SCORE, "max"),
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
        begun, used = time.monotonic(), processor_seconds()
        with children.started(
            [sys.executable, "-W", "ignore", *arguments(folder)],
            cwd=code,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            while not (trials := list(folder.glob("trial_*/trial.json"))):
                if process.poll() is not None:
                    raise UserError(f"{' '.join(arguments(folder))}: ended without a trial")
                time.sleep(0.02)
            first = time.monotonic()
            if process.wait():
                raise UserError(f"{' '.join(arguments(folder))}: failed")
        end = time.monotonic()
        trials = len(list(folder.glob("trial_*/trial.json")))
    return first - begun, end - first, trials, processor_seconds() - used


def processor_seconds():
    """Of all processes of the searches that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def costs(runs, epochs):
    """(start-up seconds, seconds of a trial besides its epochs, seconds of an epoch)."""
    (_, one, trials, _), (_, more, _, _) = runs
    epoch = (more - one) / (epochs - 1) / trials
    return min(run[0] for run in runs), one / trials - epoch, epoch


def epochs_of_13(nb_f, before):
    """Yields what an epoch of two populations of 13 costs, a row for each way."""
    last, every = of_13, functools.partial(of_13, validate_every=(1,))
    sides = {LAST: (last, None), EVERY: (every, None)}
    if before:
        sides[BEFORE] = (last, before)
    epochs, found = MORE_OF_13[nb_f], {name: [] for name in sides}
    for _ in range(TURNS_OF_13):
        for name, (side, code) in sides.items():
            one, more = (
                measure(functools.partial(side, nb_f, count), code) for count in (1, epochs)
            )
            work = (epochs - 1) * one[2]
            found[name].append([(more[k] - one[k]) / work for k in (1, 3)])
    for name, turns in found.items():
        seconds, processor = map(statistics.median, zip(*turns, strict=True))
        times = {"seconds": seconds, "processor": processor, "turns": len(turns)}
        yield {"nb_f": nb_f, "validated": name} | times


def rates(nb_f):
    """Yields a row for each search: what a trial costs, and so trials per hour."""
    runs = {stock: [], ours: []}
    for epochs in (1, MORE[nb_f]):
        for side, found in runs.items():
            found.append(measure(functools.partial(side, nb_f, epochs)))
    for side, name in ((stock, "GridSearch"), (ours, OURS)):
        start, fixed, epoch = costs(runs[side], MORE[nb_f])
        row = {"nb_f": nb_f, "search": name, "start_s": start, "trial_s": fixed}
        rate = 3600 / (fixed + EPOCHS * epoch)
        yield row | {"epoch_s": epoch, "trials_per_hour": rate}


def _by(rows, key, name, what):
    """{nb_f: what} of the rows whose key is name."""
    return {row["nb_f"]: row[what] for row in rows if row[key] == name}


def tabulate_epochs(found):
    """The epochs of a results.json as lines of a table."""
    lines = [("nb_f", "validated", "processor ms per epoch", "after the last / this row")]
    last = _by(found["epochs"], "validated", LAST, "processor")
    for row in found["epochs"]:
        milliseconds = f"{1000 * row['processor']:.1f}"
        ratio = f"{last[row['nb_f']] / row['processor']:.2f}"
        lines.append((str(row["nb_f"]), row["validated"], milliseconds, ratio))
    return lines


def tabulate(found):
    """The searches of a results.json as lines of a table."""
    lines = [("nb_f", "search", "start-up (s)", "per trial (s)", "per epoch (s)")]
    lines[0] += ("trials/hour", "ratio", "bound")
    rows = found["rows"]
    theirs = _by(rows, "search", "GridSearch", "trials_per_hour")
    for row in rows:
        nb_f, rate = row["nb_f"], row["trials_per_hour"]
        more = ("", "")
        if row["search"] == OURS:
            more = f"{rate / theirs[nb_f]:.1f}", str(BOUNDS[nb_f])
        times = f"{row['start_s']:.1f}", f"{row['trial_s']:.2f}", f"{row['epoch_s']:.4f}"
        lines.append((str(nb_f), row["search"], *times, f"{rate:.0f}", *more))
    return lines


def check(found):
    """Raises a UserError where a bound is broken."""
    bounds, epochs = Bounds(), found["epochs"]
    last = _by(epochs, "validated", LAST, "processor")
    for nb_f, before in _by(epochs, "validated", BEFORE, "processor").items():
        bounds.at_most(f"nb_f={nb_f}, an epoch of 13", last[nb_f] / before, BOUND_OF_13)
    theirs = _by(found["rows"], "search", "GridSearch", "trials_per_hour")
    for nb_f, rate in _by(found["rows"], "search", OURS, "trials_per_hour").items():
        bounds.at_least(f"nb_f={nb_f}", rate / theirs[nb_f], BOUNDS[nb_f])
    bounds.check()


def main(values):
    run_dir = files.make_run_dir(values["run_dir"].value, "search")
    found = widths.origin() | {"epochs": [], "rows": []}
    for nb_f in values["nb_f"].value:
        if nb_f in MORE_OF_13:
            found["epochs"] += epochs_of_13(nb_f, values["before"].value)
        found["rows"] += rates(nb_f)
        # After each width, since the widest take long.
        files.write_json(run_dir / "results.json", found)
    if found["epochs"]:
        runner.say(tables.markdown_table(tabulate_epochs(found)))
    runner.say(tables.markdown_table(tabulate(found)))
    runner.say(f"run folder: {runner.relative(run_dir)}")
    check(found)


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
