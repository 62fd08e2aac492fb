"""Milliseconds and peak memory of reading a picture, by its size and format.

    python -m benchmarks.pictures
    python -m benchmarks.pictures --before=../older     # the same of another checkout

Photo-like pictures of a digit, each read by `image_files.read_png` in a process of its own,
and then answered by the model in the box, which takes what was read. Milliseconds are
processor time, the median of five. Memory is the most that the first of them took beside
what the process had. Exit code 1 where reading takes more than its bound.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image, ImageDraw

from benchmarks import children
from benchmarks.bounds import Bounds
from keras_pairs import files, tables
from keras_pairs.commands import flags, runner

FLAGS = {
    "before": flags.Flag(children.CHECKOUT, "A checkout of this project to compare with."),
    **flags.others("run_dir"),
}
# Name: width, height; the last is what phones call 50 megapixels.
SIZES = {
    "280 px": (280, 280),
    "2 MP": (1632, 1224),
    "12 MP": (4000, 3000),
    "50 MP": (8192, 6144),
}
FORMATS = {"JPEG": {"quality": 90}, "PNG": {"compress_level": 1}}
# MiB, of the largest; what is decoded whole takes four bytes a pixel.
BOUNDS = {"JPEG": 32, "PNG": 256}
ROOT = pathlib.Path(__file__).parent.parent

READ = """
import json, pathlib, re, statistics, sys, time
from keras_pairs.errors import UserError
from keras_pairs.pictures import image_files

def status(name):
    text = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(rf"^{name}:\\s+(\\d+)", text, re.MULTILINE)[1]) / 1024

def timed(work, path):
    begun = time.process_time()
    try:
        work(path)
    except UserError as error:
        row["refused"] = str(error).removeprefix(f"{path}: ")
    return 1000 * (time.process_time() - begun)

def measure(work, prefix, share):
    timed(work, sys.argv[1])
    row.pop("refused", None)
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    first = timed(work, sys.argv[2])
    row[prefix + "mib"] = status("VmHWM") - before
    all = [first, *(timed(work, sys.argv[2]) for _ in range(4))]
    row[prefix + "ms"] = share * statistics.median(all)

row = {}
measure(image_files.read_png, "", 1)
if "refused" not in row:
    from keras_pairs.serving import comparer

    model = comparer.load()
    # A pair of the same picture: each is read and prepared.
    measure(lambda path: model.compare([path], [path]), "answer_", 0.5)
print(json.dumps(row))
"""


def photo(width, height):
    """A digit in pencil on paper in uneven light, with a camera's noise; RGB."""
    rng = np.random.default_rng(0)
    light = Image.fromarray(rng.integers(150, 240, (3, 4, 3), "uint8"))
    sheet = light.resize((width, height), Image.Resampling.BICUBIC)
    points = [(0.4, 0.3), (0.6, 0.3), (0.5, 0.75)]
    line = [(x * width, y * height) for x, y in points]
    ImageDraw.Draw(sheet).line(line, (70, 70, 80), max(1, width // 30), "curve")
    noisy = np.array(sheet)
    for rows in np.array_split(noisy, max(1, height // 256)):
        rows += rng.integers(0, 12, rows.shape, "uint8")
    return Image.fromarray(noisy)


def pictures(folder):
    """Yields (format, name of the size, Path), each file written just before."""
    for size, sides in SIZES.items():
        image = photo(*sides)
        for form, options in FORMATS.items():
            path = pathlib.Path(folder) / f"{size.replace(' ', '')}.{form.lower()}"
            image.save(path, form, **options)
            yield form, size, path


def read(path, code=ROOT):
    """Reads a file in a process of its own.

    Args:
      path: Path.
      code: Path, the checkout whose `read_png` it is.

    Returns:
      dict: ms and mib of reading, answer_ms and answer_mib of reading and answering, and
      refused where it was: the sentence.
    """
    with tempfile.TemporaryDirectory() as folder:
        # So that what is imported and prepared once is not counted.
        small = pathlib.Path(folder) / "small.jpg"
        Image.new("L", (8, 8)).save(small)
        done = subprocess.run(
            [sys.executable, "-c", READ, str(small), str(path)],
            env=os.environ | {"PYTHONPATH": str(code), "TF_CPP_MIN_LOG_LEVEL": "3"},
            cwd=folder,
            stdout=subprocess.PIPE,
            check=True,
        )
    return json.loads(done.stdout)


def _commit(checkout):
    """The commit of another checkout, or None."""
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() or None


def tabulate(rows):
    """Lists of cells, the header first."""
    sides = [side for side in ("before", "now") if side in rows[0]]
    lines = [("picture", "file (MiB)")]
    for side in sides:
        lines[0] += (f"{side}: read (ms)", "(MiB)", "answered (ms)", "(MiB)")
    for row in rows:
        cells = (f"{row['format']}, {row['size']}", f"{row['file_mib']:.1f}")
        for found in (row[side] for side in sides):
            if "refused" in found:
                cells += ("refused", "", "", "")
            else:
                names = ("ms", "mib", "answer_ms", "answer_mib")
                cells += tuple(f"{found[name]:.0f}" for name in names)
        lines.append(cells)
    return lines


def main(values):
    run_dir = files.make_run_dir(values["run_dir"].value, "pictures")
    before, rows, bounds = values["before"].value, [], Bounds()
    with tempfile.TemporaryDirectory() as folder:
        for form, size, path in pictures(folder):
            row = {"format": form, "size": size, "file_mib": path.stat().st_size / 2**20}
            if before:
                row["before"] = read(path, pathlib.Path(before).absolute())
            row["now"] = read(path)
            rows.append(row)
            bounds.at_most(f"{form}, {size}, MiB", row["now"]["mib"], BOUNDS[form])
            path.unlink()
    result = {"before": before and _commit(before), "rows": rows, **files.provenance()}
    files.write_json(run_dir / "results.json", result)
    runner.say(tables.markdown_table(tabulate(rows)))
    runner.say(f"run folder: {runner.relative(run_dir)}")
    bounds.check()


def run():
    runner.run(main, __doc__, FLAGS)


if __name__ == "__main__":
    run()
