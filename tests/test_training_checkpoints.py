"""Trainings that are stopped and go on."""

import contextlib
import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from keras_pairs import locks
from keras_pairs.data import npz_files
from keras_pairs.errors import UserError
from keras_pairs.training import checkpoints
from keras_pairs.training.fit import fit
from keras_pairs.training.run import train_run
from tests import networks, npz
from tests.helpers import command

# How often the training of `test_a_killed_training_ends_as_an_undisturbed_one` is killed.
KILLS = int(os.environ.get("KERAS_PAIRS_KILLS", "3"))


class Stop(keras.callbacks.Callback):
    """Ctrl-C after so many epochs."""

    def __init__(self, epochs):
        super().__init__()
        self.left, self.heard, self.logs = epochs, [], []

    def on_epoch_end(self, epoch, logs=None):
        self.heard.append(epoch)
        self.logs.append(logs)
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def assert_same(model, other):
    for mine, its in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(mine, its)


def test_keras_own_callbacks_hear_of_the_earlier_epochs(splits, tmp_path, each_epoch):
    """`CSVLogger` opens its file as it begins."""
    config, kept = networks.config(epochs=4), {"checkpoint": tmp_path / "checkpoint.npz"}
    with pytest.raises(KeyboardInterrupt):
        fit([config], splits, callbacks=[Stop(2)], **kept)
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    fit([config], splits, callbacks=[log], **kept)
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["epoch", "0", "1", "2", "3"]


@contextlib.contextmanager
def stopped_after_an_epoch(monkeypatch):
    """Ctrl-C in the block, when the first epoch has been saved."""
    real = checkpoints.Checkpoint.on_epoch_end

    def saved(self, epoch, logs=None):
        real(self, epoch, logs)
        raise KeyboardInterrupt

    with monkeypatch.context() as during, pytest.raises(KeyboardInterrupt):
        during.setattr(checkpoints.Checkpoint, "on_epoch_end", saved)
        yield during


@pytest.fixture
def each_epoch(monkeypatch):
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0)


@pytest.mark.parametrize(
    ("changes", "stops"),
    [
        ({"new_pairs": True, "augmentation": True, "one_cycle": True}, (2,)),
        # In the teachers' training, and in the own.
        ({"teachers": 2, "weight_sharing": True, "derived_comparison": True}, (2, 5)),
    ],
)
def test_a_stopped_training_ends_as_an_undisturbed_one(
    changes, stops, splits, tmp_path, each_epoch
):
    config = networks.config(epochs=3, **changes)
    path, every = tmp_path / "checkpoint.npz", {"validate_every": 2}
    undisturbed = Stop(100)
    expected = fit([config], splits, callbacks=[undisturbed], **every)
    for epochs in stops:
        with pytest.raises(KeyboardInterrupt):
            fit([config], splits, callbacks=[Stop(epochs)], checkpoint=path, **every)
    listener = Stop(100)
    trained = fit([config], splits, callbacks=[listener], checkpoint=path, **every)
    assert listener.heard == [0, 1, 2] * len(config.stages())
    for name, values in expected.history.items():
        np.testing.assert_array_equal(trained.history[name], values)
    for mine, other in zip(
        trained.member(0).weights, expected.member(0).weights, strict=True
    ):
        np.testing.assert_array_equal(mine, other)
    # Nobody hears of a validation that there was not.
    assert [len(logs) for logs in listener.logs] == [len(logs) for logs in undisturbed.logs]
    # A training that is done is not done again.
    begun = os.stat(path).st_mtime_ns
    again = fit([config], splits, checkpoint=path, **every)
    np.testing.assert_array_equal(again.history["loss"], expected.history["loss"])
    assert os.stat(path).st_mtime_ns == begun


