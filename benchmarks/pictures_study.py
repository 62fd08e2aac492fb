"""How many digits a published model reads in each kind of picture, and what it refuses.

    python -m benchmarks.pictures_study --data_path=mnist.npz
    python -m benchmarks.pictures_study --model=models/digits/1,models/digits/2

200 pictures of each kind of `benchmarks.kinds`, made of MNIST's test images and handed to
each model as files. Beside the share read right: the share that the same digits get in
MNIST's own form. Of pictures without a digit, or of several, the share refused. A figure of
200 pictures has a standard error of up to 3.5 points, at 97 % of 1.2.
"""

import concurrent.futures
import dataclasses
import functools
import itertools
import multiprocessing
import os
import pathlib
import signal
import tempfile
import threading

import numpy as np
from PIL import Image

from benchmarks import kinds
from keras_pairs import data, files, machine, plots, startup, tables
from keras_pairs.commands import flags, runner
from keras_pairs.errors import UserError
from keras_pairs.fields import integer, new_file
from keras_pairs.progress import Progress

PICTURES = 200
FLAGS = {
    "model": dataclasses.replace(flags.OTHERS["model"], several=True),
    "data_path": flags.of_field("data_path"),
    "pictures": flags.Flag(integer(1), "Pictures of each kind.", PICTURES),
    "seed": flags.Flag(integer(0), "Decides the digits and all of the pictures.", 0),
    "gallery": flags.Flag(new_file(".png"), "A file for one picture of each kind."),
    "output": flags.Flag(new_file(".json"), "A file for the results."),
}


def read(model, paths):
    """The digits that a model reads in files, int [n]; -1 where it refuses.

    Args:
      model: `keras_pairs.serving.comparer.Comparer`.
      paths: list of n Paths.
    """
    digits, count = np.full(len(paths), -1), len(paths)
    pairs = [(i, (i + 1) % count) for i in range(0, count, 2)]
    found = model.compare_files([(paths[i], paths[j]) for i, j in pairs])
    for pair, both in zip(pairs, found.digits, strict=True):
        digits[list(pair)] = both
    # One of the two was refused, or both: each is asked with itself.
    again = sorted({i for k in found.errors for i in pairs[k]})
    if again:
        alone = model.compare_files([(paths[i], paths[i]) for i in again])
        digits[again] = alone.digits[:, 0]
    return digits


def measure(kind, models, images, pictures, seed):
    """A row for results.json.

    Args:
      kind: str, of `kinds.KINDS` or `kinds.REFUSED`.
      models: list of `keras_pairs.serving.comparer.Comparer`.
      images: `keras_pairs.data.Images`.
      pictures, seed: ints.

    Returns:
      dict: kind, group, n, and for each model's name the shares `refused` and, of kinds
      with one digit, `read` (right, of all n), `mnist_form` (the same of the digits in
      MNIST's form) and `lost` (right in that form, and not in the picture).
    """
    with tempfile.TemporaryDirectory() as folder:
        paths, chosen = [], []
        for content, index in kinds.samples(kind, images.x_test, pictures, seed):
            suffix = ".png" if content.startswith(b"\x89PNG") else ".jpg"
            paths.append(pathlib.Path(folder) / f"{len(paths)}{suffix}")
            paths[-1].write_bytes(content)
            chosen.append(index)
        digits = [read(model, paths) for model in models]
    row = {"kind": kind, "group": group(kind), "n": pictures, "models": {}}
    for model, found in zip(models, digits, strict=True):
        shares = {"refused": float(np.mean(found < 0))}
        if kind in kinds.KINDS:
            right, ready = images.y_test[chosen], images.x_test[chosen]
            shares["read"] = float(np.mean(found == right))
            own = model.compare(ready, ready).digits[:, 0] == right
            shares["mnist_form"] = float(np.mean(own))
            # What the picture cost: of the others the reader is at fault.
            shares["lost"] = float(np.mean(own & (found != right)))
        row["models"][model.name] = shares
    return row


def group(kind):
    """The group of a kind, "refused" where there is no digit to read."""
    for name, functions in kinds.GROUPS.items():
        if kind in map(kinds.name, functions):
            return name
    return "refused"


@functools.cache
def _loaded(paths, data_path):
    """(models, images), once in a process."""
    startup.import_tensorflow(work=1, keras=False, onednn=True)
    from keras_pairs.serving import comparer

    models = [comparer.load(path) for path in paths]
    for model in models:
        if not model.reads_digits:
            raise UserError(f"{model.name}: was not trained on digits")
    return models, data.load_images("mnist", data_path)


def _measure(kind, paths, data_path, pictures, seed):
    return measure(kind, *_loaded(paths, data_path), pictures, seed)


