"""Where a run that goes on finds its images."""

import dataclasses
import shutil

import pytest

from keras_pairs import data, evaluate, files, train
from keras_pairs.commands import configurations, flags
from keras_pairs.errors import UsageError, UserError
from tests import networks
from tests.npz import npz

KEYS = {"train": "config", "evaluate": "configs"}
FLAGS = {"train": train.FLAGS, "evaluate": evaluate.FLAGS}


@pytest.fixture(params=KEYS)
def command(request):
    return request.param


@pytest.fixture
def begun(command, tmp_path, monkeypatch):
    """A folder with a run, begun there with the images beside it."""
    here = tmp_path / "here"
    (here / "run").mkdir(parents=True)
    (here / "mine.npz").write_bytes(npz())
    monkeypatch.chdir(here)
    config = networks.config(dataset="auto", data_path="mine.npz")
    images = data.load_images("auto", "mine.npz")
    several = config.to_dict() if command == "train" else [config.to_dict()]
    source = data.again("auto", "mine.npz", images)
    record = {KEYS[command]: several, "preset": "paper", "source": source}
    files.write_json(here / "run" / files.RECORD, record)
    return here


def goes_on(command, *words):
    """(configuration, images) of a run that goes on with such a command line."""
    values = flags.define(FLAGS[command])
    values([command, *words])
    record = configurations.begun(values, KEYS[command])
    config = record[KEYS[command]]
    config = config if command == "train" else config[0]
    return config, configurations.load_images(record, config, verbose=False)


def test_from_another_folder(command, begun, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config, images = goes_on(command, "--run_dir=here/run")
    assert config == networks.config(dataset="auto", data_path="mine.npz")
    # As it would be told had it not been stopped.
    assert images.describe() | {"sha256": ""} == {
        "name": "mine",
        "source": "mine.npz",
        "train_images": 12,
        "test_images": 6,
        "sha256": "",
    }


def test_where_the_folder_was_moved(command, begun, tmp_path, monkeypatch):
    begun.rename(tmp_path / "there")
    monkeypatch.chdir(tmp_path / "there")
    assert goes_on(command, "--run_dir=run")[1].source == "mine.npz"


def test_where_the_user_says(command, begun, tmp_path, monkeypatch):
    shutil.move(begun / "mine.npz", tmp_path / "yours.npz")
    with pytest.raises(UserError, match=r"mine.npz.*\(give --data_path where they lie"):
        goes_on(command, "--run_dir=run")
    config, images = goes_on(command, "--run_dir=run", "--data_path=../yours.npz")
    moved = {"dataset": "auto", "data_path": "../yours.npz"}
    assert config == dataclasses.replace(networks.config(), **moved)
    assert (images.name, images.source) == ("yours", "../yours.npz")
    with pytest.raises(UsageError, match="--dataset=npz needs --data_path"):
        goes_on(command, "--run_dir=run", "--dataset=npz")


@pytest.mark.parametrize("name", ["mnist", "digits", "folder", "npz", "drawings"])
def test_images_without_a_path_are_told_by_what_has_none(name, digits):
    images = dataclasses.replace(digits, name=name)
    known = name in ("mnist", "digits")
    wanted = {"dataset": name if known else "auto", "data_path": None}
    assert data.again("auto", None, images) == wanted
    data.check_source(**wanted)
