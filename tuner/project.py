"""A search's folder: whose it is, and what makes a search the same search."""

import hashlib
import json
import pathlib
import shutil

from keras_pairs import data, files
from keras_pairs.commands.configurations import SELECTED
from keras_pairs.commands.flags import shown
from keras_pairs.config import TrainingConfig
from keras_pairs.data.pairs import SCORED_PAIRS
from keras_pairs.errors import UserError
from keras_pairs.fields import integer
from tuner import flags, places, pulse, space

RECORD = "search.json"
# What a search and its report leave in a folder, besides its lock. Without the record
# nobody would know whose the others are, so that it goes last.
OURS = (places.TRIALS, "oracle.json", places.RESULTS, places.TABLE, places.PICTURE)
OURS += (places.POINTS, SELECTED, places.HPARAMS, places.REPORT, f"{files.TEMPORARY}*")
OURS += (pulse.NAME, RECORD)
# Of a record; its file holds provenance besides.
KEYS = ("grid", "config", "dataset", "preset", "validation", "keep_models", "retries")
KEYS += ("source", "order", "rounds", "extended", "validate_every", "pairs_wanted")
KEYS += ("halving",)
# Of it, what decides the results besides the grid, the configuration and the images.
DECIDING = ("validation", "order", "validate_every", "pairs_wanted", "halving")


class NoRecordError(UserError):
    """There is no record of a search, or a damaged one."""


def describe(*, grid, where, images, validation, halving=False, **chosen):
    """What makes a search this search, as a dict for JSON.

    Its `pairs_wanted` is how many pairs a trial is scored on, where there are images for
    them. The test pairs are the paper's own protocol, and so as many as train: None.

    Args:
      grid: `space.Grid`.
      where: dict by the names of `flags.DATA`, what led to the images.
      images: `data.Images`.
      validation: "validation" or "test".
      halving: whether only the better half of a population goes on, again and again.
      chosen: the other values of `flags.CHOICES`, by name.
    """
    *before, stage = (
        {
            "grid": {name: list(values) for name, values in each.axes.items()},
            "config": space.base_of(each),
            "rounds": each.rounds,
        }
        for each in grid.stages
    )
    return {
        **stage,
        "extended": before,
        "dataset": images.describe(),
        "validation": validation,
        "pairs_wanted": SCORED_PAIRS if validation == "validation" else None,
        "source": source(where, images),
        "order": grid.order,
        "halving": halving,
        **chosen,
    }


def source(where, images):
    """What `data.load_images` finds the same images with, from whatever folder."""
    return data.again(where.get("dataset") or "auto", where.get("data_path"), images)


def grid(record):
    """The `space.Grid` of a record. Its base says nothing of the data: see `source`."""
    found = None
    for stage in (*record["extended"], record):
        axes = {name: tuple(values) for name, values in stage["grid"].items()}
        if stage["rounds"] not in (1, len(axes.get("seed", ()))):
            raise ValueError(f"Rounds must each have a seed. Received: {stage['rounds']}")
        first = {name: values[0] for name, values in axes.items()}
        base = TrainingConfig(**stage["config"], **first)
        found = space.Grid(axes, base, record["order"], stage["rounds"], found)
    return found


def settings(record):
    """What each trial's file says besides its point: numbers, bools and strings by name.

    `search` is a digest of what decides the results, so that any trial tells whose it is.
    """
    sha256 = record["dataset"]["sha256"]
    # Of the grid as it was at first: an extended search keeps its trials.
    stage = [*record["extended"], record][0]
    identity = {name: stage[name] for name in ("grid", "config", "rounds")}
    identity |= {name: record[name] for name in DECIDING} | {"dataset": sha256}
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode())
    return {
        **record["config"],
        "dataset": record["dataset"]["name"],
        "dataset_sha256": sha256,
        "validation": record["validation"],
        "search": digest.hexdigest()[:16],
    }


