"""The model card of a published version: what it is, what made it, how good it is.

It lies inside the version's folder, beside saved_model.pb: there it appears and goes with
the version in one step, and a server reads nothing there that it does not know.
"""

import dataclasses
import datetime
import json
import pathlib
import shlex

from keras_pairs import data, files
from keras_pairs.config import TrainingConfig

JSON, MARKDOWN = "model_card.json", "model_card.md"
# What Hugging Face reads at the top of a model's page. No `pipeline_tag`: of its tasks none
# takes two images.
HUB = {
    "library_name": "keras",
    "license": "mit",
    "tags": ["image-comparison", "weight-sharing", "auxiliary-loss"],
    "metrics": ["accuracy"],
}
# Name of our data → its name there.
HUB_DATASETS = {"mnist": "ylecun/mnist"}
# What a model that reads them calls its answers.
DIGITS = {"first_digit", "second_digit"}


def make(name, version, inputs, parameters, origin):
    """The card as a dict for JSON.

    Args:
      name: str, under which the model is served.
      version: int.
      inputs: dict: signature → `tf.TensorSpec` of its input.
      parameters: int, the network's weights.
      origin: dict of `metrics.json` (configuration, data, test accuracy, versions, commit),
        or None where it is not known. Of paths only the last part is told.
    """
    return {
        "name": name,
        "version": version,
        "published": datetime.datetime.now(datetime.timezone.utc).isoformat("T", "seconds"),
        "answers": "the probability that the first digit is at most the second",
        "parameters": parameters,
        "signatures": {
            signature: {
                "name": spec.name,
                "dtype": spec.dtype.name,
                "shape": spec.shape.as_list(),
            }
            for signature, spec in inputs.items()
        },
        "training": None if origin is None else _without_folders(origin),
        "publishing": files.provenance(),
    }


def check(origin):
    """Sees whether a card can be made of a record, which anybody may have edited.

    Args:
      origin: as of `make`.

    Raises:
      AttributeError, TypeError, ValueError: if not.
    """
    if origin is not None:
        rest = {"answers": "", "signatures": {}, "publishing": {}}
        about = {"name": "", "version": 0, "training": _without_folders(origin), **rest}
        markdown(about), _taught(about)
        for name in (data_name(about), origin.get("preset")):
            if not isinstance(name, str | None):
                raise TypeError(f"a name that is none: {name!r}")


def _without_folders(origin):
    def short(part, key):
        value = part.get(key)
        return part | {key: pathlib.PurePath(value).name} if value else part

    config = short(origin.get("config", {}), "data_path")
    return origin | {
        "config": config,
        "dataset": short(origin.get("dataset", {}), "source"),
    }


def read(folder):
    """The card in a version's folder; None where there is none, or a damaged one."""
    try:
        found = files.read_json(folder / JSON)
        # What is of another kind shows here.
        name, taught, own = data_name(found), _taught(found), seed(found)
    except files.UNREADABLE:
        return None
    right = isinstance(name, (str, type(None))) and isinstance(taught, bool)
    return found if right and type(own) is int and own >= 0 else None


def write(folder, card):
    """Writes model_card.json and model_card.md into a version's folder."""
    files.write_json(folder / JSON, card)
    files.write_text(folder / MARKDOWN, markdown(card))


def markdown(card):
    """The card for people; Hugging Face reads the lines between its first two `---`."""
    header = dict(HUB)
    if data_name(card) in HUB_DATASETS:
        header["datasets"] = [HUB_DATASETS[data_name(card)]]
    # JSON is YAML, too.
    lines = ["---", *(f"{key}: {json.dumps(x)}" for key, x in header.items()), "---", ""]
    lines += [f"# {card['name']}, version {card['version']}", ""]
    lines += [f"Given two handwritten digits: {card['answers']}.", ""]
    training = card["training"] or {}
    for title, part in (
        ("Test accuracy", _percent(training.get("test_accuracy", {}))),
        ("Test accuracy on all test images", _of_all(training)),
        ("Configuration", training.get("config", {})),
        ("Command", _command(training.get("config", {}), data_name(card))),
        ("Data", training.get("dataset", {})),
        ("Trained with", _versions(training)),
        ("Published with", _versions(card["publishing"])),
    ):
        lines += [f"## {title}", ""]
        lines += [f"- {key}: {value}" for key, value in part.items()] or ["Not recorded."]
        lines.append("")
    lines += [
        "## Signatures",
        "",
        "| signature | input | dtype | shape |",
        "|---|---|---|---|",
    ]
    for signature, spec in card["signatures"].items():
        cells = (signature, spec["name"], spec["dtype"], spec["shape"])
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def _command(config, name):
    """What trains the same network again, given the data, which are called `name`."""
    if "dataset" in config and config.get("data_path") is None:
        config = config | {"dataset": data.found_by(config["dataset"], name)}
    usual = {field.name: field.default for field in dataclasses.fields(TrainingConfig)}
    # `train` takes it from Table I where it is not given.
    usual["w_a"] = None
    flags = [f"--{k}={v}" for k, v in config.items() if k in usual and v != usual[k]]
    line = shlex.join(["python", "-m", "keras_pairs.train", *flags])
    return {"train": f"`{line}`"} if config else {}


def _percent(accuracies, digits=1):
    return {name: f"{100 * value:.{digits}f} %" for name, value in accuracies.items()}


def _of_all(training):
    found = dict(training.get("test_accuracy_of_all", {}))
    pairs = {"pairs": found.pop("pairs")} if "pairs" in found else {}
    return pairs | _percent(found, 2)


def _versions(origin):
    commit = {"commit": origin["commit"]} if origin.get("commit") else {}
    return origin.get("versions", {}) | commit


def data_name(card):
    """The name of the data that the model was trained on, or None."""
    return ((card.get("training") or {}).get("dataset") or {}).get("name")


def reads_digits(card, outputs):
    """Whether a model answers the digits, and was trained on them.

    Args:
      card: dict; {} where there is none.
      outputs: names of the model's outputs.
    """
    return DIGITS <= set(outputs) and _taught(card)


def _taught(card):
    return _config(card).get("w_a", TrainingConfig.w_a) > 0


def seed(card):
    """int, the seed of the training, which decides the pairs that it was scored on."""
    return _config(card).get("seed", TrainingConfig.seed)


def _config(card):
    return (card.get("training") or {}).get("config", {})
