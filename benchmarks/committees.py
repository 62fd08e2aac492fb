"""What makes networks that answer together better, measured on validation pairs.

    python -m benchmarks.committees --data_path=mnist.npz --run_dir=runs/committees

For each variant of the preset `best`, `NETWORKS` networks are trained on the same pairs,
round by round. What they answer to 5,000 validation pairs of MNIST's training part, as they
are and shifted, gives all that costs no training: how many networks, how their answers are
averaged, shifted views, a temperature. A run that was killed goes on from the results.json
in its --run_dir, on any machine.
"""

import dataclasses
import time

import numpy as np
from scipy import optimize, special

from benchmarks import cases, intervals
from keras_pairs import data, files, machine, scoring, startup, tables
from keras_pairs.commands import flags, runner
from keras_pairs.config import TrainingConfig
from keras_pairs.outputs import CLASSES, OUTPUTS
from keras_pairs.progress import Progress
from keras_pairs.training import isolated

NETWORKS = 4
# What a variant changes in `best`.
VARIANTS = {
    "best": {},
    "twice the epochs": {"epochs": 160},
    "32 filters, twice the epochs": {"epochs": 160, "nb_f": 32},
    "label smoothing 0.1, twice the epochs": {"epochs": 160, "label_smoothing": 0.1},
    "no label smoothing, twice the epochs": {"epochs": 160, "label_smoothing": 0.0},
}
# Shifts of both images in pixels, (down, right), that are looked at beside the images.
VIEWS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))


def answers(config, images):
    """Trains a committee; log-probabilities, float32 [views, pairs, 2, networks, 10]."""
    return isolated.run(_answers, config, images, on_message=None)


def _answers(_, config, images):
    startup.import_tensorflow()
    import tensorflow as tf

    from keras_pairs.networks.population import networks_and_members
    from keras_pairs.training.costs import EVALUATION_BATCH
    from keras_pairs.training.fit import fit

    splits = data.sample_pairs(images, config.num_pairs, config.seed, "validation")
    population = fit([config], splits, validate=False).population
    found = []
    for shift in VIEWS:
        # What leaves at an edge is paper, as what comes in at the other.
        pairs = np.roll(splits.validation.images, shift, (2, 3))
        pairs = tf.data.Dataset.from_tensor_slices(pairs).batch(EVALUATION_BATCH)
        logits = population.predict(pairs, verbose=0)
        digits = [output.name for output in OUTPUTS if output.image is not None]
        both = [networks_and_members(logits[n], config.committee)[0] for n in digits]
        found.append(np.stack(both, 1))
    return special.log_softmax(found, -1).astype("float32")


def compared(digits):
    """P(first <= second) of class probabilities [..., 2, 10]: [...]."""
    classes = np.arange(CLASSES)
    true = OUTPUTS[0].target(classes[:, None], classes)
    return np.einsum("...i,ij,...j->...", digits[..., 0, :], true, digits[..., 1, :])


def probabilities(logs):
    """Mean class probabilities [pairs, 2, 10] of logarithms [pairs, 2, networks, 10]."""
    return np.exp(logs).mean(-2)


def answered(found, pairs):
    """What a round's networks answer, alone and together.

    Args:
      found: log-probabilities [views, pairs, 2, networks, 10].
      pairs: `data.Pairs` of the round.

    Yields:
      (how, scores of `scored`).
    """
    found = np.asarray(found, "float64")
    seen, networks = found[0], found.shape[-2]
    alone = [scored(probabilities(seen[..., [k], :]), pairs) for k in range(networks)]
    yield "1", {name: np.mean([one[name] for one in alone]) for name in alone[0]}
    for size in range(2, networks + 1):
        yield str(size), scored(probabilities(seen[..., :size, :]), pairs)
    every = probabilities(seen)
    name = f"{networks}, "
    yield name + "mean logits", scored(special.softmax(seen.mean(-2), -1), pairs)
    each = compared(np.exp(seen).swapaxes(1, 2)).mean(-1)
    yield name + "mean comparisons", scored(every, pairs, each)
    for some, how in ((found[..., :1, :], "1, "), (found, name)):
        views = np.concatenate(list(some), -2)
        yield how + "five views", scored(probabilities(views), pairs)
    # Fitted on half of the pairs; scored on all, that half among them.
    half = len(pairs) // 2
    temperature = fitted(every[:half], pairs.target[:half])
    warm = special.softmax(np.log(every) / temperature, -1)
    yield name + "with a temperature", scored(warm, pairs) | {"temperature": temperature}


