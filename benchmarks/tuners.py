"""Trials per hour: `tuner.search`, keras-tuner and Optuna, with a process for each core.

    python -m benchmarks.tuners --nb_f=8,16 --run_dir=runs/tuners

The same points as in `benchmarks.search`. keras-tuner's own GridSearch runs as a chief and
a worker for each core, by its own environment variables; Optuna's GridSampler as a process
for each core with a common journal. Both train stock Keras' network with `model.fit`, six
points, in processes of one thread. Each runs one epoch and more, in turns: the difference
is what an epoch costs, in processor time, which work beside the benchmark disturbs less.
From it follow the trials per hour at the paper's 150 epochs on all cores; start-up and what
a trial costs besides are not counted, see `benchmarks.search`. Without optuna its row is
left out. What was found is results.json in --run_dir.
"""

import functools
import os
import pathlib
import subprocess
import sys

from benchmarks import search, widths
from keras_pairs import data, machine, outputs
from keras_pairs.commands import flags, runner
from keras_pairs.errors import UserError
from keras_pairs.paper import EPOCHS
from tuner import processes

POINTS = len(search.SIZES) * len(search.STOCK_W_A)
# TensorFlow reads them when it starts.
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
FLAGS = {
    "nb_f": search.FLAGS["nb_f"],
    **flags.others("run_dir"),
}


def keras_tuner(nb_f, epochs, folder):
    """Python's arguments to search six points with keras-tuner."""
    return _call("keras_tuner_search", nb_f, epochs, folder)


def optuna(nb_f, epochs, folder):
    """Python's arguments to search them with Optuna."""
    return _call("optuna_search", nb_f, epochs, folder)


def _call(name, nb_f, epochs, folder):
    call = f"{name}({nb_f}, {epochs}, {str(folder)!r})"
    return ["-c", f"from benchmarks.tuners import {name}; {call}"]


def keras_tuner_search(nb_f, epochs, folder):
    """A chief and a worker for each core, until the workers end."""
    environment = {
        "KERASTUNER_ORACLE_IP": "127.0.0.1",
        "KERASTUNER_ORACLE_PORT": str(processes.free_port()),
    }
    code = search.stock(nb_f, epochs, folder)
    chief = _start(code, **environment, KERASTUNER_TUNER_ID="chief")
    workers = [
        _start(code, **environment, KERASTUNER_TUNER_ID=f"tuner{k}")
        for k in range(machine.cores())
    ]
    try:
        _wait(workers)
    finally:
        # It would wait for up to twenty seconds more.
        chief.kill()
        chief.wait()


def optuna_search(nb_f, epochs, folder):
    """A process for each core."""
    cores = machine.cores()
    shares = [POINTS * (k + 1) // cores - POINTS * k // cores for k in range(cores)]
    pathlib.Path(folder).mkdir()
    call = f"optuna_worker({nb_f}, {epochs}, {str(folder)!r}"
    code = f"from benchmarks.tuners import optuna_worker; {call}"
    _wait([_start(["-c", f"{code}, {count})"]) for count in shares if count])


def optuna_worker(nb_f, epochs, folder, count):
    """Tries `count` points, as Optuna's documentation would have one write."""
    import optuna
    from optuna.storages import JournalStorage, journal

    splits = data.sample_pairs(data.load_images("digits"))
    training, validation = splits.train, splits.validation
    folder = pathlib.Path(folder)

    def objective(trial):
        size = trial.suggest_categorical("batch_size", search.SIZES)
        model = search.stock_model(nb_f, trial.suggest_categorical("w_a", search.STOCK_W_A))
        # What `search.measure` waits for and counts.
        (folder / f"trial_{trial.number}").mkdir()
        (folder / f"trial_{trial.number}" / "trial.json").touch()
        fitted = model.fit(
            training.images,
            training.targets,
            batch_size=size,
            epochs=epochs,
            validation_data=(validation.images, validation.targets),
            verbose=0,
        )
        return fitted.history[outputs.SCORE][-1]

    grid = {"batch_size": search.SIZES, "w_a": search.STOCK_W_A}
    study = optuna.create_study(
        study_name="grid",
        storage=JournalStorage(journal.JournalFileBackend(str(folder / "journal"))),
        sampler=optuna.samplers.GridSampler(grid),
        direction="maximize",
        load_if_exists=True,
    )
    study.optimize(objective, n_trials=count)


def _start(code, **environment):
    environment = os.environ | ONE_THREAD | environment
    return subprocess.Popen([sys.executable, "-W", "ignore", *code], env=environment)


def _wait(workers):
    try:
        if any(worker.wait() for worker in workers):
            raise UserError("a worker failed")
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


# Name: what `search.measure` takes, the package that it needs.
SIDES = {
    search.OURS: (search.ours, None),
    "keras-tuner's GridSearch": (keras_tuner, None),
    "Optuna's GridSampler": (optuna, "optuna"),
}


def measure(nb_f):
    """Yields a row for each side that is installed."""
    there = {
        name: side for name, (side, package) in SIDES.items() if widths.installed(package)
    }
    more, runs = search.MORE[nb_f], {name: [] for name in there}
    for epochs in (1, more):
        for name, side in there.items():
            arguments = functools.partial(side, nb_f, epochs)
            runs[name].append(search.measure(arguments))
    for name, ((*_, trials, one), (*_, most)) in runs.items():
        epoch = (most - one) / (more - 1) / trials
        per_hour = 3600 * machine.cores() / (EPOCHS * epoch)
        yield {
            **{"nb_f": nb_f, "search": name, "trials": trials, "epoch_s": epoch},
            "trials_per_hour": per_hour,
        }


def tabulate(rows):
    """Lines of a table; `python -m docs.build` makes the same one from results.json."""
    lines = [("nb_f", "search", "processor ms per epoch", "trials/hour", "of ours")]
    ours = {
        row["nb_f"]: row["trials_per_hour"] for row in rows if row["search"] == search.OURS
    }
    for row in rows:
        rate, milliseconds = row["trials_per_hour"], 1000 * row["epoch_s"]
        figures = f"{milliseconds:.0f}", f"{rate:.0f}", f"{rate / ours[row['nb_f']]:.2f}"
        lines.append((str(row["nb_f"]), row["search"], *figures))
    return lines


def main(values):
    packages = {name: package for name, (_, package) in SIDES.items()}
    widths.measure(values, "tuners", packages, measure, tabulate)


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
