"""`evaluate` over several rounds."""

import dataclasses
import json
import shutil
import time

import numpy as np
import pytest

from keras_pairs import tables
from keras_pairs.config import TrainingConfig
from keras_pairs.errors import UserError
from keras_pairs.training.rounds import evaluate, plan
from keras_pairs.training.summary import summarize, welch_t
from tests import networks
from tests.helpers import call, command, start

SMALL = ("--nb_f=4", "--epochs=2", "--dataset=digits", "--num_pairs=60", "--verbosity=0")
EVALUATE = (*SMALL, "--rounds=2")
# Several groups, to be killed between them.
LONG = (*SMALL, "--rounds=6", "--memory_limit=0.025")


def rows(folder):
    found = json.loads((folder / "results.json").read_text())["rows"]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in found]


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    done = command("evaluate", *EVALUATE, f"--run_dir={folder}")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert len(list((folder / "groups").iterdir())) == 1
    return folder, done


def test_evaluate_reports(evaluated):
    folder, done = evaluated
    origin = json.loads((folder / "config.json").read_text())
    assert origin["source"] == {"dataset": "digits", "data_path": None}
    assert "source" not in json.loads((folder / "results.json").read_text())
    (row,) = rows(folder)
    assert len(row["accuracies"]) == row["rounds"] == 2
    assert len(set(row["accuracies"])) > 1
    np.testing.assert_allclose(row["mean"], np.mean(row["accuracies"]))
    np.testing.assert_allclose(row["std"], np.std(row["accuracies"], ddof=1))
    assert (folder / "results.md").read_text() in done.stdout
    assert f"{row['mean']:.2f} ± {row['std']:.2f}" in done.stdout
    for name in ("results.png", "calibration.png"):
        assert (folder / name).stat().st_size > 10000
    assert json.loads((folder / "results.json").read_text())["versions"]


@pytest.mark.slow
def test_killed_evaluation_goes_on(tmp_path):
    undisturbed, folder = tmp_path / "undisturbed", tmp_path / "killed"
    done = command("evaluate", *LONG, f"--run_dir={undisturbed}")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert len(list((undisturbed / "groups").iterdir())) > 2
    assert [len(row["accuracies"]) for row in rows(undisturbed)] == [6]
    process = start("evaluate", *LONG, f"--run_dir={folder}")
    first = folder / "groups" / "000-000.json"
    while not first.exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.communicate()
    written = first.stat().st_mtime_ns
    done = command("evaluate", *LONG, f"--run_dir={folder}")
    assert done.returncode == 0, done.stderr
    assert first.stat().st_mtime_ns == written
    assert rows(folder) == rows(undisturbed)


def test_a_run_folder_is_not_mixed(evaluated):
    folder, _ = evaluated
    before = (folder / "results.json").read_text()
    done = call("evaluate", *EVALUATE, f"--run_dir={folder}", "--epochs=3")
    assert done.returncode == 1 and "another evaluation" in done.stderr
    assert (folder / "results.json").read_text() == before


def test_plan_covers_every_round_once_within_memory(config):
    few = plan([config], 10, memory_limit=1)
    assert [len(members) for _, members in few] == [1] * 10
    many = plan([config, config], 10, memory_limit=1e12)
    assert [(index, len(members)) for index, members in many] == [(0, 10), (1, 10)]
    assert sorted(c.seed for _, members in few for c in members) == list(range(1, 11))