def _end_with_parent():
    """Leaves Ctrl-C to the parent, and ends with it, however it ends."""

    def watch():
        multiprocessing.parent_process().join()
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=watch, daemon=True).start()


def measure_all(paths, data_path, pictures, seed, on_row):
    """Rows of all kinds, in their order, measured on all processors.

    Args:
      paths: tuple of str, or of None for the model in the box.
      data_path: str or None.
      pictures, seed: ints.
      on_row: function without arguments, called when a kind is done.

    Raises:
      UserError: if there is no such model, or it reads no digits.
    """
    names = (*kinds.KINDS, *kinds.REFUSED)
    with concurrent.futures.ProcessPoolExecutor(
        machine.cores(),
        multiprocessing.get_context("spawn"),
        initializer=_end_with_parent,
    ) as pool:
        jobs = [pool.submit(_measure, n, paths, data_path, pictures, seed) for n in names]
        try:
            for job in concurrent.futures.as_completed(jobs):
                job.result()
                on_row()
        finally:
            pool.shutdown(cancel_futures=True)
    return [job.result() for job in jobs]


def gallery(model, images, seed, path):
    """Draws one picture of each kind with what the network sees of it and what it reads."""
    columns = 9
    rows = -(-len(kinds.KINDS) // columns)
    figure, grid = plots.subplots(rows, columns, figsize=(1.9 * columns, 1.35 * rows))
    for axes in grid.flat[len(kinds.KINDS) :]:
        axes.axis("off")
    for axes, kind in zip(grid.flat, kinds.KINDS, strict=False):
        ((content, index),) = kinds.samples(kind, images.x_test, 1, seed)
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "picture"
            file.write_bytes(content)
            seen = model.look(file)
        read = model.compare(seen.image, seen.image).digits[0, 0]
        picture = kinds.viewed(content)
        picture.thumbnail((112, 112))
        both = Image.new("RGB", (228, 112), "white")
        both.paste(picture, ((112 - picture.width) // 2, (112 - picture.height) // 2))
        both.paste(Image.fromarray(255 - seen.image).resize((112, 112), 0), (116, 0))
        axes.imshow(both)
        axes.set(xticks=[], yticks=[])
        right = seen.count == 1 and read == images.y_test[index]
        shown = f"reads {read}" if seen.count == 1 else f"{seen.count} digits found"
        colour = plots.OURS if right else plots.BAD
        axes.set_title(kind, fontsize=7)
        axes.set_xlabel(shown, fontsize=8, color=colour)
    plots.save(figure, path)


def tabulate(rows, names=None):
    """Rows of results.json as lines of a table, with a mean of each group.

    Args:
      rows: list of dicts.
      names: of the models; None: numbers, as their own names are paths.
    """
    models = list(rows[0]["models"])
    names = names or range(1, len(models) + 1)
    before = [f"{name}: " for name in names] if models[1:] else [""]
    titles = [f"{name}{what} (%)" for name in before for what in ("read", "refused")]
    lines = [("kind", *titles, f"{before[-1]}MNIST's form (%)")]
    of_group = {}
    for row in rows:
        of_group.setdefault(row["group"], []).append(row)
    for name, part in of_group.items():
        lines += [_line(row["kind"], [row], models) for row in part]
        if name != "refused":
            lines.append(_line(f"mean of {name}", part, models))
    digits = [row for row in rows if row["group"] != "refused"]
    return [*lines, _line("mean of all with a digit", digits, models)]


def _line(name, rows, models):
    def mean(model, key):
        found = [row["models"][model][key] for row in rows if key in row["models"][model]]
        return f"{100 * np.mean(found):.1f}" if found else ""

    shares = [mean(model, key) for model in models for key in ("read", "refused")]
    return name, *shares, mean(models[-1], "mnist_form")


def main(values):
    paths = values["model"].value or (None,)
    pictures, seed = values["pictures"].value, values["seed"].value
    # Before minutes of work: whether there are such images.
    images = data.load_images("mnist", values["data_path"].value)
    progress = Progress(len(kinds.KINDS) + len(kinds.REFUSED), "kinds")
    done = itertools.count(1)
    rows = measure_all(
        paths,
        values["data_path"].value,
        pictures,
        seed,
        lambda: progress.show(next(done)),
    )
    runner.say(tables.markdown_table(tabulate(rows)))
    for number, name in enumerate(rows[0]["models"], 1):
        runner.say(f"model {number}: {name}")
    if values["output"].value:
        origin = {"seed": seed, "dataset": images.describe(), **files.provenance()}
        files.write_json(values["output"].value, {"rows": rows, **origin})
        runner.say(f"results: {values['output'].value}")
    if values["gallery"].value:
        startup.import_tensorflow(keras=False, onednn=True)
        from keras_pairs.serving import comparer

        gallery(comparer.load(paths[0]), images, seed, values["gallery"].value)


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
