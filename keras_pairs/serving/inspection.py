"""A published model on all test images: how good it is, and where it is wrong."""

import pathlib

import numpy as np

from keras_pairs import data, files, plots, scoring
from keras_pairs.paper import NUM_PAIRS
from keras_pairs.serving import card, comparer

SHOWN = 24
# A model that guesses makes thousands, a picture of tens of thousands of rows of pixels.
MOST_MISTAKES = 160


def inspect(path, images, seed, run_dir):
    """Scores a SavedModel on the test images, paired at random; writes what it found.

    Args:
      path: str or Path, see `comparer.load`.
      images: `data.Images`.
      seed: int >= 0, decides the pairs; None: that of the model's own training, with which
        MNIST's test pairs are those that it was scored on.
      run_dir: Path of an existing folder; receives results.json, gallery.png,
        mistakes.png and calibration.png.

    Returns:
      dict: model (its name, see `Comparer`), pairs, accuracy (by output, in [0, 1]; of a
        model that learned no digits that of the comparison only), calibration_error, seed,
        mistakes.

    Raises:
      UserError: if there is no model, or there are too few images.
    """
    model = comparer.load(path)
    if seed is None:
        seed = card.seed(model.card or {})
    # At least so many; `scored_on` makes it as many as there are test images for.
    count = max(1, min(NUM_PAIRS, len(images.x_test) // 2, len(images.x_train) // 4))
    pairs = data.sample_pairs(images, count, seed, "test").test
    answers = model.compare(pairs.images[:, 0], pairs.images[:, 1])
    curve = scoring.reliability(answers.probability, pairs.target)
    wrong = np.flatnonzero(answers.verdict != (pairs.target > 0.5))
    accuracy = scoring.accuracies(answers.outputs, pairs)
    if not model.reads_digits:
        accuracy = {"comparison": accuracy["comparison"]}
    found = {
        "model": model.name,
        "pairs": len(pairs),
        "seed": seed,
        "accuracy": accuracy,
        "calibration_error": scoring.calibration_error(curve),
        "mistakes": len(wrong),
    }
    name = f"{model.path.parent.name}/{model.path.name}"
    # The file may be published, so it names no folder of this machine.
    source = pathlib.PurePath(images.source).name
    dataset = images.describe() | {"source": source}
    record = found | {"model": name, "dataset": dataset, "card": model.card}
    share = f"{100 * accuracy['comparison']:.2f} % of {len(pairs):,}"
    title, reads = f"{name}: test pairs", model.reads_digits
    _draw(pairs, answers, reads, np.arange(SHOWN), title, run_dir / "gallery.png")
    drawn = wrong[:MOST_MISTAKES]
    which = "all" if len(drawn) == len(wrong) else f"{len(drawn)} of"
    title = f"{name}: {which} {len(wrong):,} mistakes ({share} test pairs right)"
    _draw(pairs, answers, reads, drawn, title, run_dir / "mistakes.png")
    row = {
        "label": name,
        "reliability": curve,
        "calibration_error": 100 * found["calibration_error"],
    }
    plots.plot_reliability([row], f"{share} test pairs right", run_dir / "calibration.png")
    # Last, so that a new folder has it when all is there.
    files.write_json(run_dir / "results.json", record | files.provenance())
    return found


def _draw(pairs, answers, reads_digits, chosen, title, path):
    """Draws some of the pairs, each with verdict, confidence, and the digits read."""
    cells = []
    for i in chosen[chosen < len(pairs)]:
        yes, probability = answers.verdict[i], answers.probability[i]
        confidence = 100 * (probability if yes else 1 - probability)
        verdict = "≤" if yes else ">"
        if reads_digits:
            first, second = answers.digits[i]
            verdict = f"{first} {verdict} {second}"
        caption = f"{verdict}  {confidence:.1f} %"
        right = yes == (pairs.target[i] > 0.5)
        if not right:
            caption += "\nis {} and {}".format(*pairs.digits[i])
        cells.append((pairs.images[i], caption, right))
    plots.plot_pairs(cells, title, path)
