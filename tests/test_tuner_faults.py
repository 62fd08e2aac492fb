"""What a search does where disk, memory, folder or a training fail it."""

import contextlib
import errno

import numpy as np
import pytest
import tensorflow as tf

from keras_pairs import files
from keras_pairs.errors import UserError
from keras_pairs.training import fit
from tests.search_processes import SMALL, start, wait_for
from tests.searches import AXES, BASE, FakeTrained, describe, run
from tuner import curves, project
from tuner.population import load
from tuner.space import Grid


def full_disk(monkeypatch, name):
    """No room for files of that name. Returns the paths that were asked for."""
    real, asked = files.atomic_write, []

    @contextlib.contextmanager
    def failing(path):
        with real(path) as temporary:
            yield temporary
            if path.name == name:
                asked.append(path)
                raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "atomic_write", failing)
    return asked


@pytest.mark.parametrize(
    "name", ["history.csv", "model.keras", "metrics.json", "trial.json"]
)
def test_a_full_disk_ends_a_search_that_then_goes_on(
    digits, tmp_path, monkeypatch, no_training, name
):
    folder = tmp_path / "grid"
    with monkeypatch.context() as full:
        asked = full_disk(full, name)
        with pytest.raises((UserError, OSError), match="No space left") as raised:
            run(folder, digits, keep_models=2)
    assert str(asked[0]) in str(raised.value) and len(asked) == 1
    statuses = [files.read_json(p)["status"] for p in folder.glob("*/trial.json")]
    assert set(statuses) <= {"RUNNING"}
    assert not list(folder.rglob(f"{files.TEMPORARY}*"))
    _, rows = run(folder, digits, keep_models=2)
    assert [row["status"] for row in rows] == ["COMPLETED"] * 8


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError("for the maps"), "not enough memory"),
        (tf.errors.ResourceExhaustedError(None, None, "for the maps"), "not enough memory"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (RuntimeError("can't start new thread"), "no other thread"),
    ],
)
def test_too_little_memory_is_no_result(digits, tmp_path, monkeypatch, error, said):
    def lacking(*_, **__):
        raise error

    monkeypatch.setattr(fit, "fit", lacking)
    with pytest.raises(UserError, match=f"^{said}.*batch_size=20"):
        run(tmp_path / "grid", digits)
    assert load(tmp_path / "grid").oracle.count_ended() == 0


def test_a_vanished_folder_does_not_grow_anew(digits, tmp_path, monkeypatch):
    folder = tmp_path / "grid"

    def fake(configs, *_, **__):
        folder.rename(tmp_path / "elsewhere")
        return FakeTrained(configs)

    monkeypatch.setattr(fit, "fit", fake)
    with pytest.raises(UserError, match=f"{folder}.*No such file or directory"):
        run(folder, digits)
    assert not folder.exists()


def test_who_starts_at_the_same_time_is_nobody_else(digits, tmp_path):
    """Nor is what a chief writes whose folder vanished."""
    record = describe(digits)
    for name in (".tmp-17-writable", "lock", "progress.json"):
        (tmp_path / name).touch()
    project.claim(tmp_path, record)
    project.claim(tmp_path, record)
    assert project.read(tmp_path) == record
    (tmp_path / "search.json").unlink()
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(UserError, match="something else than a search"):
        project.claim(tmp_path, record)


@pytest.mark.slow
def test_diverging_points_fail_and_harm_nobody(digits, tmp_path):
    """Ten of 20 points; the others are those of a grid that diverges nowhere."""
    axes = AXES | {"w_a": (0.0, 0.2, 0.5, 1.0, 2.0)}
    _, same = run(tmp_path / "sane", digits, Grid(axes, BASE))
    grid = Grid(axes | {"lr": (0.01, 1e30)}, BASE)
    _, rows = run(tmp_path / "grid", digits, grid)
    assert {row["status"] for row in same} == {"COMPLETED"}
    for row, other in zip(rows, same, strict=True):
        assert row["status"] == ("FAILED" if row["lr"] == 1e30 else "COMPLETED")
        if row["status"] == "FAILED":
            assert "loss" in row["reason"] and "epoch" in row["reason"]
            assert row["val_comparison_accuracy"] is None
            curve = curves.read(tmp_path / "grid" / f"trial_{row['trial']}")
            assert len(curve["loss"]) == 2 and not np.isfinite(curve["loss"][-1])
        else:
            assert row | {"seconds": 0} == other | {"seconds": 0}
    selected = (tmp_path / "grid" / "results.md").read_text()
    assert "10 of 20 trials failed" in selected


def test_a_crash_costs_its_trials_only(digits, tmp_path, monkeypatch):
    real, calls = fit.fit, []

    def crashing(configs, *rest, **options):
        calls.append(configs[0].batch_size)
        if configs[0].batch_size == 20:
            raise RuntimeError("no luck with batch 20")
        return real(configs, *rest, **options)

    monkeypatch.setattr(fit, "fit", crashing)
    _, rows = run(tmp_path / "grid", digits, retries=1)
    assert calls == [20, 20, 30]
    assert [row["status"] for row in rows] == ["FAILED"] * 4 + ["COMPLETED"] * 4
    assert {row["reason"] for row in rows[:4]} == {"RuntimeError: no luck with batch 20"}


@pytest.mark.slow
def test_where_the_folder_goes_while_chief_and_workers_start_none_grows_anew(tmp_path):
    folder, away = tmp_path / "grid", tmp_path / "elsewhere"
    process = start(*SMALL, f"--run_dir={folder}", "--workers=2")
    wait_for((folder / project.RECORD).exists, process)
    folder.rename(away)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    (line,) = errors.splitlines()
    assert line.startswith("error: ") and "No such file or directory" in line
    assert not folder.exists()
    assert not list(away.glob("trial_*"))


def test_who_looks_at_a_search_whose_folder_has_gone_makes_none(
    tmp_path, digits, no_training
):
    folder = tmp_path / "grid"
    run(folder, digits)
    view = load(folder)
    folder.rename(tmp_path / "elsewhere")
    assert view.project_dir == str(folder) and view.oracle.file == folder / "oracle.json"
    with pytest.raises(FileNotFoundError):
        view.oracle.save()
    assert not folder.exists()
