"""The commands of the table: how each is called, what it leaves, and when that is whole."""

import csv
import dataclasses
import json
import os
import pathlib
import sys
import zipfile
from collections.abc import Callable

from PIL import Image

from tests.faults.faults import INJECTED
from tests.helpers import BOX, ROOT
from tests.helpers import COMMANDS as MODULES

SMALL = ("--dataset=digits", "--epochs=1", "--nb_f=2", "--num_pairs=60", "--verbosity=0")


def _picture(path):
    with Image.open(path) as image:
        image.load()


def _archive(path):
    with zipfile.ZipFile(path) as archive:
        if (member := archive.testzip()) is not None:
            raise ValueError(f"{member} is damaged")


# What readers of a kind of file take for whole.
READERS = {
    ".json": lambda path: json.loads(path.read_text()),
    ".csv": lambda path: [*csv.reader(path.read_text().splitlines())][1],
    ".png": _picture,
    ".keras": _archive,
    ".npz": _archive,
    ".onnx": lambda path: path.read_bytes()[1000],
    ".tflite": lambda path: path.read_bytes()[1000],
    ".pb": lambda path: path.read_bytes()[10],
}


@dataclasses.dataclass(frozen=True)
class Command:
    """A command line, run in a folder of its own that holds the `inputs`.

    Attributes:
      name: key of `tests.helpers.COMMANDS`.
      arguments: tuple of str.
      inputs: names of what has to lie there: see `inputs.make`.
      leaves: patterns of files that are there when, and only when, the work is done.
      begun: pattern of a file that says that the work has begun, for who disturbs it.
      second: exit statuses of the later one of two at once in one folder.
      environment: dict of variables, for `injected/sitecustomize.py`.
    """

    name: str
    arguments: tuple
    inputs: tuple = ()
    leaves: tuple = ()
    begun: str | None = None
    second: tuple = (0,)
    environment: dict = dataclasses.field(default_factory=dict)

    @property
    def line(self):
        """What starts it: list of str."""
        module = MODULES.get(self.name, f"keras_pairs.{self.name}")
        return [sys.executable, "-m", module, *self.arguments]

    def variables(self, **more):
        """Its whole environment, with what a fault adds: dict."""
        own = self.environment | more
        folders = (INJECTED, ROOT) if own else (ROOT,)
        return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))} | own


COMMANDS = {
    "train": Command(
        "train",
        (*SMALL, "--run_dir=run", "--export_dir=saved"),
        leaves=("run/metrics.json", "run/model.keras", "saved/[0-9]*/saved_model.pb"),
        begun="run/config.json",
        second=(1,),
    ),
    "evaluate": Command(
        "evaluate",
        (*SMALL, "--rounds=2", "--run_dir=scored"),
        leaves=(
            "scored/results.json",
            "scored/results.png",
            "scored/calibration.png",
            "scored/groups/*.json",
        ),
        begun="scored/config.json",
        second=(0, 1),
    ),
    "score": Command(
        "score",
        ("--dataset=digits", f"--model={BOX}", "--run_dir=score"),
        leaves=("score/results.json", "score/mistakes.png", "score/calibration.png"),
        begun="score",
    ),
    "export": Command(
        "export",
        ("--model=old", "--export_dir=saved"),
        inputs=("old",),
        leaves=(
            "saved/[0-9]*/saved_model.pb",
            "saved/[0-9]*/model.keras",
            "saved/[0-9]*/model_card.md",
        ),
        begun="saved/.publishing-*",
    ),
    **{
        f"export {form}": Command(
            "export",
            ("--model=old", f"--format={form}", f"--output=a{suffix}"),
            inputs=("old",),
            leaves=(f"a{suffix}",),
            begun=f".tmp-*-a{suffix}",
        )
        for form, suffix in (("keras", ".keras"), ("onnx", ".onnx"), ("litert", ".tflite"))
    },
    "predict": Command("predict", ("three.png", "seven.jpg"), inputs=("drawings",)),
    "predict --show": Command(
        "predict",
        ("three.png", "seven.jpg", "--show=a.png"),
        inputs=("drawings",),
        leaves=("a.png",),
    ),
    # It goes on until it is told to end: tests/test_serve_process.py does that.
    "serve": Command("serve", ("--port=0",)),
    "ink": Command(
        "ink",
        ("--dataset=digits", "--epochs=1", "--run_dir=ink", "--verbosity=0"),
        leaves=("ink/metrics.json", "ink/ink_weights.npz", "ink/history.csv"),
        begun="ink/config.json",
        second=(0, 1),
        # Two thousand scenes an epoch say nothing more of how it ends.
        environment={"KERAS_PAIRS_SHORT": "1"},
    ),
    "search": Command(
        "search",
        (*SMALL, "--lr=0.01", "--batch_size=30", "--w_a=0,1", "--workers=2")
        + ("--run_dir=grid",),
        leaves=("grid/results.csv", "grid/selected.json", "grid/oracle.json"),
        begun="grid/trial_0000/trial.json",
        second=(0, 1),
    ),
    "status": Command("status", ("--run_dir=ended",), inputs=("ended",)),
    "report": Command(
        "report",
        ("--run_dir=ended", "--output=report"),
        inputs=("ended",),
        leaves=("report/report.md", "report/results.csv", "report/results.png"),
        begun="report",
    ),
}


def missing(command, folder):
    """The patterns of `leaves` of which a folder holds no file."""
    return [pattern for pattern in command.leaves if not any(folder.glob(pattern))]


def damaged(folder):
    """{name: error} of the files below a folder that their readers take for damaged."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        hidden = any(p.startswith(".") for p in path.relative_to(folder).parts)
        reader: Callable | None = READERS.get(path.suffix)
        if reader is None or hidden or not path.is_file():
            continue
        try:
            reader(path)
        except Exception as error:
            found[str(path.relative_to(folder))] = repr(error)
    return found
