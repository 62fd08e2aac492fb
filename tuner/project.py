"""A search's folder: whose it is, and what makes a search the same search."""

import hashlib
import json
import os
import pathlib
import shutil

from keras_pairs import files
from keras_pairs.errors import UserError
from tuner import space

RECORD = "search.json"
# What the first searches did not record.
ADDED = ("keep_models", "retries", "source")
ABSENT = (FileNotFoundError, NotADirectoryError)


def describe(grid, common, images, validation, keep_models, retries):
    """What makes a search this search, as a dict for JSON.

    Args:
      grid: `space.Grid`.
      common: dict of the other fields of `TrainingConfig`.
      images: `data.Images` that `common` led to.
      validation: "validation" or "test".
      keep_models, retries: as `oracle.GridOracle` takes them.
    """
    config = {k: v for k, v in common.items() if k not in ("dataset", "data_path")}
    return {
        "grid": grid.to_dict(),
        "config": config,
        "dataset": images.describe(),
        "validation": validation,
        "keep_models": keep_models,
        "retries": retries,
        "source": source(common, images),
    }


def source(common, images):
    """What `data.load_images` finds the same images with, from whatever folder."""
    path = common.get("data_path")
    if path is None:
        return {"dataset": images.name, "data_path": None}
    dataset = common.get("dataset", "auto")
    return {"dataset": dataset, "data_path": os.path.abspath(path)}


def grid(record):
    """The `space.Grid` of a record."""
    return space.Grid(**{name: tuple(values) for name, values in record["grid"].items()})


def common(record):
    """What all trials of a record share, as `space.training_config` takes it."""
    return record["config"] | record["source"]


def settings(record):
    """What each trial's file says besides its point: numbers and strings by name.

    `search` is a digest of what decides the results, so that any trial tells whose it is.
    """
    names = ("grid", "config", "validation")
    sha256 = record["dataset"]["sha256"]
    identity = {name: record[name] for name in names} | {"dataset": sha256}
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode())
    return {
        **record["config"],
        "dataset": record["dataset"]["name"],
        "dataset_sha256": sha256,
        "validation": record["validation"],
        "search": digest.hexdigest()[:16],
    }


def choices(record):
    """What was chosen for a search, by the name of its flag; None where not recorded."""
    return {
        **{name: tuple(values) for name, values in record["grid"].items()},
        # Not in the first searches' records.
        "weight_sharing": False,
        **record["config"],
        **{name: record[name] for name in ("validation", "keep_models", "retries")},
    }


def check_same(run_dir, record, wanted):
    """Refuses to go on with a search as another one.

    Args:
      run_dir: its folder.
      record: what the folder holds.
      wanted: dict with some of the keys of `choices`.

    Raises:
      UserError: which says what differs.
    """
    found = choices(record)
    different = [
        f"{name}={_shown(found[name])} there, {_shown(value)} here"
        for name, value in wanted.items()
        if found.get(name) not in (None, value)
    ]
    if different:
        raise UserError(
            f"{run_dir} holds another search: {'; '.join(different)} (--run_dir alone goes "
            "on with it; else use a new one, or --overwrite to delete it)"
        )


def check_same_data(run_dir, record, images):
    """Refuses to go on with a search on other images, wherever they lie.

    Raises:
      UserError: if they are not the record's.
    """
    dataset = record["dataset"]
    if dataset["sha256"] != images.digest:
        raise UserError(
            f"{run_dir} holds a search on other images: {dataset['name']} "
            f"(SHA-256 {dataset['sha256'][:12]}…) there, {images.name} from "
            f"{images.source} ({images.digest[:12]}…) here"
        )


def _shown(value):
    if isinstance(value, tuple):
        return ",".join(f"{number:g}" for number in value)
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def claim(run_dir, record, overwrite=False):
    """Makes `run_dir` the folder of the search that `record` describes.

    Raises:
      UserError: if it holds another search, or something that is no search.
      OSError: if the record cannot be written.
    """
    run_dir = pathlib.Path(run_dir)
    path = run_dir / RECORD
    ours = path.exists() or any(run_dir.glob("trial_*"))
    # Others who start at the same time may be trying whether they can write here.
    own = ("lock", files.TEMPORARY)
    if not ours and not all(p.name.startswith(own) for p in run_dir.iterdir()):
        raise UserError(
            f"{run_dir} holds something else than a search; use a new --run_dir"
        )
    if overwrite:
        for entry in run_dir.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != "lock":
                entry.unlink(missing_ok=True)
    found = find(run_dir)
    if found is None:
        _check_trials(run_dir, record)
        files.write_json(path, record | files.provenance())
        return
    check_same(run_dir, found, choices(record))
    if found["dataset"]["sha256"] != record["dataset"]["sha256"]:
        raise UserError(f"{run_dir} holds a search on other images")
    new = {name: record[name] for name in ADDED}
    if new != {name: found[name] for name in ADDED}:
        files.write_json(path, files.read_json(path) | new)


def _check_trials(run_dir, record):
    """Without a record that can be read each trial still tells whose it is."""
    for path in sorted(run_dir.glob("trial_*/trial.json")):
        try:
            values = files.read_json(path)["hyperparameters"]["values"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            continue
        wanted = settings(record)
        different = [n for n in wanted if values.get(n) != wanted[n]]
        if different:
            raise UserError(
                f"{run_dir / RECORD} is lost or damaged, and {path.parent.name} is of "
                f"another search ({', '.join(different)}): give that search's flags, or a "
                "new --run_dir"
            )


def clear_temporaries(run_dir):
    """Removes the half-written files of processes that were killed.

    Only for who knows that no process of the search is alive, on this machine or others.
    """
    run_dir = pathlib.Path(run_dir)
    for path in run_dir.glob(f"**/{files.TEMPORARY}*"):
        path.unlink(missing_ok=True)


def read(run_dir):
    """The `describe` of the search that a folder holds.

    What the records of older searches lack is None.

    Raises:
      UserError: if it holds none, or a damaged one.
      OSError: if it cannot be read.
    """
    path = pathlib.Path(run_dir) / RECORD
    try:
        found = files.read_json(path)
        names = ("grid", "config", "dataset", "validation")
        record = {name: found[name] for name in names}
        record |= {name: found.get(name) for name in ADDED}
        record["source"] = record["source"] or _source_of_old(found["dataset"])
        # What else would be missing shows here.
        grid(record), settings(record)
        return record
    except (
        FileNotFoundError,
        NotADirectoryError,
        ValueError,
        KeyError,
        TypeError,
    ) as error:
        raise UserError(f"{path}: not the record of a search") from error


def find(run_dir):
    """As `read`, but None where there is no record or a damaged one."""
    try:
        return read(run_dir)
    except UserError:
        return None


def _source_of_old(dataset):
    path = None if dataset["name"] == "digits" else dataset["source"]
    return {"dataset": dataset["name"], "data_path": path}
