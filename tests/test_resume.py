"""Going on with a search: what its folder holds, and flags that differ from it."""

import json
import sys

import numpy as np
import pytest

from keras_pairs import data
from keras_pairs.commands.flags import define
from keras_pairs.config import FIELDS, TrainingConfig
from keras_pairs.errors import UserError
from tests import searches
from tuner import choices, parts, population, processes, project, search, space
from tuner.space import Grid

BASE = TrainingConfig(4, 0.01, 20, epochs=2, seed=1, num_pairs=60)
GRID = Grid({"lr": (0.01, 0.001), "batch_size": (20, 30), "w_a": (0.0, 1.0)}, BASE)
WHERE = {"dataset": "digits", "data_path": None}


def parsed(*arguments):
    values = define(search.FLAGS)
    values(["search", *arguments])
    return values


@pytest.fixture
def folder(tmp_path, digits):
    """The folder of a search with no trial yet."""
    folder = tmp_path / "grid"
    folder.mkdir()
    project.claim(folder, record(digits))
    return folder


def record(images, grid=GRID):
    chosen = {"validation": "test", "validate_every": 5, "retries": 0, "keep_models": 6}
    return searches.describe(images, grid, where=WHERE, **chosen)


@pytest.fixture
def started(monkeypatch):
    """What `search.main` hands to the chief and the workers, which do not start."""
    calls = []
    monkeypatch.setattr(processes, "supervise", lambda *call: calls.append(call))
    return calls


def test_the_folder_alone_goes_on_with_its_search(folder, started, monkeypatch, capsys):
    before = (folder / "search.json").read_bytes()
    arguments = (f"--run_dir={folder}", "--workers=3")
    monkeypatch.setattr(sys, "argv", ["search", *arguments])
    search.main(parsed(*arguments))
    assert "8 trials of 2 epochs" in capsys.readouterr().out
    ((command, workers),) = started
    assert workers == 3 and command[-1] == "--dataset=digits"
    assert (folder / "search.json").read_bytes() == before
    # A chief and a worker find the same there.
    chosen = choices.choose(parsed(*command), project.find(folder))
    assert chosen == {
        "grid": GRID,
        **{"preset": "paper", "validation": "test", "validate_every": 5},
        **{"keep_models": 6, "retries": 0, "halving": False},
    }


def test_flags_that_agree_are_no_matter(folder, started):
    flags = ("--lr=0.01,0.001", "--epochs=2", "--keep_models=6", "--noweight_sharing")
    search.main(parsed(f"--run_dir={folder}", *flags, "--max_trials=2", "--verbosity=0"))
    assert len(started) == 1


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--epochs=3", "epochs=2 there, 3 here"),
        ("--lr=0.01,1e-4", "lr=0.01,0.001 there, 0.01,0.0001 here"),
        ("--lr=0.001,0.01", "lr=0.01,0.001 there, 0.001,0.01 here"),
        ("--w_m=0.5", "w_m=1 there, 0.5 here"),
        ("--epochs=2,3", "epochs=2 there, 2,3 here"),
        ("--weight_sharing", "weight_sharing=false there, true here"),
        ("--trunk=padded,paper", "trunk=paper there, padded,paper here"),
        ("--preset=best", "preset=paper there, best here"),
        ("--validation=validation", "validation=test there, validation here"),
        ("--validate_every=0", "validate_every=5 there, 0 here"),
        ("--keep_models=3", "keep_models=6 there, 3 here"),
        ("--retries=1", "retries=0 there, 1 here"),
    ],
)
def test_flags_that_differ_are_named(folder, started, flag, said):
    before = (folder / "search.json").read_bytes()
    for more in ((), ("--dry_run",)):
        with pytest.raises(UserError) as raised:
            search.main(parsed(f"--run_dir={folder}", flag, *more))
        assert f"{folder} holds another search: {said} (" in str(raised.value)
        # It adds values of fields, and rounds.
        assert ("--extend" in str(raised.value)) == (said.split("=")[0] in FIELDS)
    assert not started and (folder / "search.json").read_bytes() == before


def test_overwriting_starts_a_search_of_the_flags(folder, started):
    (folder / "notes").mkdir()
    (folder / "notes" / "mine.txt").touch()
    (folder / "trial_0009").mkdir()
    (folder / "trial_0010").symlink_to(folder / "notes")
    flags = ("--epochs=3", "--dataset=digits", "--overwrite")
    search.main(parsed(f"--run_dir={folder}", *flags))
    record = project.read(folder)
    assert record["config"]["epochs"] == 3 and record["keep_models"] == 3
    assert len(started) == 1
    # What no search made is no matter of this one.
    assert (folder / "notes" / "mine.txt").exists() and not [*folder.glob("trial_*")]


def test_a_new_folder_gets_the_defaults(tmp_path, started):
    search.main(parsed(f"--run_dir={tmp_path}/new", "--dataset=digits"))
    record = project.read(tmp_path / "new")
    assert project.grid(record) == Grid() and record["config"]["epochs"] == 150


