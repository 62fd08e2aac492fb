"""Pairs per second through the SavedModel against the Keras model, and time to an answer.

    python -m benchmarks.serving

The three take turns, so that a slow moment of the machine meets all; the median of the
turns counts, the first one (tracing) does not. Then `predict` is started as a process, and
its steps are timed in others. Exit code 1 where the SavedModel is slower than the Keras
model.
"""

import functools
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks import cases, turns
from keras_pairs import startup
from keras_pairs.commands import runner
from keras_pairs.config import TrainingConfig

NB_F = 64
# Pairs at a time, calls in a turn.
CASES = ((1, 100), (32, 30), (1024, 3))
TURNS = 8
# Pairs per second of the Keras model, called directly, for each of the SavedModel.
BOUND = 1.0
FLAGS = cases.FLAGS

# Prints the seconds of one step of `predict`, in a process of its own.
IMPORT = "startup.import_tensorflow(keras=False, onednn=True)"
START = f"from keras_pairs import startup; {IMPORT}"
LOAD = "from keras_pairs.serving import comparer"
STEPS = {
    "import tensorflow, as predict does (no Keras)": (
        "from keras_pairs import startup",
        IMPORT,
    ),
    "import tensorflow": (
        "from keras_pairs import startup",
        "startup.import_tensorflow()",
    ),
    "load the SavedModel": (f"{START}; {LOAD}", "comparer.load(sys.argv[1])"),
    "first answer": (
        f"{START}; {LOAD}; model = comparer.load(sys.argv[1])",
        "model.compare(sys.argv[2], sys.argv[2])",
    ),
}


def throughput(model, served):
    """Rows of (pairs at a time, pairs per second of served, direct call, predict)."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    for size, calls in CASES:
        pairs = rng.uniform(0, 255, (size, 2, 14, 14)).astype("float32")
        tensor = tf.constant(pairs)
        ways = (
            (lambda x=tensor: served(pair=x), calls),
            (lambda x=tensor: model(x, training=False), calls),
            (lambda x=pairs: model.predict(x, len(x), 0), max(calls // 10, 2)),
        )
        # The answer is there when its numbers are.
        read = [(lambda way=way: np.asarray(way()["comparison"]), n) for way, n in ways]
        yield size, *(size / seconds for seconds in turns.medians(read, TURNS))


def step_seconds(before, step, *arguments):
    code = f"import sys, time; {before}; t = time.perf_counter(); {step}; "
    code += "print(time.perf_counter() - t)"
    command = [sys.executable, "-c", code, *arguments]
    return float(subprocess.run(command, capture_output=True, check=True).stdout)


def predict_seconds(version, image):
    begun = time.perf_counter()
    command = [sys.executable, "-m", "keras_pairs.predict", image, image]
    subprocess.run([*command, f"--model={version}"], capture_output=True, check=True)
    return time.perf_counter() - begun


def measured(version, served, model, image):
    """Rows for `cases.keep`: pairs per second, then seconds of `predict` and its steps."""
    for size, ours, direct, predict in throughput(model, served):
        yield {
            **{"what": f"{size} pairs at a time", "pairs": size},
            **{"served": ours, "direct": direct, "predict": predict},
            **{"ratio": direct / ours, "at_most": BOUND},
        }
    steps = {"process start to first answer of predict": predict_seconds}
    steps |= {name: functools.partial(step_seconds, *STEPS[name]) for name in STEPS}
    for name, step in steps.items():
        seconds = statistics.median(step(version, image) for _ in range(5))
        runner.say(f"- {name}: {seconds:.2f} s")
        yield {"step": name, "seconds": seconds}


def tabulate(rows):
    """Rows of `measured` as lines of a table: of pairs per second."""
    lines = [("pairs at a time", "SavedModel", "direct call", "model.predict")]
    lines[0] += ("direct / SavedModel", "bound")
    for row in (row for row in rows if "pairs" in row):
        rates = (f"{row[side]:,.0f}" for side in ("served", "direct", "predict"))
        ratio = f"{row['ratio']:.2f}", f"{row['at_most']:g}"
        lines.append((str(row["pairs"]), *rates, *ratio))
    return lines


def tabulate_steps(found):
    """Lines of a table of the steps of `predict`, from what `cases.keep` keeps."""
    steps = [row for row in found["rows"] if "step" in row]
    rows = ((row["step"], f"{row['seconds']:.2f}") for row in steps)
    return [("step", "seconds"), *rows]


def main(values):
    startup.import_tensorflow()
    import tensorflow as tf

    from keras_pairs.networks.build import build_model
    from keras_pairs.serving import publishing

    model = build_model(TrainingConfig.from_preset(nb_f=NB_F))
    with tempfile.TemporaryDirectory() as folder:
        version = str(publishing.publish(model, folder))
        served = tf.saved_model.load(version).signatures["serving_default"]
        image = str(pathlib.Path(folder) / "zero.png")
        cases.drawn_zero().save(image)
        rows = measured(version, served, model, image)
        cases.keep(values, "serving", rows, len(CASES) + 1 + len(STEPS), tabulate)


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
