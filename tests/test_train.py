"""`train` as a process, and `score` on what it leaves."""

import csv
import json
import signal
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_pairs.config import PRESETS
from keras_pairs.serving.versions import numbers
from tests.helpers import call, command, start

slow = pytest.mark.slow
SMALL = ("--nb_f=4", "--epochs=2", "--num_pairs=60", "--seed=3", "--verbosity=0")


@pytest.fixture(scope="module", params=["best", pytest.param("paper", marks=slow)])
def trained(request, tmp_path_factory):
    """A finished `train` of a preset: its folder with run/ and saved/, flags, output.

    The paper's on the embedded digits, the best on data with a large test part.
    """
    folder = tmp_path_factory.mktemp(request.param)
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (700, 28, 28), "uint8"), rng.integers(0, 10, 700, "uint8")
    parts = {"x_train": x[:300], "y_train": y[:300], "x_test": x[300:], "y_test": y[300:]}
    np.savez(folder / "mnist.npz", **parts)
    best = ("--preset=best", f"--data_path={folder}/mnist.npz")
    flags = (*SMALL, *(best if request.param == "best" else ("--dataset=digits",)))
    paths = (f"--run_dir={folder}/run", f"--export_dir={folder}/saved")
    done = command("train", *flags, *paths)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return folder, flags, done


def test_train_fills_the_run_folder(trained):
    folder, flags, done = trained
    names = {path.name for path in (folder / "run").iterdir()}
    assert names == {
        "config.json",
        "metrics.json",
        "history.csv",
        "history.png",
        "model.keras",
        "lock",
    }
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    best = "--preset=best" in flags
    assert metrics["config"]["nb_f"] == 4 and metrics["config"]["weight_sharing"] == best
    assert metrics["config"]["lr"] == (PRESETS["best"]["lr"] if best else 0.005)
    assert metrics["config"]["seed"] == 3
    assert best or metrics["dataset"]["name"] == "digits"
    assert {"versions", "commit"} <= set(metrics)
    for name, accuracy in metrics["test_accuracy"].items():
        assert f"{name} {100 * accuracy:.1f} %" in done.stdout
    with open(folder / "run" / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["val_loss"]) > 0


@pytest.mark.parametrize("trained", ["best"], indirect=True)
def test_a_preset_is_trained_published_and_inspected(trained, tmp_path):
    folder, _, _ = trained
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    assert metrics["preset"] == "best"
    stated = metrics["test_accuracy_of_all"]
    assert stated["pairs"] == 200
    flags = (f"--data_path={folder}/mnist.npz", f"--run_dir={tmp_path}/seen")
    done = call("score", f"--model={folder}/saved", *flags)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    found = json.loads((tmp_path / "seen" / "results.json").read_text())
    assert found["seed"] == 3 and found["pairs"] == 200
    for name, share in found["accuracy"].items():
        assert share == pytest.approx(stated[name], abs=0.011)
    right = 200 - found["mistakes"]
    assert found["accuracy"]["comparison"] == pytest.approx(right / 200)
    assert f"{found['mistakes']} mistakes" in done.stdout
    for name in ("gallery.png", "mistakes.png", "calibration.png"):
        assert (tmp_path / "seen" / name).stat().st_size > 10000
    card = (folder / "saved" / "1" / "model_card.md").read_text()
    assert "- pairs: 200" in card and "- weight_sharing: True" in card


def test_exported_model_answers_as_the_keras_model(trained):
    folder, _, _ = trained
    model = keras.models.load_model(folder / "run" / "model.keras")
    served = tf.saved_model.load(folder / "saved" / "1").signatures["serving_default"]
    pair = np.random.default_rng(0).uniform(0, 255, (5, 2, 14, 14)).astype("float32")
    answers = served(pair=tf.constant(pair))
    assert set(answers) == {"comparison", "first_digit", "second_digit"}
    for name, values in model(pair).items():
        np.testing.assert_allclose(answers[name], values, atol=1e-5)
    with pytest.raises((ValueError, TypeError, tf.errors.InvalidArgumentError)):
        served(pair=tf.zeros((5, 2, 28, 28)))


@slow
def test_same_seed_same_numbers(trained, tmp_path):
    folder, flags, _ = trained
    paths = (f"--run_dir={tmp_path}/run", f"--export_dir={tmp_path}/saved")
    assert command("train", *flags, *paths).returncode == 0
    first = (folder / "run" / "metrics.json").read_text()
    assert (tmp_path / "run" / "metrics.json").read_text() == first
    paths = (f"--run_dir={tmp_path}/other", paths[1])
    assert command("train", *flags, *paths, "--seed=4").returncode == 0
    other = json.loads((tmp_path / "other" / "metrics.json").read_text())
    assert other["last_epoch"]["loss"] != json.loads(first)["last_epoch"]["loss"]
    assert numbers(tmp_path / "saved") == [1, 2]


@slow
def test_full_disk_is_one_line(tmp_path):
    def limit():
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    flags = (
        *SMALL,
        "--dataset=digits",
        f"--run_dir={tmp_path}/run",
        f"--export_dir={tmp_path}/saved",
    )
    done = command("train", *flags, preexec_fn=limit)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: "), done.stderr
    assert "Traceback" not in done.stderr
    assert not numbers(tmp_path / "saved")
    assert not [path for path in (tmp_path / "run").iterdir() if ".tmp" in path.name]


@slow
def test_interrupt_ends_cleanly(tmp_path):
    process = start(
        *("train", "--nb_f=4", "--epochs=100000", "--dataset=digits"),
        *(f"--run_dir={tmp_path}/run", f"--export_dir={tmp_path}/saved"),
        # A background job of a shell, as some CI is, ignores Ctrl-C and so would its child.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not (tmp_path / "run" / "config.json").exists():
        assert process.poll() is None
        time.sleep(0.1)
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.strip() == "error: interrupted"