def test_a_checkpoint_that_is_damaged_or_of_another_network_is_refused(
    splits, tmp_path, each_epoch
):
    config, path = networks.config(), tmp_path / "checkpoint.npz"
    fit([config], splits, checkpoint=path)
    whole = path.read_bytes()
    directory = whole.index(b"PK\x01\x02")
    # Of the archive's first member: that it is encrypted, and packed in a way unknown.
    flagged = (
        whole[: directory + at] + bytes([value]) + whole[directory + at + 1 :]
        for at, value in ((8, 1), (10, 99))
    )
    for content in (whole[: len(whole) // 2], b"", b"\0" * 1000, whole[:-300], *flagged):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"checkpoint\.npz: damaged; remove it"):
            fit([config], splits, checkpoint=path)
    path.write_bytes(whole)
    with pytest.raises(UserError, match="damaged"):
        fit([dataclasses.replace(config, nb_f=5)], splits, checkpoint=path)


def test_a_checkpoint_of_a_stranger_runs_nothing(splits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bombs = np.array([npz.Bomb()] * 2, object)
    np.savez("checkpoint.npz", **{"variable/0": bombs, "logs/loss": bombs})
    with pytest.raises(UserError, match=r"checkpoint\.npz: damaged; remove it"):
        fit([networks.config()], splits, checkpoint=tmp_path / "checkpoint.npz")
    assert not (tmp_path / "exploded").exists()


def test_a_run_folder_belongs_to_one_training(digits, tmp_path, each_epoch, monkeypatch):
    config = networks.config()
    paths = {"run_dir": tmp_path / "run", "export_dir": tmp_path / "saved"}
    with stopped_after_an_epoch(monkeypatch):
        train_run(config, digits, **paths)
    assert (tmp_path / "run" / "checkpoint.npz").exists()
    with pytest.raises(UserError, match=r"another training \(lr=0.005 there, 0.1 here\)"):
        train_run(dataclasses.replace(config, lr=0.1), digits, **paths)
    other = json.loads((tmp_path / "run" / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps(other | {"commit": "f00"}))
    with pytest.raises(UserError, match="begun with other code or packages"):
        train_run(config, digits, **paths)
    (tmp_path / "run" / "config.json").write_text(json.dumps(other))
    with pytest.raises(UserError, match=r"another .*\(validate_every=1 there, 2 here\)"):
        train_run(config, digits, **paths, validate_every=2)
    run = train_run(config, digits, **paths)
    apart = {"run_dir": tmp_path / "apart", "export_dir": tmp_path / "apart_saved"}
    assert run.metrics == train_run(config, digits, **apart).metrics
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {path.name for path in (tmp_path / "apart").iterdir()}
    with pytest.raises(UserError, match="holds a finished training; use a new --run_dir"):
        train_run(config, digits, **paths)


def test_it_goes_on_from_another_folder(digits, tmp_path, each_epoch, monkeypatch):
    arrays = {name: getattr(digits, name) for name in npz_files.KEYS}
    np.savez(tmp_path / "mine.npz", **arrays)
    config = networks.config(dataset="auto", data_path="mine.npz")
    with stopped_after_an_epoch(monkeypatch) as during:
        during.chdir(tmp_path)
        train_run(config, run_dir="run", export_dir="saved")
    (tmp_path / "elsewhere").mkdir()
    flags = ("--run_dir=../run", "--verbosity=0")
    done = command("train", *flags, cwd=tmp_path / "elsewhere")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    # What others see tells nothing of this machine's folders.
    shown = (tmp_path / "run" / "metrics.json").read_text()
    assert json.loads(shown)["config"]["data_path"] == "mine.npz"
    assert str(tmp_path) not in shown and (tmp_path / "saved" / "1").is_dir()


def test_a_run_folder_holds_one_training_at_a_time(digits, tmp_path):
    (tmp_path / "run").mkdir()
    paths = {"run_dir": tmp_path / "run", "export_dir": tmp_path / "saved"}
    with locks.only_one(tmp_path / "run", "training"):
        with pytest.raises(UserError, match="another training is running in .*run"):
            train_run(networks.config(), digits, **paths)
    assert {path.name for path in (tmp_path / "run").iterdir()} <= {"lock"}
    assert not (tmp_path / "saved").exists()


@pytest.mark.slow
def test_a_killed_training_ends_as_an_undisturbed_one(tmp_path):
    preset = ("--preset=best", "--nb_f=8", "--epochs=60", "--num_pairs=200")
    rest = ("--dataset=digits", "--seed=2", "--verbosity=0", "--validate_every=7")
    train = [sys.executable, "-m", "keras_pairs.train"]

    def start(name):
        run_dir = f"--run_dir={tmp_path}/{name}"
        to = f"--export_dir={tmp_path}/{name}_saved"
        # What has begun goes on with its folder alone.
        begun = (tmp_path / name / "config.json").exists()
        flags = () if begun else (*preset, *rest, to)
        return subprocess.Popen([*train, *flags, run_dir], stdout=subprocess.DEVNULL)

    begun, process, saved = time.monotonic(), start("calm"), None
    while process.poll() is None:
        if saved is None and (tmp_path / "calm" / "checkpoint.npz").exists():
            saved = time.monotonic() - begun
        time.sleep(0.01)
    assert process.returncode == 0 and saved
    left = time.monotonic() - begun - saved
    # Written last. A kill may come after it, while Python ends.
    finished = tmp_path / "harried" / "metrics.json"
    checkpoint, found = finished.with_name("checkpoint.npz"), set()
    chance, kills = random.Random(0), 0
    # While it starts, or so soon after its first epochs that it is killed again.
    while kills < KILLS and not (kills and finished.exists()):
        if finished.exists():
            # The machine has less to do than when it was timed: no kill came in time.
            saved, left = saved / 2, left / 2
            for path in tmp_path.glob("harried*"):
                shutil.rmtree(path)
        process = start("harried")
        try:
            moment = chance.uniform(saved / 2, saved + left / KILLS)
            assert process.wait(moment) == 0
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        if checkpoint.exists():
            found.add(checkpoint.stat().st_mtime_ns)
    assert kills
    if not finished.exists():
        assert start("harried").wait() == 0
    for name in ("metrics.json", "history.csv"):
        calm, harried = (
            (tmp_path / run / name).read_bytes() for run in ("calm", "harried")
        )
        assert calm == harried, name
    models = [
        keras.models.load_model(tmp_path / run / "model.keras")
        for run in ("calm", "harried")
    ]
    for mine, other in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_array_equal(mine, other)
    # Where it was told to publish.
    assert list((tmp_path / "harried_saved").glob("[0-9]*"))
    print(f"{kills} kills, {len(found)} of them after a new checkpoint")
