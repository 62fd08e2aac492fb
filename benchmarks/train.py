"""Seconds per epoch of `training.fit` against a plain `model.fit` of the same network.

    python -m benchmarks.train

The plain model is what Keras' documentation would have one write: Conv2D with bias,
BatchNormalization, Dropout, numpy arrays, no other settings. Each has a process of its own
(ours chooses its threads when TensorFlow starts); they take turns of three epochs, so that
a slow moment of the machine meets both; the first turn (tracing) does not count. Exit code
1 where a ratio is over its bound.
"""

import dataclasses
import multiprocessing
import statistics
import time

from benchmarks import cases
from keras_pairs import data, startup
from keras_pairs.commands import runner
from keras_pairs.config import TrainingConfig
from keras_pairs.errors import UserError

# nb_f, batch size, ratio to stay below.
CASES = ((64, 100, 0.8), (32, 50, 0.8), (8, 10, 0.5))
TURNS, EPOCHS, PAIRS = 5, 3, 1000
FLAGS = cases.FLAGS


def plain_model(nb_f):
    """The paper's network from stock layers, compiled with Eq. (1), w_a = 1."""
    import keras

    pair = keras.Input((2, 14, 14), name="pair")
    x = keras.layers.Rescaling(1 / 255)(pair)
    x = keras.layers.Permute((2, 3, 1))(x)
    for _ in range(6):
        x = keras.layers.Conv2D(nb_f, 3)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.ReLU()(x)
        x = keras.layers.Dropout(0.1)(x)
    x = keras.layers.Flatten()(x)
    outputs = {}
    for name, units in (("comparison", 1), ("first_digit", 10), ("second_digit", 10)):
        hidden = keras.layers.Dense(20, activation="relu")(x)
        hidden = keras.layers.Dropout(0.5)(hidden)
        activation = "sigmoid" if units == 1 else "softmax"
        outputs[name] = keras.layers.Dense(units, activation, name=name)(hidden)
    model = keras.Model(pair, outputs)
    digit = "sparse_categorical_crossentropy"
    model.compile(
        "adam",
        loss={
            "comparison": "binary_crossentropy",
            "first_digit": digit,
            "second_digit": digit,
        },
        loss_weights={"comparison": 0.5, "first_digit": 0.5, "second_digit": 0.5},
        metrics={name: ["accuracy"] for name in outputs},
    )
    return model


def turns(pipe, clock=time.perf_counter):
    """A Keras callback: waits for a word before a turn, sends its seconds afterwards."""
    import keras

    begun = []

    def before(epoch, logs=None):
        if epoch % EPOCHS == 0:
            pipe.recv()
            begun.append(clock())

    def after(epoch, logs=None):
        if epoch % EPOCHS == EPOCHS - 1:
            pipe.send((clock() - begun[-1]) / EPOCHS)

    return keras.callbacks.LambdaCallback(on_epoch_begin=before, on_epoch_end=after)


def ours(pipe, nb_f, batch_size, members=1, own_data=False, one_thread=False):
    """A process that trains with this package, turn by turn."""
    work = 0 if one_thread else nb_f * batch_size * members
    startup.import_tensorflow(work, onednn=members > 1)
    from keras_pairs.training.fit import fit

    images = data.load_images("digits")
    splits = [data.sample_pairs(images, PAIRS, k) for k in range(members)]
    config = TrainingConfig(nb_f, 0.005, batch_size, epochs=EPOCHS * (TURNS + 1))
    configs = [dataclasses.replace(config, seed=k) for k in range(members)]
    data_sets = splits if own_data else splits[0]
    fit(configs, data_sets, validate=False, callbacks=[turns(pipe)])


def plain(pipe, nb_f, batch_size):
    """A process that trains the plain model, turn by turn."""
    startup.import_tensorflow()
    pairs = data.sample_pairs(data.load_images("digits"), PAIRS, seed=0).train
    plain_model(nb_f).fit(
        pairs.images,
        pairs.targets,
        batch_size=batch_size,
        epochs=EPOCHS * (TURNS + 1),
        verbose=0,
        callbacks=[turns(pipe)],
    )


def compare(*sides):
    """Median seconds per epoch of each side, taking turns.

    A side is a list of (function, arguments) that run at the same time, each in a process
    of its own; its time is that of the slowest.

    Raises:
      UserError: if one of the processes dies.
    """
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for side in sides:
        pipes.append([])
        for function, arguments in side:
            here, there = context.Pipe()
            process = context.Process(
                target=function, args=(there, *arguments), daemon=True
            )
            process.start()
            # So that a process which dies is the last to hold its end.
            there.close()
            pipes[-1].append(here)
            processes.append(process)
    seconds = [[] for _ in sides]
    try:
        for _ in range(TURNS + 1):
            for side, times in zip(pipes, seconds, strict=True):
                for pipe in side:
                    pipe.send("go")
                times.append(max(pipe.recv() for pipe in side))
    except (EOFError, OSError) as error:
        for process in processes:
            process.kill()
        raise UserError("one of the trainings died") from error
    for process in processes:
        process.join()
    return [statistics.median(times[1:]) for times in seconds]


def measured():
    """A row for each case, see `cases.keep`."""
    for nb_f, batch_size, bound in CASES:
        case = (nb_f, batch_size)
        mine, other = compare([(ours, case)], [(plain, case)])
        yield {
            **{"what": f"nb_f={nb_f}, batch {batch_size}", "nb_f": nb_f},
            **{"batch_size": batch_size, "ours": mine, "plain": other},
            **{"ratio": mine / other, "at_most": bound},
        }


def tabulate(rows):
    """Rows of `measured` as lines of a table."""
    lines = [("nb_f", "batch", "ours (s/epoch)", "plain model.fit", "ratio", "bound")]
    for row in rows:
        case = str(row["nb_f"]), str(row["batch_size"])
        seconds = f"{row['ours']:.3f}", f"{row['plain']:.3f}"
        lines.append((*case, *seconds, f"{row['ratio']:.2f}", f"{row['at_most']:g}"))
    return lines


def main(values):
    known = {"dataset": data.load_images("digits").describe()}
    cases.keep(values, "train", measured(), len(CASES), tabulate, **known)


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
