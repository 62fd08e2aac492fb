"""How well pictures are read, on scenes like those that trained the ink network.

    python -m benchmarks.ink --data_path=mnist.npz --run_dir=runs/ink-validation

What is chosen is chosen here: nothing of MNIST's test part is drawn. The digits are drawn
from the 60,000 training images. The network that reads them has learnt from the 2,000 of
them that make its 1,000 pairs, so that it knows few. The scenes are of 256×256 pixels.
`benchmarks.kinds` has pictures of other kinds, for the score.
"""

import io

import numpy as np
from PIL import Image

from keras_pairs import data, files, startup, tables
from keras_pairs.commands import flags, runner
from keras_pairs.fields import integer
from keras_pairs.pictures import scenes
from keras_pairs.progress import Progress

SIDE = 256
SIZES = {"large": (0.3, 0.9), "small": (0.1, 0.3)}
SEED = 20
# Of answers, which are never below 0.5, and of digits.
CERTAIN = {
    "certainty": (0.6, 0.7, 0.8, 0.9, 0.95, 0.99),
    "certainty_of_digits": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99),
}


def drawn(glyphs, labels, sizes, count, number):
    """PNG files of `number` scenes of `count` (min, max) digits, and the first's class."""
    pictures, classes, i = [], [], 0
    while len(pictures) < number:
        rng = np.random.default_rng((SEED, i))
        chosen = rng.integers(len(glyphs), size=4)
        scene = scenes.scene(
            rng, glyphs[chosen[:1]] if count[1] == 1 else glyphs[chosen], SIDE, sizes
        )
        i += 1
        # What a program drew is a digit, and nothing says which.
        if count[0] <= scene.count <= count[1] and -1 not in scene.which:
            buffer = io.BytesIO()
            Image.fromarray(scene.picture).save(buffer, "PNG", compress_level=1)
            pictures.append(buffer.getvalue())
            classes.append(int(labels[chosen[0]]))
    return pictures, np.array(classes)


def looked_at(model, pictures):
    """What the model makes of pictures: list of `Seen`."""
    progress, seen = Progress(len(pictures), "pictures looked at"), []
    for picture in pictures:
        seen.append(model.look(picture))
        progress.show(len(seen))
    return seen


def measure(model, images, number):
    """What is read and what is refused, as a dict for JSON.

    Returns:
      dict: `sets`, name → shares of pictures by how many digits were found, and `read`, the
      share read right; `certainty`, the least certainty of an answer → the share of pairs
      that have it, and the shares right of those that have and have it not (None of none);
      `certainty_of_digits`, the same of the digits read.
    """
    sets, certain = {}, {name: [] for name in CERTAIN}
    for name, sizes in SIZES.items():
        pictures, classes = drawn(images.x_train, images.y_train, sizes, (1, 1), number)
        seen = looked_at(model, pictures)
        forms = np.stack([one.image for one in seen])
        answers = model.compare(forms, np.roll(forms, 1, 0))
        right = answers.first_digit.argmax(-1) == classes
        sets[f"one digit, {name}"] = _found(seen) | {"read": float(right.mean())}
        one = np.array([one.count == 1 for one in seen])
        both = one & np.roll(one, 1)
        truth = classes <= np.roll(classes, 1)
        certainty = np.maximum(answers.probability, 1 - answers.probability)
        certain["certainty"].append([certainty[both], (answers.verdict == truth)[both]])
        certainty = answers.first_digit.max(-1)
        certain["certainty_of_digits"].append([certainty[one], right[one]])
    for name, count in (("no digit", (0, 0)), ("two to four digits", (2, 4))):
        pictures, _ = drawn(images.x_train, images.y_train, SIZES["large"], count, number)
        sets[name] = _found(looked_at(model, pictures))
    return {"sets": sets} | {
        name: _by_certainty(*np.concatenate(certain[name], 1), CERTAIN[name])
        for name in CERTAIN
    }


def _by_certainty(certainty, right, levels):
    def share(values):
        return float(values.mean()) if len(values) else None

    return {
        str(least): {
            "share": share(certainty >= least),
            "right": share(right[certainty >= least]),
            "right_below": share(right[certainty < least]),
        }
        for least in levels
    }


def _found(seen):
    counts = np.array([one.count for one in seen])
    return {
        "pictures": len(counts),
        "none": float((counts == 0).mean()),
        "one": float((counts == 1).mean()),
        "several": float((counts > 1).mean()),
    }


def tabulate(found):
    """The sets of `measure` as lines of a table."""
    lines = [("pictures of", "number", "none found (%)", "one (%)", "several (%)")]
    lines[0] += ("read right (%)",)
    for name, row in found["sets"].items():
        cells = (row.get(key) for key in ("none", "one", "several", "read"))
        shares = ("" if x is None else f"{100 * x:.1f}" for x in cells)
        lines.append((name, str(row["pictures"]), *shares))
    return lines


def tabulate_certainty(found, of):
    """The certainties of `measure`, one key of `CERTAIN`, as lines of a table."""
    what = "digits" if of == "certainty_of_digits" else "answers"
    lines = [("certainty", f"{what} above (%)", "right of them (%)", "right below (%)")]
    for least, row in found[of].items():
        cells = (row[key] for key in ("share", "right", "right_below"))
        lines.append((least, *("" if x is None else f"{100 * x:.1f}" for x in cells)))
    return lines


FLAGS = {
    "data_path": flags.of_field("data_path"),
    "pictures": flags.Flag(integer(1), "Of each set.", 500),
    **flags.others("model", "run_dir"),
}


def main(values):
    images = data.load_images("mnist", values["data_path"].value)
    run_dir = files.make_run_dir(values["run_dir"].value, "ink-validation")
    startup.import_tensorflow(onednn=True)
    from keras_pairs.serving import comparer

    model = comparer.load(values["model"].value)
    found = measure(model, images, values["pictures"].value)
    origin = {"model": model.name, "dataset": images.describe(), **files.provenance()}
    files.write_json(run_dir / "results.json", found | origin)
    for lines in (tabulate(found), *(tabulate_certainty(found, of) for of in CERTAIN)):
        runner.say(tables.markdown_table(lines))
    runner.say(f"results: {runner.relative(run_dir / 'results.json')}")


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
