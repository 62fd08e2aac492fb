"""Whether a run folder holds what is asked for, or something else."""


def of(record):
    """What decides the results that a record's folder will hold.

    Args:
      record: dict with `configs`, each a `TrainingConfig.to_dict()`, `dataset` of
        `Images.describe()`, and `scored_on` where it is an evaluation.

    Returns:
      What can be compared with that of another record.
    """
    # The same data may lie elsewhere today.
    configs = [c | {"data_path": None, "dataset": None} for c in record.get("configs", [])]
    return configs, record.get("scored_on"), record.get("dataset", {}).get("sha256")


def difference(found, wanted):
    """What differs in two records of one configuration each, as text in brackets, or ""."""
    pairs = [record.get("configs", []) for record in (found, wanted)]
    if list(map(len, pairs)) != [1, 1]:
        return ""
    (there,), (here,) = pairs
    fields = [n for n in here if n not in ("dataset", "data_path")]
    parts = [
        f"{name}={there.get(name)} there, {here[name]} here"
        for name in fields
        if there.get(name) != here[name]
    ]
    if found.get("dataset", {}).get("sha256") != wanted["dataset"]["sha256"]:
        parts.append("other images")
    return f" ({'; '.join(parts)})" if parts else ""
