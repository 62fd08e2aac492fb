"""How well pictures are read, on scenes like those that trained the ink network.

    python -m benchmarks.ink --data_path=mnist.npz --run_dir=runs/ink-validation

What is chosen is chosen here: nothing of MNIST's test part is drawn. Digits that a single
network read from 1,000 pairs are among 60,000, so that few were seen in training. The
scenes are of 256×256 pixels. `benchmarks.kinds` has pictures of other kinds, for the score.
"""

import io

import keras
import numpy as np
from PIL import Image

from keras_pairs import data, files, startup, tables
from keras_pairs.commands import flags, runner
from keras_pairs.pictures import scenes

SIDE = 256
SIZES = {"large": (0.3, 0.9), "small": (0.1, 0.3)}
SEED = 20
CERTAIN = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


def drawn(glyphs, labels, sizes, count, number):
    """PNG files of `number` scenes with `count` (min, max) digits, and the first's class."""
    pictures, classes, i = [], [], 0
    while len(pictures) < number:
        rng = np.random.default_rng((SEED, i))
        chosen = rng.integers(len(glyphs), size=4)
        scene = scenes.scene(
            rng, glyphs[chosen[:1]] if count[1] == 1 else glyphs[chosen], SIDE, sizes
        )
        i += 1
        if count[0] <= scene.count <= count[1]:
            buffer = io.BytesIO()
            Image.fromarray(scene.picture).save(buffer, "PNG", compress_level=1)
            pictures.append(buffer.getvalue())
            classes.append(int(labels[chosen[0]]))
    return pictures, np.array(classes)


def looked_at(model, pictures):
    """What the model makes of pictures: list of `Seen`."""
    bar = keras.utils.Progbar(len(pictures), unit_name="picture")
    seen = []
    for picture in pictures:
        seen.append(model.look(picture))
        bar.add(1)
    return seen


def measure(model, images, number):
    """Shares read right, refused, and right above a certainty, as a dict for JSON."""
    glyphs, labels = images.x_train, images.y_train
    found = {}
    for name, sizes in SIZES.items():
        pictures, classes = drawn(glyphs, labels, sizes, (1, 1), number)
        seen = looked_at(model, pictures)
        counts = np.array([one.count for one in seen])
        forms = np.stack([one.image for one in seen])
        answers = model.compare(forms, np.roll(forms, 1, 0))
        right = answers.first_digit.argmax(-1) == classes
        both = (counts == 1) & (np.roll(counts, 1) == 1)
        truth = classes <= np.roll(classes, 1)
        certain = np.maximum(answers.probability, 1 - answers.probability)
        found[name] = {
            "pictures": number,
            "read": float(right.mean()),
            "no_digit": float((counts == 0).mean()),
            "several": float((counts > 1).mean()),
            "pairs": int(both.sum()),
            "certainty": {
                str(least): {
                    "answered": float((certain >= least)[both].mean()),
                    "right": float(
                        (answers.verdict == truth)[both & (certain >= least)].mean()
                    ),
                }
                for least in CERTAIN
            },
        }
    for name, count in (("none", (0, 0)), ("two to four", (2, 4))):
        pictures, _ = drawn(glyphs, labels, SIZES["large"], count, number)
        counts = np.array([one.count for one in looked_at(model, pictures)])
        found[name] = {
            "pictures": number,
            "no_digit": float((counts == 0).mean()),
            "one": float((counts == 1).mean()),
            "several": float((counts > 1).mean()),
        }
    return found


FLAGS = {
    "data_path": flags.of_field("data_path"),
    "pictures": flags.Flag(flags.integer(1), "Of each set.", 500),
    **flags.others("model", "run_dir"),
}


def main(values):
    images = data.load_images("mnist", values["data_path"].value)
    run_dir = files.make_run_dir(values["run_dir"].value, "ink-validation")
    startup.import_tensorflow()
    from keras_pairs.serving import comparer

    model = comparer.load(values["model"].value)
    found = measure(model, images, values["pictures"].value)
    record = {"sets": found, "model": str(model), "dataset": images.describe()}
    files.write_json(run_dir / "results.json", record | files.provenance())
    lines = [("set", "read", "no digit", "one", "several")]
    for name, row in found.items():
        cells = (row.get(key) for key in ("read", "no_digit", "one", "several"))
        lines.append((name, *("" if x is None else f"{100 * x:.1f}" for x in cells)))
    runner.say(tables.markdown_table(lines))
    for name in SIZES:
        for least, row in found[name]["certainty"].items():
            runner.say(
                f"{name}: certain at {least}: {100 * row['answered']:.1f} % answered, "
                f"{100 * row['right']:.2f} % of them right"
            )
    runner.say(f"results: {runner.relative(run_dir / 'results.json')}")


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
