"""The command lines, as processes."""

import csv
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_pairs.layers  # noqa: F401  (registers what model.keras names)
from keras_pairs import inspection, plots, publishing
from keras_pairs.evaluation import plan, summarize, welch_t
from keras_pairs.files import versions
from keras_pairs.model import build_model

ROOT = pathlib.Path(__file__).parent.parent
SMALL = ("--nb_f=4", "--epochs=2", "--dataset=digits", "--num_pairs=60", "--verbosity=0")


def command(module, *arguments, **options):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", f"keras_pairs.{module}", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        **options,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished `train`: its folder with run/ and saved/, and what it printed."""
    folder = tmp_path_factory.mktemp("train")
    flags = (*SMALL, "--seed=3", f"--run_dir={folder}/run", f"--export_dir={folder}/saved")
    done = command("train", *flags)
    assert done.returncode == 0, done.stderr
    return folder, flags, done


def test_train_fills_the_run_folder(trained):
    folder, _, done = trained
    names = {path.name for path in (folder / "run").iterdir()}
    assert names == {
        "config.json",
        "metrics.json",
        "history.csv",
        "history.png",
        "model.keras",
    }
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    assert metrics["config"]["nb_f"] == 4 and metrics["config"]["lr"] == 0.005
    assert metrics["config"]["seed"] == 3 and metrics["dataset"]["name"] == "digits"
    assert {"versions", "commit"} <= set(metrics)
    for name, accuracy in metrics["test_accuracy"].items():
        assert f"{name} {100 * accuracy:.1f} %" in done.stdout
    with open(folder / "run" / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["val_loss"]) > 0
    assert done.stderr == ""