def test_welch_t_by_hand(config):
    # (90 - 88) / sqrt(1/10 + 4/10)
    assert welch_t(90, 1, 10, 88, 2, 10) == pytest.approx(2.8284271)
    curves = (
        {"count": [2, 2], "predicted": [0.2, 1.6], "observed": [1, 2]},
        {"count": [0, 4], "predicted": [0, 4], "observed": [0, 3]},
    )
    found = [
        {
            "accuracy": {"comparison": right, "first_digit": digit, "second_digit": 1},
            "accuracy_of_all": right + 0.05,
            "reliability": curve,
        }
        for right, digit, curve in zip((0.9, 0.8), (0.5, 0.7), curves, strict=True)
    ]
    row = summarize(config, [{"rounds": [one], "seconds": 2} for one in found], "mnist")
    assert row["mean"] == pytest.approx(85) and row["std"] == pytest.approx(7.0710678)
    assert row["mean_of_all"] == pytest.approx(90) and row["pairs_of_all"] == 4
    assert row["first_digit"] == pytest.approx(60) and row["welch_t"] is None
    assert row["calibration_error"] == pytest.approx(100 * (0.3 + 0.25) / 2)
    assert row["reliability"]["predicted"] == pytest.approx([0.2, 5.6])
    assert row["seconds"] == 4
    # Table I's deviations are divided by n: 3.38² · 10/9 / 10 is their mean's variance.
    config = TrainingConfig.from_preset(nb_f=8)
    row = summarize(config, [{"rounds": found, "seconds": 2}], "mnist")
    expected = (85 - 80.81) / (50 / 2 + 3.38**2 / 9) ** 0.5
    assert row["welch_t"] == pytest.approx(expected)
    assert (row["paper_mean"], row["paper_std"]) == (80.81, 3.38)
    assert "80.81 ± 3.38" in tables.evaluation([row])
    for dataset, changes in (
        *(("digits", {}), ("mnist", {"epochs": 2}), ("mnist", {"num_pairs": 60})),
        *(("mnist", {"w_m": 2.0}), ("mnist", {"augmentation": True})),
    ):
        other = dataclasses.replace(config, **changes)
        row = summarize(other, [{"rounds": found, "seconds": 2}], dataset)
        assert row["paper_mean"] is row["welch_t"] is row["difference"] is None
        assert "paper" not in tables.evaluation([row])


@pytest.mark.slow
def test_one_training_is_scored_for_the_choice_and_for_the_report(tmp_path, digits):
    config = networks.config(seed=0)
    rows = {}
    for name, parts in {
        "both": {"chosen_on": "validation"},
        "test": {},
        "validation": {"scored_on": "validation"},
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        (rows[name],) = evaluate([config], digits, folder, 2, 1e9, verbose=False, **parts)
    chosen = rows["both"].pop("chosen_on")
    for found, alone in ((rows["both"], "test"), (chosen, "validation")):
        for name, value in rows[alone].items():
            assert name == "seconds" or found[name] == value, name
    assert rows["both"]["accuracies"] != chosen["accuracies"]
    # It is another evaluation than one of the test pairs alone.
    with pytest.raises(UserError, match="another evaluation"):
        evaluate([config], digits, tmp_path / "both", 2, 1e9, verbose=False)


def test_what_has_begun_goes_on_with_its_folder_alone(evaluated):
    folder, _ = evaluated
    before = (folder / "results.json").read_text()
    done = call("evaluate", f"--run_dir={folder}", "--verbosity=0")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert (folder / "results.json").read_text() == before
    # A training is something else.
    done = call("train", f"--run_dir={folder}")
    assert done.returncode == 1
    assert f"{folder}/config.json: not what this command writes" in done.stderr


def test_rounds_are_added_to_what_has_been_evaluated(evaluated, tmp_path):
    folder, _ = evaluated
    more = tmp_path / "more"
    shutil.copytree(folder, more)
    (before,) = rows(more)
    done = call("evaluate", f"--run_dir={more}", "--rounds=3", "--verbosity=0")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    (after,) = rows(more)
    assert after["rounds"] == 3
    assert after["accuracies"][:2] == before["accuracies"]
    # The folder alone goes on with as many as were last asked for.
    (more / "results.json").unlink()
    done = call("evaluate", f"--run_dir={more}", "--verbosity=0")
    assert done.returncode == 0 and rows(more) == [after], done.stderr
    # Who edits the record gets one line.
    record = json.loads((more / "config.json").read_text())
    (more / "config.json").write_text(json.dumps(record | {"rounds": "many"}))
    done = call("evaluate", f"--run_dir={more}", "--verbosity=0")
    assert done.returncode == 1
    assert f"{more}/config.json: not what this command writes" in done.stderr


def test_a_training_does_not_go_into_an_evaluations_folder(evaluated):
    folder, _ = evaluated
    before = sorted(path.name for path in folder.iterdir())
    done = command("train", f"--run_dir={folder}", "--nb_f=4", "--dataset=digits")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert f"{folder} holds another training" in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "message"), [("train", "than a training"), ("evaluate", "than an evaluation")]
)
def test_a_folder_of_other_things_stays_as_it_is(tmp_path, name, message):
    (tmp_path / "search.json").write_text("{}")
    done = command(name, f"--run_dir={tmp_path}", *SMALL)
    said = f"{tmp_path} holds something else {message}; use a new --run_dir"
    assert done.returncode == 1 and done.stderr.strip() == f"error: {said}"
    assert [path.name for path in tmp_path.iterdir()] == ["search.json"]
