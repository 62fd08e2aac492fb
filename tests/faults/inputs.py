"""What the commands of the table read: drawings, an old run, a search that has ended."""

import contextlib
import pathlib
import shutil
from unittest import mock

from keras_pairs import files
from keras_pairs.config import TrainingConfig
from tests.helpers import ROOT


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
    """A search whose trainings took no time."""
    from keras_pairs.data import load_images
    from tests import searches

    with contextlib.ExitStack() as patched:
        for name, fake in (
            ("keras_pairs.training.fit.fit", searches.train_nothing),
            ("tuner.plots.plot_search", lambda *_: None),
        ):
            patched.enter_context(mock.patch(name, fake))
        searches.run(folder / "ended", load_images("digits"))
    # Without trainings they are no models.
    for path in folder.glob("ended/trial_*/model.keras"):
        path.unlink()


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
