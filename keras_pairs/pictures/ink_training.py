"""Training of the ink network, on scenes that are drawn anew for every step."""

import csv
import dataclasses
import time

import keras
import numpy as np

from keras_pairs import files, locks
from keras_pairs.errors import UserError
from keras_pairs.pictures import ink_network, scenes

STEPS_PER_EPOCH = 100
LEARNING_RATE = 3e-3
# One training image in so many is kept for the scenes that measure, not train.
HELD_OUT = 12
VALIDATION_SCENES = 256
CHECKPOINT, METRICS = "ink.keras", "metrics.json"
WEIGHTS = ink_network.WEIGHTS.name
HISTORY = "history.csv"


@dataclasses.dataclass(frozen=True)
class View:
    """How the network meets pictures: side in pixels, digits' heights, scenes a batch.

    The scenes of a batch take the ranges of heights in turn.
    """

    name: str
    side: int
    sizes: tuple
    batch: int


# The whole picture holds small digits as often as large ones. A window cuts one digit in
# four: it is moved to the ink that it shows, and must find that at its edges.
VIEWS = (
    View("whole", 128, ((0.06, 0.3), (0.08, 1.0)), 8),
    View("window", 64, ((0.35, 1.0), (0.35, 1.0), (0.35, 1.0), (0.9, 1.3)), 32),
)


class Scenes(keras.utils.PyDataset):
    """An epoch's batches: the i-th is a function of seed, epoch and i, each view in turn.

    Args:
      glyphs: uint8 [N, 28, 28], digits in MNIST's form.
      seed: int.

    Attributes:
      epoch: int, set when one begins. `on_epoch_end` would not do: Keras calls it once
        more, when it has looked at the first batch's shape.
    """

    def __init__(self, glyphs, seed):
        # Drawing takes longer than a step, so it is done beside it, whose order is kept.
        super().__init__(workers=2)
        self.glyphs, self.seed, self.epoch = glyphs, seed, 0

    def __len__(self):
        return STEPS_PER_EPOCH

    def __getitem__(self, index):
        """(float32 [batch, side, side, 3] of 0…255, float32 [batch, side, side, 2])."""
        view = VIEWS[index % len(VIEWS)]
        rng = np.random.default_rng((self.seed, self.epoch, index))
        return draw(rng, self.glyphs, view, view.batch)


def draw(rng, glyphs, view, count):
    """`count` scenes as `fit` takes them: pictures, and their inks and bodies."""
    drawn = [
        scenes.scene(rng, glyphs, view.side, view.sizes[i % len(view.sizes)])
        for i in range(count)
    ]
    pictures = np.stack([scene.picture for scene in drawn])
    found = np.stack([np.stack([scene.ink, scene.body], -1) for scene in drawn])
    return pictures.astype("float32"), found.astype("float32")


def train(images, epochs, seed, run_dir, progress=None):
    """Trains an ink network, or goes on where a training in the same folder stopped.

        train(load_images("digits"), epochs=40, seed=0, run_dir=pathlib.Path("runs/ink"))

    Args:
      images: `data.Images`, of which the training part is used.
      epochs: int, of `STEPS_PER_EPOCH` steps.
      seed: int.
      run_dir: Path of an existing folder, which gets `ink.keras` (after each epoch),
        `history.csv` (loss and seconds of each), `ink_weights.npz` and `metrics.json`.
      progress: `progress.Progress` of `epochs`, or None.

    Returns:
      dict of metrics.json.

    Raises:
      UserError: if the folder holds something else, another training, one that is running,
        or damaged files.
    """
    own = (files.RECORD, CHECKPOINT, HISTORY, WEIGHTS, METRICS)
    files.check_unused(run_dir, "training of the ink network", own)
    with locks.only_one(run_dir, "training"):
        return _train(images, epochs, seed, run_dir, progress)


def _same(config):
    """What of a record makes a training the same one: its images may lie elsewhere."""
    return config["epochs"], config["seed"], config["dataset"]["sha256"]


