"""The model card of a published version."""

import dataclasses
import json
import shlex

import pytest
import yaml

from keras_pairs import files
from keras_pairs.commands import flags
from keras_pairs.config import TrainingConfig
from keras_pairs.outputs import names
from keras_pairs.serving import card, signatures

ORIGIN = {
    "test_accuracy": {"comparison": 0.912, "first_digit": 0.9, "second_digit": 0.95},
    "config": {"nb_f": 64, "w_a": 1.0, "seed": 7, "data_path": "/home/me/mnist.npz"},
    "dataset": {"name": "mnist", "source": "/home/me/mnist.npz"},
    "versions": {"keras": "3.99"},
    "commit": "0123abc",
}


def made_of(origin):
    return card.make("digits", 1, signatures.INPUTS, 123, origin)


def test_model_card(tmp_path):
    card.write(tmp_path, made_of(ORIGIN))
    made = files.read_json(tmp_path / "model_card.json")
    assert (made["name"], made["version"], made["parameters"]) == ("digits", 1, 123)
    assert made["training"]["test_accuracy"] == ORIGIN["test_accuracy"]
    assert made["training"]["config"]["seed"] == 7
    assert {"versions", "commit", "machine"} <= set(made["publishing"])
    assert made["signatures"]["png"] == {
        "name": "png_bytes",
        "dtype": "string",
        "shape": [None, 2],
    }
    text = (tmp_path / "model_card.md").read_text()
    assert "comparison: 91.2 %" in text and "3.99" in text and "0123abc" in text
    assert "| images | images | uint8 | [None, 2, 28, 28] |" in text
    assert "/home/me" not in json.dumps(made) + text
    # What Hugging Face reads, as it reads it.
    assert text.startswith("---\n")
    header = yaml.safe_load(text.split("---\n")[1])
    assert header["library_name"] == "keras" and header["license"] == "mit"
    assert header["datasets"] == ["ylecun/mnist"] and header["metrics"] == ["accuracy"]
    assert header["tags"] and all(isinstance(tag, str) for tag in header["tags"])
    untaught = made | {"training": {"config": {"w_a": 0.0}}}
    assert card.reads_digits(made, names()) and not card.reads_digits(untaught, names())
    assert not card.reads_digits(made, ["comparison", "first_digit"])


@pytest.mark.parametrize(
    "config",
    [
        # Not what Table I says for 16 filters.
        TrainingConfig(16, 0.02, 7, w_a=1.0),
        TrainingConfig(64, 0.005, 100, w_m=0.5, w_a=0.0, seed=3, num_pairs=9),
        TrainingConfig.from_preset("best", epochs=11),
    ],
)
def test_the_card_tells_the_command_that_trains_the_same(config):
    origin = ORIGIN | {"config": config.to_dict()}
    text = card.markdown(card.make("digits", 1, {}, 0, origin))
    (line,) = (x for x in text.splitlines() if "keras_pairs.train" in x)
    words = shlex.split(line.split("`")[1])
    assert words[:3] == ["python", "-m", "keras_pairs.train"]
    values = flags.define(flags.of_training())
    values(words[2:])
    named = dataclasses.replace(config, dataset=ORIGIN["dataset"]["name"])
    assert flags.config_from_flags(values) == named


@pytest.mark.parametrize(
    ("asked", "path", "found", "flag"),
    [
        ("auto", None, "digits", "--dataset=digits"),
        ("auto", None, "mnist", "--dataset=mnist"),
        ("auto", "mnist.npz", "mnist", "--data_path=mnist.npz"),
        # A package's own images, of whatever name.
        ("auto", None, "folder", None),
    ],
)
def test_the_command_trains_on_the_same_data(asked, path, found, flag):
    config = TrainingConfig.from_preset(nb_f=8).to_dict()
    config |= {"dataset": asked, "data_path": path}
    origin = ORIGIN | {"config": config, "dataset": ORIGIN["dataset"] | {"name": found}}
    text = card.markdown(card.make("digits", 1, {}, 0, origin))
    (line,) = (x for x in text.splitlines() if "keras_pairs.train" in x)
    named = [x for x in shlex.split(line.split("`")[1]) if "dataset" in x or "path" in x]
    assert named == ([flag] if flag else [])


def test_card_without_a_run():
    text = card.markdown(made_of(None))
    assert text.count("Not recorded.") == 6 and "| png |" in text
    assert "datasets" not in yaml.safe_load(text.split("---\n")[1])
