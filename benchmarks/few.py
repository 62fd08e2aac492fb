"""How accurate the preset `best` gets with few pictures of digits.

    python -m benchmarks.few --data_path=mnist.npz --run_dir=runs/few

Ten rounds for each number of pictures, each with others: so many of MNIST's training images
are used as `--data_path` uses a folder that has no more. A third of them is kept for
validation, the others are trained on. The score is on 5,000 pairs of MNIST's test images.
"""

import dataclasses

import numpy as np

from benchmarks import cases
from keras_pairs import data, startup
from keras_pairs.commands import flags, runner
from keras_pairs.config import TrainingConfig
from keras_pairs.fields import integer
from keras_pairs.training import isolated

# The fewest give 1,000 different pairs for validation.
PICTURES = (138, 300, 600, 1200, 2400)
FLAGS = {
    "pictures": flags.Flag(
        integer(138, 3000), "How many pictures for training.", PICTURES, several=True
    ),
    "data_path": flags.of_field("data_path"),
    **flags.others("rounds", "run_dir"),
}


def splits_of(images, pictures, config):
    """A round's `data.Splits`: of so many training images, and scored on test pairs.

    What is scored stands in the place of the validation pairs.
    """
    order = np.random.default_rng([config.seed, pictures]).permutation(len(images.x_train))
    few = dataclasses.replace(
        images,
        x_train=images.x_train[order[:pictures]],
        y_train=images.y_train[order[:pictures]],
        reuse=True,
    )
    trained = data.sample_pairs(few, config.num_pairs, config.seed)
    scored = data.sample_pairs(images, config.num_pairs, config.seed, "test")
    return dataclasses.replace(trained, validation=scored.test)


def train(send, images, pictures, rounds):
    """Accuracies of the rounds: dict of lists, percent. In a process of its own."""
    startup.import_tensorflow(onednn=True)
    from keras_pairs.training.fit import fit

    base = TrainingConfig.from_preset("best")
    configs = [dataclasses.replace(base, seed=seed) for seed in range(rounds)]
    splits = [splits_of(images, pictures, config) for config in configs]
    history = fit(configs, splits, validate_every=0).history
    return {
        name: (100 * history[f"val_{name}_accuracy"][-1]).tolist()
        for name in ("comparison", "first_digit", "second_digit")
    }


def measure(images, pictures, rounds):
    """The rest of a row for results.json."""
    return isolated.run(train, images, pictures, rounds, on_message=None)


def tabulate(rows):
    """The rows of results.json as lines of a table."""
    lines = [("pictures", "trained on", "test (%)", "worst round (%)", "digits (%)")]
    for row in sorted(rows, key=lambda row: row["pictures"]):
        found = row["comparison"]
        digits = np.mean([row["first_digit"], row["second_digit"]])
        numbers = f"{row['pictures']:,}", f"{2 * row['pictures'] // 3:,}"
        spread = f"{np.mean(found):.2f} ± {np.std(found, ddof=1):.2f}"
        lines.append((*numbers, spread, f"{min(found):.1f}", f"{digits:.1f}"))
    return lines


def main(values):
    images = data.load_images("mnist", values["data_path"].value)
    rounds = values["rounds"].value
    wanted = [{"pictures": n, "rounds": rounds} for n in values["pictures"].value]
    cases.go_on(values, "few", images, wanted, measure, tabulate)


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