def _train(images, epochs, seed, run_dir, progress):
    config = {"epochs": epochs, "seed": seed, "dataset": images.describe()}
    settings = run_dir / files.RECORD
    if settings.exists():
        try:
            found = _same(files.read_json(settings))
        except files.DAMAGED as error:
            raise UserError(f"{settings}: damaged; use a new --run_dir") from error
        if found != _same(config):
            raise UserError(f"{run_dir}: holds an ink network of other settings or data")
    files.write_json(settings, config)
    training = np.arange(len(images.x_train)) % HELD_OUT > 0
    network = _begun(run_dir, epochs, seed)
    done = int(network.optimizer.iterations) // STEPS_PER_EPOCH
    history = _history(run_dir)[:done]
    dataset = Scenes(images.x_train[training], seed)
    # One call: each would leave its graph in memory.
    network.fit(
        dataset,
        shuffle=False,
        initial_epoch=done,
        epochs=epochs,
        verbose=0,
        callbacks=[_Keeper(dataset, run_dir, history, progress)],
    )
    if progress and done == epochs:
        progress.stop()
    ink_network.save(network, run_dir / WEIGHTS)
    metrics = {
        "config": config,
        "parameters": network.count_params(),
        "minutes": round(sum(float(row["seconds"]) for row in history) / 60, 1),
        "validation": measure(network, images.x_train[~training]),
        **files.provenance(),
    }
    files.write_json(run_dir / METRICS, metrics)
    return metrics


class _Keeper(keras.callbacks.Callback):
    """Says which epoch it is, and keeps history.csv and the checkpoint after each."""

    def __init__(self, dataset, run_dir, history, progress):
        super().__init__()
        self.dataset, self.run_dir = dataset, run_dir
        self.history, self.progress = history, progress

    def on_epoch_begin(self, epoch, logs=None):
        self.dataset.epoch, self.begun = epoch, time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        seconds = round(time.monotonic() - self.begun, 2)
        row = {"epoch": epoch + 1, "loss": logs["loss"], "seconds": seconds}
        self.history.append(row)
        # Before the network: a line too many is dropped when the training goes on.
        files.write_csv(self.run_dir / HISTORY, self.history)
        with files.atomic_write(self.run_dir / CHECKPOINT) as temporary:
            self.model.save(temporary)
        if self.progress:
            self.progress.show(epoch + 1)


def _history(run_dir):
    """The rows of history.csv; none where there is no such file yet."""
    path = run_dir / HISTORY
    if not path.exists():
        return []
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            float(row["seconds"]), row["loss"], row["epoch"]
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise UserError(f"{path}: damaged; remove it") from error
    return rows


def _begun(run_dir, epochs, seed):
    """The network of a training that was stopped, or a new one."""
    if (run_dir / CHECKPOINT).exists():
        try:
            network = keras.models.load_model(run_dir / CHECKPOINT)
            name = network.name
            if name != ink_network.NAME or network.optimizer is None:
                raise ValueError(f"It must be {ink_network.NAME}. Received: {name}")
        except Exception as error:
            # Keras raises whatever its reader met.
            where = run_dir / CHECKPOINT
            raise UserError(f"{where}: damaged; remove it to begin again") from error
        return network
    # numpy's own seed has 32 bits.
    keras.utils.set_random_seed(seed % 2**32)
    network = ink_network.build()
    network.compile(
        keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                0.0,
                epochs * STEPS_PER_EPOCH,
                warmup_target=LEARNING_RATE,
                warmup_steps=STEPS_PER_EPOCH,
            )
        ),
        keras.losses.BinaryCrossentropy(from_logits=True),
    )
    return network


def measure(network, glyphs):
    """Loss and intersections over union, by view, on scenes that never trained."""
    found = {}
    for view in VIEWS:
        rng = np.random.default_rng(VALIDATION_SCENES)
        x, y = draw(rng, glyphs, view, VALIDATION_SCENES)
        logits = network.predict(x, batch_size=view.batch, verbose=0)
        loss = network.evaluate(x, y, batch_size=view.batch, verbose=0)
        says, true = logits > 0, y > 0.5
        iou = (says & true).sum((0, 1, 2)) / (says | true).sum((0, 1, 2))
        found[view.name] = {"loss": float(loss)}
        found[view.name] |= dict(zip(("iou_ink", "iou_body"), iou.tolist(), strict=True))
    return found