def test_the_data_are_found_from_any_folder(npz, tmp_path, started, monkeypatch):
    monkeypatch.chdir(npz.parent)
    flags = ("--data_path=mnist.npz", "--num_pairs=20")
    search.main(parsed(f"--run_dir={tmp_path}/grid", *flags))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["search"])
    search.main(parsed(f"--run_dir={tmp_path}/grid"))
    assert started[-1][0][-1] == f"--data_path={npz}"


def test_lost_or_other_data_are_one_sentence(npz, tmp_path, started, monkeypatch):
    here = tmp_path / "here.npz"
    here.write_bytes(npz.read_bytes())
    folder = f"--run_dir={tmp_path}/grid"
    search.main(parsed(folder, f"--data_path={here}", "--num_pairs=20"))
    here.rename(tmp_path / "there.npz")
    with pytest.raises(UserError, match="images of the search.*here.npz.*give --data_path"):
        search.main(parsed(folder))
    arrays = dict(np.load(npz))
    arrays["x_train"][0, 0, 0] += 1
    np.savez(here, **arrays)
    for flags in ((), (f"--data_path={here}",), ("--dataset=digits",)):
        with pytest.raises(UserError, match="holds a search on other images: here"):
            search.main(parsed(folder, *flags))
    assert len(started) == 1
    search.main(parsed(folder, f"--data_path={tmp_path}/there.npz"))
    search.main(parsed(folder))
    assert len(started) == 3


def rewritten(folder, change):
    path = folder / "search.json"
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))
    return path.read_bytes()


def of_first_searches(found):
    for name in ("keep_models", "retries", "source", "preset"):
        del found[name]
    for name in space.ORDER:
        if name not in ("w_m", "epochs", "seed", "num_pairs"):
            found["config"].pop(name, None)


def of_before_presets(found):
    del found["preset"]


@pytest.mark.parametrize("change", [of_first_searches, of_before_presets])
def test_a_search_of_an_older_version_is_one_sentence(folder, started, change):
    before = rewritten(folder, change)
    said = f"{folder} holds a search of an older version .* use a new --run_dir"
    for more in ((), ("--epochs=2",), ("--dry_run",)):
        with pytest.raises(UserError, match=said):
            search.main(parsed(f"--run_dir={folder}", *more))
    with pytest.raises(UserError, match=said):
        population.load(folder)
    assert (folder / "search.json").read_bytes() == before and not started
    search.main(parsed(f"--run_dir={folder}", "--dataset=digits", "--overwrite"))
    assert project.read(folder)["preset"] == "paper"


def test_the_record_of_a_later_search_is_one_sentence(folder, started):
    rewritten(folder, lambda found: found["config"].update(colour="red"))
    with pytest.raises(UserError, match=r"another version of this program \(colour\)"):
        search.main(parsed(f"--run_dir={folder}"))


def test_a_lost_record_is_not_made_up(folder, started):
    record = project.read(folder)
    trial = folder / "trial_0000" / "trial.json"
    trial.parent.mkdir()
    values = {**project.settings(record)}
    trial.write_text(json.dumps({"hyperparameters": {"values": values}}))
    (folder / "search.json").write_text("{")
    with pytest.raises(UserError, match="damaged, and trial_0000 is of another.*epochs"):
        search.main(parsed(f"--run_dir={folder}", "--dataset=digits"))
    assert (folder / "search.json").read_text() == "{" and not started
    project.claim(folder, record)
    assert project.read(folder) == record


def test_a_worker_leaves_judging_to_the_chief(folder, monkeypatch):
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "8000")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker0")
    records = []
    monkeypatch.setattr(parts, "search", lambda values, record, *_: records.append(record))
    search.main(parsed(f"--run_dir={folder}"))
    search.main(parsed(f"--run_dir={folder}", "--epochs=3", "--dataset=digits"))
    assert [record["config"]["epochs"] for record in records] == [2, 3]
    assert records[0] == project.read(folder)


def test_what_killed_processes_left_is_removed(folder, started):
    left = [folder / ".tmp-17-results.csv", folder / "trial_0000" / ".tmp-18-model.keras"]
    left[1].parent.mkdir()
    for path in left:
        path.touch()
    left.append(folder / ".tmp-19-hparams")
    (left[-1] / "0000").mkdir(parents=True)
    # A report may be written at any time.
    drawn = folder / "report" / ".tmp-20-curves.png"
    drawn.parent.mkdir()
    drawn.touch()
    search.main(parsed(f"--run_dir={folder}"))
    assert not any(path.exists() for path in left) and len(started) == 1
    assert drawn.exists()


def test_images_are_loaded_by_what_the_record_says(digits):
    for where in ({"dataset": "digits", "data_path": None}, {}):
        source = project.source(where, digits)
        assert data.load_images(**source).digest == digits.digest
