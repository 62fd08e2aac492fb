"""One training with all that it leaves: a run folder, and a published model."""

import dataclasses
import os
import pathlib

import keras

from keras_pairs import data, files, locks, plots, scoring
from keras_pairs.config import TrainingConfig
from keras_pairs.errors import UserError
from keras_pairs.serving import box, card, keras_file, publishing
from keras_pairs.training import identity
from keras_pairs.training.fit import fit
from keras_pairs.training.progress import EpochProgress

METRICS = "metrics.json"
CHECKPOINT = pathlib.PurePath("checkpoint.npz")


@dataclasses.dataclass(frozen=True)
class Run:
    """What a training left.

    Attributes:
      path: Path of the run folder.
      version: Path of the published version.
      metrics: dict, what metrics.json holds: `test_accuracy` by output, in [0, 1], on
        `num_pairs` pairs; `test_accuracy_of_all` on as many `pairs` as the test images
        make; `last_epoch`; configuration, data, versions, commit.
    """

    path: pathlib.Path
    version: pathlib.Path
    metrics: dict


def train_run(
    config: TrainingConfig,
    images: data.Images | None = None,
    *,
    run_dir: str | os.PathLike | None = None,
    export_dir: str | os.PathLike | None = None,
    preset: str | None = None,
    validate_every: int = 1,
    verbose: bool = False,
) -> Run:
    """Trains one network, scores its test pairs once, writes run folder and SavedModel.

    A training that was stopped goes on in its run folder after the last epoch that was
    saved, and ends as it would have.

        config = TrainingConfig.from_preset(nb_f=8, epochs=2, dataset="digits")
        run = train_run(config)
        run.metrics["test_accuracy"]["comparison"]

    Args:
      config: `TrainingConfig`.
      images: `data.Images`; None: those that `config` names.
      run_dir: str, Path or None, folder that receives config.json, metrics.json,
        history.csv, history.png and model.keras; None: a new one below `runs`.
      export_dir: str, Path or None, folder that receives the next version; None:
        `saved_models/<data>-<preset>`.
      preset: str, what `config` came from, for the record; None: "custom".
      validate_every: int >= 0, see `fit`; history.csv has "nan" for the other epochs.
      verbose: whether to show progress bars.

    Returns:
      `Run`.

    Raises:
      UserError: if the images cannot be had, or are too few; if the run folder holds a
        finished training, another one, or one that is running.
      OSError: if a file cannot be written.
    """
    images = images or data.load_images(config.dataset, config.data_path, verbose=verbose)
    splits = data.sample_pairs(images, config.num_pairs, config.seed, "test")
    preset = preset or box.CUSTOM
    run_dir = files.make_run_dir(run_dir, "train")
    export_dir = pathlib.Path(export_dir or box.export_folder(images.name, preset))
    origin = {
        "preset": preset,
        "config": config.to_dict(),
        "dataset": images.describe(),
        **files.provenance(),
    }
    # What the results do not tell, but who goes on has to know.
    asked = {
        "validate_every": validate_every,
        "export_dir": str(export_dir.resolve()),
        "source": data.again(config.dataset, config.data_path, images),
    }
    # A refused folder is left as it is, without a lock in it.
    _begun(run_dir, origin | asked)
    with locks.only_one(run_dir, "training"):
        if _begun(run_dir, origin | asked) is None:
            files.write_json(run_dir / files.RECORD, origin | asked)
        trained = fit(
            [config],
            splits,
            validate_every=validate_every,
            callbacks=[EpochProgress(config.all_epochs(), verbose)],
            checkpoint=run_dir / CHECKPOINT,
        )
        (answers,) = trained.answers(splits.test)
        columns = {name: values[:, 0] for name, values in trained.history.items()}
        rows = [
            {"epoch": i + 1} | {name: float(values[i]) for name, values in columns.items()}
            for i in range(config.epochs)
        ]
        files.write_csv(run_dir / "history.csv", rows)
        network = trained.member(0)
        with files.atomic_write(run_dir / keras_file.NAME) as temporary:
            network.save(temporary)
        title = f"nb_f={config.nb_f}, w_a={config.w_a:g}, seed {config.seed}, {images.name}"
        plots.plot_history(trained.history, title, run_dir / "history.png")
        pairs = splits.test
        metrics = {
            "test_accuracy": scoring.accuracies(answers, pairs, config.num_pairs),
            "test_accuracy_of_all": {
                **scoring.accuracies(answers, pairs),
                "pairs": len(pairs),
            },
            "last_epoch": rows[-1],
            **origin,
        }
        version = publishing.publish(network, export_dir, metrics)
        # Last: a folder that has it holds a finished training.
        files.write_json(run_dir / METRICS, metrics)
        for path in run_dir.glob(f"{CHECKPOINT.stem}*{CHECKPOINT.suffix}"):
            path.unlink()
        return Run(run_dir, version, metrics)


def _begun(run_dir, record):
    """The record of this training in a folder, or None where there is none.

    Raises:
      UserError: if the folder holds another or a finished training.
    """
    if (run_dir / METRICS).exists():
        raise UserError(f"{run_dir} holds a finished training; use a new --run_dir")
    found = identity.found(run_dir, record, "training")
    if found and any(found.get(name) != record[name] for name in ("commit", "versions")):
        raise UserError(
            f"{run_dir} holds a training begun with other code or packages; use a new "
            "--run_dir"
        )
    return found


def load_run(path: str | os.PathLike) -> tuple[keras.Model, dict | None]:
    """A trained network, and what its run recorded.

        model, metrics = load_run("runs/train-20261126-170100")

    Args:
      path: str or Path of a run folder, of a published version, or of a .keras file;
        beside it, metrics.json or a model card.

    Returns:
      (`keras.Model`, not compiled; dict of metrics.json or None).

    Raises:
      UserError: if there is no Keras model or no record that can be read.
    """
    path = pathlib.Path(path)
    path = path / keras_file.NAME if path.is_dir() else path
    model = keras_file.load(path)
    metrics, about = (path.with_name(name) for name in (METRICS, card.JSON))
    try:
        if metrics.is_file():
            origin = files.read_json(metrics)
        else:
            origin = files.read_json(about)["training"] if about.is_file() else None
        card.check(origin)
    except files.UNREADABLE as error:
        raise UserError(f"{path.parent}: its record cannot be read: {error}") from error
    return model, origin