def choices(record):
    """What was chosen for a search, by the name of its flag."""
    axes = {name: tuple(values) for name, values in record["grid"].items()}
    if record["rounds"] > 1:
        axes["seed"] = axes["seed"][:1]
    return {
        **axes,
        **{name: (value,) for name, value in record["config"].items()},
        **{name: record[name] for name in (*flags.CHOICES, *flags.OF_GRID)},
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
    names = [name for name, value in wanted.items() if found[name] != value]
    different = [
        f"{name}={shown(found[name])} there, {shown(wanted[name])} here" for name in names
    ]
    if different:
        adds = (
            "" if {*names} & {*flags.CHOICES, "order"} else ", --extend adds values to it"
        )
        raise UserError(
            f"{run_dir} holds another search: {'; '.join(different)} (--run_dir alone goes "
            f"on with it{adds}; else use a new one, or --overwrite to delete it)"
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


def check_free(run_dir):
    """Raises `UserError` if a folder holds something that is no search; writes nothing."""
    run_dir = pathlib.Path(run_dir)
    ours = (run_dir / RECORD).exists() or any(run_dir.glob(places.TRIALS))
    if not ours:
        # A chief whose folder vanished may have made it anew with its last sign of life.
        files.check_unused(run_dir, "search", own=(pulse.NAME,))


def claim(run_dir, record, overwrite=False):
    """Makes `run_dir` the folder of the search that `record` describes.

    It may hold the search that this one extends.

    Raises:
      UserError: if it holds another search, or something that is no search.
      OSError: if the record cannot be written.
    """
    run_dir = pathlib.Path(run_dir)
    path = run_dir / RECORD
    check_free(run_dir)
    if overwrite:
        for entry in [entry for name in OURS for entry in sorted(run_dir.glob(name))]:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)
    found = find(run_dir)
    if found is None:
        _check_trials(run_dir, record)
        files.write_json(path, record | files.provenance())
        return
    may_change = ("grid", "config", "rounds", "extended", "source")
    changes = {name: record[name] for name in may_change if found[name] != record[name]}
    extends = grid(found) in grid(record).stages
    check_same(run_dir, found | changes if extends else found, choices(record))
    if not extends:
        raise UserError(f"{run_dir} holds this search, but extended in another way")
    if found["dataset"]["sha256"] != record["dataset"]["sha256"]:
        raise UserError(f"{run_dir} holds a search on other images")
    if changes:
        # What was selected among fewer points.
        if extends and grid(found) != grid(record):
            for name in (SELECTED, places.TABLE):
                (run_dir / name).unlink(missing_ok=True)
        files.write_json(path, files.read_json(path) | changes)


def _check_trials(run_dir, record):
    """Without a record that can be read each trial still tells whose it is."""
    wanted = settings(record)

    def different(state):
        values = state["hyperparameters"]["values"]
        return [name for name in wanted if values.get(name) != wanted[name]]

    for name, found in places.read_trials(run_dir, different).items():
        if found:
            raise UserError(
                f"{run_dir / RECORD} is lost or damaged, and {name} is of another search "
                f"({', '.join(found)}): give that search's flags, or a new --run_dir"
            )


def clear_temporaries(run_dir):
    """Removes the half-written files and folders of processes that were killed.

    Only for who knows that no process of the search is alive, on this machine or others.
    Those of a report stay: it may be written at any time.
    """
    for folder in ("", f"{places.TRIALS}/"):
        for path in pathlib.Path(run_dir).glob(f"{folder}{files.TEMPORARY}*"):
            files.remove(path)


def read(run_dir):
    """The `describe` of the search that a folder holds.

    Raises:
      NoRecordError: if it holds none, or a damaged one.
      UserError: if it is of another version of this program.
      OSError: if it cannot be read.
    """
    path = pathlib.Path(run_dir) / RECORD
    if not path.exists():
        raise NoRecordError(f"{run_dir} holds no search")
    try:
        found = files.read_json(path)
        version = _other_version(found)
        if not version:
            # What is missing shows here.
            record = {name: found[name] for name in KEYS}
            grid(record), settings(record)
            _check_choices(record)
            return record
    except files.DAMAGED as error:
        raise NoRecordError(f"{path}: not the record of a search") from error
    raise UserError(
        f"{run_dir} holds a search of {version}, which this one cannot go on with; use a "
        "new --run_dir"
    )


def _check_choices(record):
    """Raises what `files.DAMAGED` has if what follows could not work with them."""
    for name, row in (flags.CHOICES | flags.OF_GRID).items():
        if not row.kind.right(record[name]):
            raise ValueError(f"{name} must be {row.kind.rule}. Received: {record[name]}")
    wanted = record["pairs_wanted"]
    if wanted is not None and not integer(1).right(wanted):
        raise ValueError(f"pairs_wanted must be a count. Received: {wanted}")
    where = record["source"]
    texts = (record["dataset"]["name"], record["dataset"]["sha256"])
    texts += (where["dataset"], where["data_path"] or "")
    if not all(isinstance(x, str) for x in texts):
        raise ValueError(f"Names of data must be texts. Received: {texts}")


def _other_version(found):
    fields = {*found["grid"], *found["config"]}
    unknown = ", ".join(sorted(fields - {*space.ORDER}))
    if unknown:
        return f"another version of this program ({unknown})"
    if "preset" not in found or fields != {*space.ORDER}:
        return "an older version of this program"
    return None


def find(run_dir):
    """As `read`, but None where there is no record or a damaged one."""
    try:
        return read(run_dir)
    except NoRecordError:
        return None