def fitted(digits, target):
    """The temperature at which comparisons are most likely."""

    def loss(temperature):
        says = compared(special.softmax(np.log(digits) / temperature, -1))
        says = np.clip(np.where(target, says, 1 - says), 1e-9, 1)
        return -np.log(says).mean()

    return float(optimize.minimize_scalar(loss, bounds=(0.3, 3), method="bounded").x)


def scored(digits, pairs, comparison=None):
    """Percentages: right comparisons and digits, and the calibration error."""
    says = compared(digits) if comparison is None else comparison
    curve = scoring.reliability(says, pairs.target)
    return {
        "comparison": 100 * float((scoring.verdict(says) == pairs.target).mean()),
        "digits": 100 * float((digits.argmax(-1) == pairs.digits).mean()),
        "calibration_error": 100 * scoring.calibration_error(curve),
    }


def add(rows, variant, seconds, found):
    """Adds what a round of a variant gave to rows for JSON.

    Args:
      rows: list of dicts: variant, how, `seconds` for one network, and what `scored` gives;
        all but the first two are lists, of rounds in their order.
      variant: key of `VARIANTS`.
      seconds: float, for one network.
      found: pairs as of `answered`.
    """
    named = {(row["variant"], row["how"]): row for row in rows}
    for how, scores in found:
        if (variant, how) not in named:
            rows.append({"variant": variant, "how": how})
        row = named.get((variant, how), rows[-1])
        for name, value in {"seconds": seconds, **scores}.items():
            row.setdefault(name, []).append(value)


def rounds_of(rows, variant):
    """How many rounds of a variant are in rows of `add`."""
    found = [len(row["seconds"]) for row in rows if row["variant"] == variant]
    return max(found, default=0)


def configured(variant, round_):
    """The `TrainingConfig` of a variant's round."""
    changes = VARIANTS[variant] | {"committee": NETWORKS, "seed": round_}
    return dataclasses.replace(TrainingConfig.from_preset("best"), **changes)


def tabulate(rows):
    """Rows of `add` as lines of a table, each compared on the rounds that both have."""
    lines = [("variant of `best`", "networks", "rounds", "validation (%)", "change")]
    lines[0] += ("95 % interval", "digits (%)", "calibration error (%)", "s a network")
    alone = {row["variant"]: row for row in rows if row["how"] == "1"}
    for row in (row for name in VARIANTS for row in rows if row["variant"] == name):
        # One network is compared with one of `best`, several with one of theirs.
        base = alone["best" if row["how"] == "1" else row["variant"]]
        scores = row["comparison"]
        spread = f" ± {np.std(scores, ddof=1):.2f}" if len(scores) > 1 else ""
        change = intervals.gain(base["comparison"], scores)
        digits, error = (f"{np.mean(row[n]):.2f}" for n in ("digits", "calibration_error"))
        lines.append(
            (
                *(row["variant"], row["how"], str(len(scores))),
                f"{np.mean(scores):.2f}{spread}",
                *(change if row is not base else ("", "")),
                *(digits, error, f"{np.mean(row['seconds']):.0f}"),
            )
        )
    return lines


FLAGS = {
    "data_path": flags.of_field("data_path"),
    **flags.others("rounds", "run_dir"),
}


def main(values):
    images = data.load_images("mnist", values["data_path"].value)
    run_dir = files.make_run_dir(values["run_dir"].value, "committees")
    path = run_dir / "results.json"
    found = cases.begun(path, images)
    # What trains inherits it.
    machine.prefer_onednn()
    rounds, rows = values["rounds"].value, found["rows"]
    progress, done = Progress(rounds * len(VARIANTS), "committees"), 0
    # Round by round: whenever it is stopped, all variants have about as many.
    for round_ in range(rounds):
        for variant in VARIANTS:
            if rounds_of(rows, variant) <= round_:
                config, start = configured(variant, round_), time.perf_counter()
                logs = answers(config, images)
                seconds = (time.perf_counter() - start) / NETWORKS
                splits = data.sample_pairs(
                    images, config.num_pairs, config.seed, "validation"
                )
                add(rows, variant, seconds, answered(logs, splits.validation))
                cases.count(found)
                files.write_json(path, found)
            done += 1
            progress.show(done)
    runner.say(tables.markdown_table(tabulate(rows)))
    runner.say(f"results: {runner.relative(path)}")


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
