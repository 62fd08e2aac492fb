"""What several test files need: the command lines, pictures, and names of the contract."""

import contextlib
import importlib
import io
import logging
import os
import pathlib
import subprocess
import sys
import types
from unittest import mock

import numpy as np
from PIL import Image, ImageDraw

from keras_pairs.commands import endings

ROOT = pathlib.Path(__file__).parent.parent
# The model in the box, and the number of its version.
BOX = ROOT / "saved_models" / "digit_pairs" / "2"
BOX_NUMBER = int(BOX.name)
# Written out, and not taken from the package: a server's clients rely on these.
OUTPUTS = ("comparison", "first_digit", "second_digit")
# Strokes of a 2 and a 7 on a square of 100.
STROKES = {
    2: [(22, 30), (35, 12), (62, 10), (75, 30), (60, 55), (25, 92), (80, 92)],
    7: [(20, 14), (80, 12), (52, 55), (42, 98)],
}
COMMANDS = {
    "train": "keras_pairs.train",
    "evaluate": "keras_pairs.evaluate",
    "score": "keras_pairs.score",
    "export": "keras_pairs.export",
    "predict": "keras_pairs.predict",
    "serve": "keras_pairs.serve",
    "search": "tuner.search",
    "status": "tuner.status",
    "report": "tuner.report",
}


def stopped_clock(monkeypatch, module, start=100.0):
    """A `time.monotonic` that the test moves, of one module: a list of one number.

    The whole program's must go on: servers in other threads sleep by it.
    """
    now = [start]
    clock = types.SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(module, "time", clock)
    return now


def _raise(error):
    raise error


def call(name, *arguments, cwd=None):
    """Runs a command in this process, as a user would see it.

    Not for what trains: TensorFlow's threads are set by now.

    Args:
      name: key of `COMMANDS`.
      arguments: the command line; whatever `str` makes strings of.
      cwd: folder to run it in.

    Returns:
      `subprocess.CompletedProcess` with strings.
    """
    module = importlib.import_module(COMMANDS.get(name, name))
    argv = [module.__file__, *map(str, arguments)]
    stdout, stderr = io.StringIO(), io.StringIO()
    root, before = logging.getLogger(), pathlib.Path.cwd()
    # Without pytest's handlers warnings go where the command sends them.
    handlers, root.handlers = root.handlers, []
    try:
        os.chdir(cwd or before)
        with (
            mock.patch.object(sys, "argv", argv),
            # Ctrl-C is for the tests, too: it would end them without a word.
            mock.patch.object(endings, "leave", _raise),
            mock.patch.dict(os.environ),
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
        ):
            module.run()
    except SystemExit as end:
        code = end.code
    else:
        raise AssertionError("a command ends with sys.exit")
    finally:
        os.chdir(before)
        root.handlers = handlers
    return subprocess.CompletedProcess(argv, code, stdout.getvalue(), stderr.getvalue())


def command(name, *arguments, environment=None, **options):
    """The same as a process of its own, which is what takes seconds.

    Args:
      name, arguments: as for `call`.
      environment: dict, what the process has besides this one's variables.
      options: of `subprocess.run`.
    """
    process = _process(name, arguments, environment)
    return subprocess.run(**process, capture_output=True, **options)


def start(name, *arguments, environment=None, **options):
    """The same, running: `subprocess.Popen`, of which `communicate` gives the output."""
    process = _process(name, arguments, environment)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(**process, **pipes, **options)


def _process(name, arguments, environment):
    return {
        "args": [sys.executable, "-m", COMMANDS.get(name, name), *map(str, arguments)],
        "env": os.environ | {"PYTHONPATH": str(ROOT)} | (environment or {}),
        "stdin": subprocess.DEVNULL,
        "text": True,
    }


def assert_one_line(done, code, *messages):
    """That a command failed as it should: one line, one of the messages, no output."""
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and any(part in line for part in messages), line
    assert done.stdout == ""


def draw(
    digit, pen=24, side=280, paper=(255,), ink=(0,), mode="L", at=(0.1, 0.1), size=0.8
):
    """A drawing of a 2 or a 7 with a round pen, `PIL.Image`."""
    image = Image.new(mode, (side, side), paper)
    place = np.array(STROKES[digit]) / 100 * size * side + np.array(at) * side
    points = [tuple(point) for point in place]
    pencil = ImageDraw.Draw(image)
    pencil.line(points, ink, pen, "curve")
    for x, y in points:
        pencil.ellipse([x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2], ink)
    return image


def drawn_zero(side=120):
    """A drawing in which a digit is found, `PIL.Image`: a 0."""
    sheet = Image.new("L", (side, side), 255)
    box = [side * edge for edge in (0.3, 0.2, 0.7, 0.8)]
    ImageDraw.Draw(sheet).ellipse(box, outline=0, width=side // 14)
    return sheet


def png(image, **options):
    """A `PIL.Image`, or array uint8 or uint16 [h, w] or uint8 [h, w, 3 or 4], as a PNG."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()
