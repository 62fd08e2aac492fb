"""Whether a run folder holds what is asked for, or something else."""

import pathlib

from keras_pairs import files
from keras_pairs.errors import UserError


def found(run_dir, wanted, what):
    """The record in the folder of a run, if it is of the run that is wanted.

    Args:
      run_dir: Path.
      wanted: dict, see `of`; a training has one `config` in place of `configs`.
      what: str, "training" or "evaluation".

    Returns:
      dict of config.json; None where nothing has begun.

    Raises:
      UserError: if the record cannot be read, or is of another run; if there is none, and
        the folder holds something else.
    """
    run_dir = pathlib.Path(run_dir)
    path = run_dir / files.RECORD
    if not path.exists():
        files.check_unused(run_dir, what)
        return None
    try:
        record = files.read_json(path)
        there, here = _several(record), _several(wanted)
        same = of(there) == of(here)
    except files.DAMAGED as error:
        raise UserError(f"{path} is not readable; use a new --run_dir") from error
    if "group_sizes" in record:
        raise UserError(
            f"{run_dir} holds an evaluation of an older keras_pairs, which this one "
            "cannot continue; use a new --run_dir"
        )
    if not same:
        other = f"another {what}{difference(there, here)}"
        raise UserError(f"{run_dir} holds {other}; use a new --run_dir or its own flags")
    return record


def _several(record):
    return {"configs": [record["config"]], **record} if "config" in record else record


def of(record):
    """What decides the results that a record's folder will hold.

    Args:
      record: dict with `configs`, each a `TrainingConfig.to_dict()`, `dataset` of
        `Images.describe()`; `scored_on` where it is an evaluation, `validate_every` where
        it is a training, whose history tells it.

    Returns:
      What can be compared with that of another record.
    """
    # The same data may lie elsewhere today.
    configs = [c | {"data_path": None, "dataset": None} for c in record.get("configs", [])]
    rest = [record.get(name) for name in ("scored_on", "validate_every")]
    return configs, rest, record.get("dataset", {}).get("sha256")


def difference(found, wanted):
    """What differs in two records of one configuration each, as text in brackets, or ""."""
    records = found, wanted
    if [len(record.get("configs", [])) for record in records] != [1, 1]:
        return ""
    there, here = (
        {**record["configs"][0], "validate_every": record.get("validate_every")}
        for record in records
    )
    fields = [n for n in here if n not in ("dataset", "data_path")]
    parts = [
        f"{name}={there.get(name)} there, {here[name]} here"
        for name in fields
        if there.get(name) != here[name]
    ]
    if found.get("dataset", {}).get("sha256") != wanted["dataset"]["sha256"]:
        parts.append("other images")
    return f" ({'; '.join(parts)})" if parts else ""