@pytest.fixture(scope="module")
def best(tmp_path_factory):
    """The same with the preset `best`, on data with a large test part."""
    folder = tmp_path_factory.mktemp("best")
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (700, 28, 28), "uint8"), rng.integers(0, 10, 700, "uint8")
    parts = {"x_train": x[:300], "y_train": y[:300], "x_test": x[300:], "y_test": y[300:]}
    np.savez(folder / "mnist.npz", **parts)
    flags = ("--preset=best", "--nb_f=4", "--epochs=2", f"--data_path={folder}/mnist.npz")
    done = command(
        *("train", *flags, "--num_pairs=60", "--seed=3", "--verbosity=0"),
        *(f"--run_dir={folder}/run", f"--export_dir={folder}/saved"),
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return folder


def test_a_preset_is_trained_published_and_inspected(best, tmp_path):
    metrics = json.loads((best / "run" / "metrics.json").read_text())
    assert metrics["config"]["weight_sharing"] and metrics["config"]["nb_f"] == 4
    stated = metrics["test_accuracy_of_all"]
    assert stated["pairs"] == 200
    flags = (f"--data_path={best}/mnist.npz", f"--run_dir={tmp_path}/seen")
    done = command("evaluate", f"--model={best}/saved", *flags)
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
    card = (best / "saved" / "1" / "model_card.md").read_text()
    assert "- pairs: 200" in card and "- weight_sharing: True" in card


def test_a_model_that_learned_no_digits_shows_none(digits, tmp_path, monkeypatch):
    publishing.publish(build_model(1), tmp_path / "model", {"config": {"w_a": 0.0}})
    drawn = []
    monkeypatch.setattr(plots, "plot_pairs", lambda cells, *_: drawn.extend(cells))
    found = inspection.inspect(tmp_path / "model", digits, 0, tmp_path)
    assert set(found["accuracy"]) == {"comparison"}
    assert len(drawn) == inspection.SHOWN + found["mistakes"]
    assert {caption.split()[0] for _, caption, _ in drawn} <= {"≤", ">"}


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


def test_same_seed_same_numbers(trained, tmp_path):
    folder, flags, _ = trained
    paths = (f"--run_dir={tmp_path}/run", f"--export_dir={tmp_path}/saved")
    assert command("train", *flags, *paths).returncode == 0
    first = (folder / "run" / "metrics.json").read_text()
    assert (tmp_path / "run" / "metrics.json").read_text() == first
    assert command("train", *flags, *paths, "--seed=4").returncode == 0
    other = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert other["last_epoch"]["loss"] != json.loads(first)["last_epoch"]["loss"]
    assert versions(tmp_path / "saved") == [1, 2]


BAD = [
    ("train", "--nb_f=0", 2, "nb_f"),
    ("train", "--nb_f=many", 2, "nb_f"),
    ("train", "--lr=0", 2, "lr"),
    ("train", "--lr=nan", 2, "lr"),
    ("train", "--w_a=-1", 2, "w_a"),
    ("train", "--epochs=0", 2, "epochs"),
    ("train", "--seed=-1", 2, "seed"),
    ("train", "--dataset=cifar", 2, "dataset"),
    ("train", "--data_path=/no/such.npz", 2, "no such file"),
    ("train", f"--run_dir={__file__}", 2, "folder"),
    ("train", f"--export_dir={__file__}/x", 2, "folder"),
    ("train", "--nofilters=3", 2, "nofilters"),
    ("train", "stray", 2, "stray"),
    ("train", f"--data_path={__file__}", 1, "npz|pickled"),
    ("train", "--preset=worst", 2, "preset"),
    ("train", "--trunk=elephants", 2, "trunk"),
    ("train", "--label_smoothing=1", 2, "label_smoothing"),
    ("evaluate", "--model=/no/such", 2, "no such file"),
    ("evaluate", "--rounds=1", 2, "rounds"),
    ("evaluate", "--memory_limit=0", 2, "memory_limit"),
    ("evaluate", "--export_dir=x", 2, "export_dir"),
]


@pytest.mark.parametrize(("module", "argument", "code", "message"), BAD)
def test_bad_arguments_get_one_line(module, argument, code, message, tmp_path):
    done = command(module, argument, cwd=tmp_path, timeout=60)
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert any(part in line for part in message.split("|")), line
    assert done.stdout == "" and not list(tmp_path.iterdir())


def test_what_only_shows_later_gets_one_line(tmp_path):
    for module, flags in (
        ("train", ("--w_m=0", "--w_a=0")),
        ("evaluate", ("--table1", "--nb_f=8")),
        ("evaluate", ("--table1", "--preset=best")),
        ("evaluate", (f"--model={tmp_path}", "--epochs=3")),
        ("evaluate", (f"--model={tmp_path}", "--memory_limit=1")),
        ("train", ("--dataset=digits", f"--data_path={__file__}")),
        ("train", ("--dataset=digits", "--run_dir=/proc/nowhere")),
    ):
        done = command(module, *flags, cwd=tmp_path)
        assert done.returncode == 1 and done.stderr.startswith("error: "), done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("module", ["train", "evaluate"])
def test_help_needs_no_tensorflow(module):
    code = (
        "import sys, runpy\n"
        "sys.argv = ['x', '--help']\n"
        f"try: runpy.run_module('keras_pairs.{module}', run_name='__main__')\n"
        "except SystemExit as end: print(end.code, 'tensorflow' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "0 False", done.stderr
    assert "--nb_f" in done.stdout


def test_full_disk_is_one_line(tmp_path):
    def limit():
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    flags = (*SMALL, f"--run_dir={tmp_path}/run", f"--export_dir={tmp_path}/saved")
    done = command("train", *flags, preexec_fn=limit)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: "), done.stderr
    assert "Traceback" not in done.stderr
    assert not versions(tmp_path / "saved")
    assert not [path for path in (tmp_path / "run").iterdir() if ".tmp" in path.name]


def test_interrupt_ends_cleanly(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_pairs.train", "--nb_f=4", "--epochs=100000"]
        + [
            "--dataset=digits",
            f"--run_dir={tmp_path}/run",
            f"--export_dir={tmp_path}/saved",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
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


EVALUATE = (*SMALL, "--rounds=6", "--memory_limit=0.025")


def rows(folder):
    found = json.loads((folder / "results.json").read_text())["rows"]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in found]


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    done = command("evaluate", *EVALUATE, f"--run_dir={folder}")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert len(list((folder / "groups").iterdir())) > 2
    return folder, done


def test_evaluate_reports(evaluated):
    folder, done = evaluated
    (row,) = rows(folder)
    assert len(row["accuracies"]) == row["rounds"] == 6
    assert len(set(row["accuracies"])) > 1
    np.testing.assert_allclose(row["mean"], np.mean(row["accuracies"]))
    np.testing.assert_allclose(row["std"], np.std(row["accuracies"], ddof=1))
    assert (folder / "results.md").read_text() in done.stdout
    assert f"{row['mean']:.2f} ± {row['std']:.2f}" in done.stdout
    for name in ("results.png", "calibration.png"):
        assert (folder / name).stat().st_size > 10000
    assert json.loads((folder / "results.json").read_text())["versions"]


def test_killed_evaluation_goes_on(evaluated, tmp_path):
    undisturbed, _ = evaluated
    arguments = ["-m", "keras_pairs.evaluate", *EVALUATE, f"--run_dir={tmp_path}"]
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT)
    first = tmp_path / "groups" / "000-000.json"
    while not first.exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    written = first.stat().st_mtime_ns
    done = command("evaluate", *EVALUATE, f"--run_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert first.stat().st_mtime_ns == written
    assert rows(tmp_path) == rows(undisturbed)


def test_a_run_folder_is_not_mixed(evaluated):
    folder, _ = evaluated
    before = (folder / "results.json").read_text()
    done = command("evaluate", *EVALUATE, f"--run_dir={folder}", "--epochs=3")
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
    row = summarize(config, [{"rounds": [one], "seconds": 2} for one in found])
    assert row["mean"] == pytest.approx(85) and row["std"] == pytest.approx(7.0710678)
    assert row["mean_of_all"] == pytest.approx(90) and row["pairs_of_all"] == 4
    assert row["first_digit"] == pytest.approx(60) and row["welch_t"] is None
    assert row["calibration_error"] == pytest.approx(100 * (0.3 + 0.25) / 2)
    assert row["reliability"]["predicted"] == pytest.approx([0.2, 5.6])
    assert row["seconds"] == 4
