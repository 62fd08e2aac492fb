"""Records of runs that hold something else are refused in one line."""

import json
import os

import pytest

from keras_pairs import files
from keras_pairs.commands import runner
from keras_pairs.errors import UserError
from keras_pairs.pictures import ink_training
from keras_pairs.training import identity
from tests import helpers, networks

CONFIG = networks.config().to_dict()


@pytest.mark.parametrize(
    ("command", "record"),
    [
        ("train", {"config": {}}),
        ("train", {"config": []}),
        ("train", {"config": CONFIG | {"from_the_future": 1}}),
        ("train", {"config": CONFIG, "preset": 5}),
        ("train", {"config": CONFIG, "preset": None}),
        ("train", {"config": CONFIG, "export_dir": "a\0b"}),
        ("train", {"config": CONFIG, "export_dir": "\ud800"}),
        ("train", {"config": CONFIG, "source": 5}),
        ("train", {"config": CONFIG, "source": {"dataset": "npz", "data_path": None}}),
        ("train", {"config": CONFIG, "source": {"dataset": "digits", "data_path": "/x"}}),
        ("train", {"config": CONFIG, "source": {"dataset": "digits"}}),
        ("train", {"config": CONFIG, "source": {"dataset": "mnis", "data_path": None}}),
        ("evaluate", {"configs": [CONFIG], "source": {"dataset": "npz", "data_path": 7}}),
        ("evaluate", {"configs": 5}),
        ("evaluate", {"configs": []}),
        ("evaluate", {"configs": [{}]}),
    ],
)
def test_what_a_run_was_begun_with_may_be_anything(command, record, tmp_path):
    (tmp_path / files.RECORD).write_text(json.dumps({"preset": "paper"} | record))
    done = helpers.call(command, f"--run_dir={tmp_path}", "--verbosity=0")
    helpers.assert_one_line(done, 1, f"{files.RECORD}: not what this command writes")
    assert os.listdir(tmp_path) == [files.RECORD]


@pytest.mark.parametrize("named", [{"preset": 5}, {"dataset": {"name": ["a"]}}])
def test_what_a_model_is_called_may_be_anything(named, network, tmp_path):
    network.save(tmp_path / "model.keras")
    record = {"config": CONFIG, "preset": "paper", "dataset": {"name": "digits"}} | named
    (tmp_path / "metrics.json").write_text(json.dumps(record))
    done = helpers.call("export", f"--model={tmp_path}", cwd=tmp_path)
    helpers.assert_one_line(done, 1, "its record cannot be read")
    assert sorted(os.listdir(tmp_path)) == ["metrics.json", "model.keras"]


@pytest.mark.parametrize(
    "record",
    [5, [], {"config": 5}, {"configs": 5}, {"config": CONFIG, "dataset": None}],
)
def test_a_record_of_another_form_is_told(record, tmp_path):
    (tmp_path / files.RECORD).write_text(json.dumps(record))
    wanted = {"config": CONFIG, "dataset": {"sha256": "0"}}
    with pytest.raises(UserError, match="is not readable; use a new --run_dir"):
        identity.found(tmp_path, wanted, "training")


def test_a_folder_deep_in_brackets_is_no_search(tmp_path):
    (tmp_path / "search.json").write_text("[" * 200_000)
    helpers.assert_one_line(
        helpers.call("status", f"--run_dir={tmp_path}"), 1, str(tmp_path)
    )


@pytest.mark.parametrize(
    ("command", "word", "message"),
    [
        ("evaluate", "--memory_limit=1e308", "less than 1e+09"),
        ("train", "--epochs=" + 30 * "9", "less than 2**31"),
        ("search", "--workers=1" + 400 * "0", "less than 2**31"),
    ],
)
def test_numbers_that_nothing_can_hold_are_refused(command, word, message):
    helpers.assert_one_line(helpers.call(command, word), 2, message)


def test_paths_are_shown_where_the_current_folder_is_gone(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert runner.relative(tmp_path / "run") == tmp_path / "run"


@pytest.mark.parametrize("record", [[], 5, {}, {"epochs": 1, "seed": 0, "dataset": 5}])
def test_an_ink_training_of_another_form_is_told(record, digits, tmp_path):
    (tmp_path / files.RECORD).write_text(json.dumps(record))
    with pytest.raises(UserError, match=f"{files.RECORD}: damaged; use a new --run_dir"):
        ink_training.train(digits, 1, 0, tmp_path)
