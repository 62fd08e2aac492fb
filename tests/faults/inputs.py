"""What the commands of the table read: drawings, an old run, a search that has ended."""

import pathlib
import shutil

from keras_pairs import files
from keras_pairs.config import TrainingConfig
from tests.faults.commands import SMALL
from tests.helpers import ROOT, command


def drawings(folder):
    """Two pictures of one digit each."""
    for name in ("three.png", "seven.jpg"):
        shutil.copy(ROOT / "docs" / "drawings" / name, folder)


def old(folder):
    """A run folder: an untrained network and what a run records."""
    from keras_pairs.networks.build import build_model

    config = TrainingConfig(2, 0.01, 20, epochs=1, num_pairs=60, dataset="digits")
    (folder / "old").mkdir()
    build_model(config).save(folder / "old" / "model.keras")
    record = {
        "preset": "paper",
        "config": config.to_dict(),
        "dataset": {"name": "digits", "source": "scikit-learn"},
        "test_accuracy": {"comparison": 0.5},
        "versions": {},
        "commit": None,
    }
    files.write_json(folder / "old" / "metrics.json", record)


def ended(folder):
    """A search of two trials that has ended."""
    flags = (*SMALL, "--lr=0.01", "--batch_size=30", "--w_a=0,1", "--run_dir=ended")
    # A process of its own: a search replaces itself by its chief.
    done = command("search", *flags, cwd=folder)
    assert done.returncode == 0, done.stderr


MAKE = {"drawings": drawings, "old": old, "ended": ended}


class Inputs:
    """Makes each input once, and copies it.

    Args:
      folder: Path, existing, that keeps them.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def put(self, names, into):
        """Puts what `names` name into a folder."""
        for name in names:
            kept = self.folder / name
            if not kept.exists():
                kept.mkdir()
                MAKE[name](kept)
            shutil.copytree(kept, into, dirs_exist_ok=True)
