"""The command `export --format=… --output=…`: what it takes, and what it says."""

import keras
import pytest

from keras_pairs.serving import box, formats
from tests.helpers import assert_one_line, call, command
from tests.runtimes import PACKAGES, ask_onnx, assert_answers, file, need


@pytest.fixture
def folder(tmp_path, network, published):
    """A working folder with a run, and a folder of versions."""
    (tmp_path / "run").mkdir()
    network.save(tmp_path / "run" / "model.keras")
    (tmp_path / "models").symlink_to(published.parent)
    return tmp_path


@pytest.mark.parametrize("model", ["run", "run/model.keras", "models", "models/1"])
def test_export_takes_runs_and_published_models(folder, model, answers):
    need("onnx")
    flags = (f"--model={model}", "--format=onnx", "--output=a.onnx")
    done = call("export", *flags, cwd=folder)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert done.stdout == "onnx: a.onnx (checked in onnxruntime)\n"
    requests, expected = answers
    assert_answers(ask_onnx(folder / "a.onnx", requests["serving_default"][1]), expected)


@pytest.mark.parametrize("name", ["onnx", "litert"])
def test_export_is_quiet(folder, name):
    need(name)
    flags = ("--model=run", f"--format={name}", f"--output={file(folder, name)}")
    done = command("export", *flags, cwd=folder)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    told = f"{name}: {file(folder, name)} (checked in {PACKAGES[name][-1]})\n"
    assert done.stdout == told


def test_without_a_model_it_is_the_one_in_the_box(folder, published, monkeypatch):
    monkeypatch.setattr(box, "path", lambda: published)
    done = call("export", "--format=keras", "--output=a.keras", cwd=folder)
    assert done.returncode == 0 and (folder / "a.keras").is_file(), done.stderr
    # As a SavedModel it becomes a version of its own; the box stays as it is.
    done = call("export", cwd=folder)
    assert done.stdout.startswith("SavedModel: saved_models/1-custom"), done.stderr


def test_the_model_in_the_box_can_be_exported(tmp_path):
    done = call("export", "--format=keras", "--output=a.keras", cwd=tmp_path)
    assert done.returncode == 0 and (tmp_path / "a.keras").is_file(), done.stderr


ONNX = ("--format=onnx", "--output=a.onnx")
BAD = [
    (("--format=onnx",), 2, "--format=onnx needs --output, a file that ends in .onnx"),
    (
        ("--format=onnx", "--output=a.tflite"),
        2,
        "needs --output, a file that ends in .onnx",
    ),
    (("--format=litert", "--output=a.onnx"), 2, "a file that ends in .tflite"),
    (("--output=a.onnx",), 2, "--output does not go with --format=saved_model"),
    ((*ONNX, "--export_dir=x"), 2, "--export_dir does not go with --format=onnx"),
    ((*ONNX, "--keep=2"), 2, "--keep does not go with --format=onnx"),
    (("--format=onnx", "--output=none/a.onnx"), 2, "in an existing folder"),
    (("--format=onnx", "--output="), 2, "a file, existing or new"),
    (("--format=onnx", "--output=run"), 2, "a file, existing or new"),
    (("--format=tensorrt",), 2, "saved_model, onnx, litert, keras"),
    ((*ONNX, "--model=none"), 2, "an existing file or folder"),
    ((*ONNX, "--model=text"), 1, "text: not a Keras model"),
    ((*ONNX, "--model=empty"), 1, "empty/model.keras: no such file"),
    ((*ONNX, "--model=other.keras"), 1, "not a model of pairs of digits"),
    ((*ONNX, "stray"), 2, "stray"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), BAD, ids=lambda x: str(x)[:60])
def test_bad_command_lines_get_one_line(folder, arguments, code, message):
    need("onnx")
    (folder / "text").write_text("text")
    (folder / "empty").mkdir()
    x = keras.Input((3,))
    keras.Model(x, keras.layers.Dense(2)(x)).save(folder / "other.keras")
    before = set(folder.rglob("*"))
    assert_one_line(call("export", *arguments, cwd=folder), code, message)
    assert set(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("missing", "code", "told"),
    [
        ("tf2onnx", 1, "onnx needs tf2onnx: pip install tf2onnx onnxruntime"),
        ("onnxruntime", 0, "a.onnx (written, not checked: pip install onnxruntime)"),
    ],
)
def test_what_is_not_installed_is_told(folder, monkeypatch, missing, code, told):
    need("onnx")
    installed = formats._installed
    monkeypatch.setattr(formats, "_installed", lambda x: x != missing and installed(x))
    done = call("export", "--model=run", *ONNX, cwd=folder)
    assert done.returncode == code
    if code:
        assert_one_line(done, code, told)
    assert told in done.stdout + done.stderr
    assert (folder / "a.onnx").exists() == (code == 0)
