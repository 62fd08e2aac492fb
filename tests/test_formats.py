"""`export --format=…`: files for other runtimes, each asked in its own."""

import os
import signal
import subprocess
import sys
import types
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_pairs import data
from keras_pairs.errors import UserError
from keras_pairs.networks.build import build_model
from keras_pairs.serving import box, comparer, formats, publishing
from tests import networks
from tests.helpers import BOX, OUTPUTS, ROOT, assert_one_line, call, command

PACKAGES = {"onnx": ("tf2onnx", "onnxruntime"), "litert": ("ai_edge_litert",), "keras": ()}
EXAMPLE = ROOT / "docs" / "examples" / "onnx_numpy.py"


def need(name):
    for package in PACKAGES[name]:
        pytest.importorskip(package)


def file(folder, name):
    return folder / f"pairs{formats.FORMATS[name].suffix}"


def ask_onnx(path, pairs):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    assert (entry.name, entry.shape, entry.type) == (
        *("pair", ["batch", 2, 14, 14]),
        "tensor(float)",
    )
    outputs = {x.name: x.shape for x in session.get_outputs()}
    units = {"comparison": 1, "first_digit": 10, "second_digit": 10}
    assert outputs == {name: ["batch", units[name]] for name in OUTPUTS}
    return dict(zip(outputs, session.run(None, {"pair": pairs}), strict=True))


def ask_litert(path, pairs):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    (entry,) = interpreter.get_input_details()
    assert entry["shape_signature"].tolist() == [-1, 2, 14, 14]
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["pair"], "outputs": list(OUTPUTS)}
    }
    return interpreter.get_signature_runner("serving_default")(pair=pairs)


def ask_keras(path, pairs):
    answers = keras.models.load_model(path)(pairs, training=False)
    return {name: np.asarray(values) for name, values in answers.items()}


ASK = {"onnx": ask_onnx, "litert": ask_litert, "keras": ask_keras}


def assert_answers(found, expected):
    assert set(found) == set(expected) == set(OUTPUTS)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-5, rtol=0)


def test_every_format_is_asked_here():
    assert set(ASK) == set(PACKAGES) == set(formats.FORMATS)


@pytest.mark.parametrize("name", formats.FORMATS)
def test_a_file_answers_as_the_network_does(name, network, answers, tmp_path):
    need(name)
    requests, expected = answers
    path, (_, pairs) = file(tmp_path, name), requests["serving_default"]
    assert formats.write(network, path, name)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    for count in (len(pairs), 1):
        some = {output: values[:count] for output, values in expected.items()}
        assert_answers(ASK[name](path, pairs[:count]), some)


@pytest.mark.slow
@pytest.mark.parametrize("kind", networks.KINDS, ids=networks.name)
@pytest.mark.parametrize("name", formats.FORMATS)
def test_every_network_can_be_written(name, kind, tmp_path):
    need(name)
    model, pairs = build_model(networks.config(kind)), networks.some_pairs(5)
    assert formats.write(model, file(tmp_path, name), name)
    expected = {k: np.asarray(x) for k, x in model(pairs, training=False).items()}
    assert_answers(ASK[name](file(tmp_path, name), pairs), expected)


@pytest.mark.parametrize("name", ["onnx", "litert"])
def test_a_file_refuses_no_pixels(name, network, tmp_path):
    """As the page says: that is the SavedModel's."""
    need(name)
    formats.write(network, file(tmp_path, name), name)
    pairs = np.full((1, 2, 14, 14), -1, "float32")
    assert np.isfinite(ASK[name](file(tmp_path, name), pairs)["comparison"]).all()


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


def test_the_model_in_the_box_can_be_exported_or_says_why(tmp_path):
    done = call("export", "--format=keras", "--output=a.keras", cwd=tmp_path)
    if (BOX / "model.keras").is_file():
        assert done.returncode == 0 and (tmp_path / "a.keras").is_file()
    else:
        assert_one_line(done, 1, "and so does a version that no older keras_pairs")
        assert not list(tmp_path.iterdir())


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


def replaced(monkeypatch, name="keras", **changes):
    row = formats.dataclasses.replace(formats.FORMATS[name], **changes)
    monkeypatch.setitem(formats.FORMATS, name, row)


def other_weights(model, path):
    other = keras.models.clone_model(model)
    other.get_layer("comparison_logits").bias.assign([3.0])
    other.save(path)


def only_half(model, path):
    path.write_bytes(b"half")
    raise KeyboardInterrupt


def full_disk(model, path):
    path.write_bytes(b"half")
    raise OSError(28, "No space left on device")


def cannot(model, path):
    print("much noise", file=sys.stderr)
    raise KeyError("no such operation\nand more")


@pytest.mark.parametrize(
    ("write", "error", "message"),
    [
        (other_weights, UserError, "of 4 pairs at once: comparison differs from the Keras"),
        (only_half, KeyboardInterrupt, None),
        (full_disk, OSError, "No space left"),
        (cannot, UserError, "cannot be written as keras: 'no such operation"),
        (lambda model, path: path.write_bytes(b"no zip"), UserError, "not a Keras model"),
    ],
)
@pytest.mark.parametrize("before", [None, b"what was there"])
def test_what_is_not_right_is_not_written(
    network, tmp_path, monkeypatch, write, error, message, before
):
    path = tmp_path / "a.keras"
    if before:
        path.write_bytes(before)
    replaced(monkeypatch, write=write)
    with pytest.raises(error, match=message):
        formats.write(network, path, "keras")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([before] if before else [])


RIGHT = formats.FORMATS["keras"].answer


def of_four_only(content, pairs):
    if len(pairs) != 4:
        raise ValueError("a batch of 4, please")
    return RIGHT(content, pairs)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda content, pairs: {"comparison": pairs}, "does not answer first_digit, sec"),
        (of_four_only, "of 1 pairs at once fails: a batch of 4, please"),
        (lambda content, pairs: RIGHT(content, pairs[:2]), "differs .* by inf"),
    ],
)
def test_a_runtime_that_answers_otherwise_is_told(
    network, tmp_path, monkeypatch, answer, message
):
    replaced(monkeypatch, answer=answer)
    with pytest.raises(UserError, match=message):
        formats.write(network, tmp_path / "a.keras", "keras")
    assert not list(tmp_path.iterdir())


def test_what_is_of_a_version_answers_as_its_savedmodel(published, tmp_path):
    other = build_model(networks.config(nb_f=1))
    with pytest.raises(UserError, match="differs from the SavedModel's"):
        formats.write(other, tmp_path / "a.keras", "keras", published)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_killed_export_leaves_what_was_there(network, tmp_path):
    network.save(tmp_path / "model.keras")
    (tmp_path / "a.onnx").write_text("what was there")
    code = """
import os, signal
from keras_pairs import export
from keras_pairs.serving import formats
def die(model, path):
    path.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
row = formats.dataclasses.replace(formats.FORMATS["onnx"], write=die, writer=None)
formats.FORMATS["onnx"] = row
export.run()
"""
    flags = ("--model=model.keras", "--format=onnx", "--output=a.onnx")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *flags], cwd=tmp_path, env=environment
    )
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "a.onnx").read_text() == "what was there"
    (left,) = (p for p in tmp_path.iterdir() if p.name.startswith(".tmp-"))
    assert left.read_text() == "half"


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


def test_a_version_holds_the_network_in_plain_keras(published, answers):
    requests, expected = answers
    pairs = requests["serving_default"][1]
    assert_answers(ask_keras(published / "model.keras", pairs), expected)
    with zipfile.ZipFile(published / "model.keras") as archive:
        assert "keras_pairs" not in archive.read("config.json").decode()
    model = comparer.load(published).keras_model
    assert model is not None and model.name == "digit_pairs"
    lines = []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    assert "conv_6" in "".join(lines)


def test_it_can_be_trained_further_and_published_again(published, digits, tmp_path):
    model = comparer.load(published).keras_model
    train = data.sample_pairs(digits, 60, seed=3).train
    losses = dict.fromkeys(OUTPUTS[1:], "sparse_categorical_crossentropy")
    model.compile("adam", losses | {"comparison": "binary_crossentropy"})
    before = np.asarray(model.get_layer("conv_1").kernel).copy()
    model.fit(train.images, train.targets, verbose=0)
    assert not np.allclose(before, model.get_layer("conv_1").kernel)
    version = publishing.publish(model, tmp_path / "finer")
    answer = tf.saved_model.load(str(version)).signatures["serving_default"]
    expected = model(train.images[:3], training=False)
    for name, values in answer(pair=tf.constant(train.images[:3])).items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5)


def test_a_version_without_one_says_so(published, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes((published / "saved_model.pb").read_bytes())
    done = call("export", f"--model={tmp_path}", *ONNX, cwd=tmp_path)
    assert_one_line(done, 1, "model.keras: no such file (a run folder holds model.keras")
    model = types.SimpleNamespace(path=tmp_path)
    with pytest.raises(UserError, match="a version that no older keras_pairs published"):
        comparer.Comparer.keras_model.func(model)


def test_a_version_with_a_wrong_one_is_not_published(network, tmp_path, monkeypatch):
    replaced(monkeypatch, write=other_weights)
    with pytest.raises(UserError, match="comparison differs"):
        publishing.publish(network, tmp_path)
    assert not list(tmp_path.glob("[0-9]*"))


@pytest.mark.slow
@pytest.mark.parametrize("which", ["box", "published"])
def test_openvino_reads_a_version_as_it_is(which, published, answers):
    openvino = pytest.importorskip("openvino")
    folder = BOX if which == "box" else published
    pairs = answers[0]["serving_default"][1]
    # Some processors would take bfloat16.
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(str(folder), "CPU", hint)
    assert [entry.get_any_name() for entry in model.inputs] == ["pair"]
    found = {output.get_any_name(): x for output, x in model({"pair": pairs}).items()}
    answer = tf.saved_model.load(str(folder)).signatures["serving_default"]
    expected = {k: x.numpy() for k, x in answer(pair=tf.constant(pairs)).items()}
    assert_answers(found, expected)
    assert np.isfinite(model({"pair": -pairs})["comparison"]).all(), "refuses nothing"


def test_the_example_in_numpy_needs_no_tensorflow(network, digits, tmp_path):
    need("onnx")
    formats.write(network, tmp_path / "pairs.onnx", "onnx")
    np.savez(tmp_path / "images.npz", x_test=digits.x_test)
    code = """
import runpy, sys
runpy.run_path(sys.argv.pop(1), run_name="__main__")
assert not {"tensorflow", "keras", "keras_pairs"} & set(sys.modules)
"""
    arguments = [sys.executable, "-c", code, EXAMPLE, "pairs.onnx", "images.npz"]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pairs = data.pool(digits.x_test[:8]).reshape(4, 2, 14, 14)
    found = {k: np.asarray(x) for k, x in network(pairs, training=False).items()}
    assert done.stdout.splitlines() == [
        f"{first} <= {second}: {yes:.3f}"
        for first, second, (yes,) in zip(
            found["first_digit"].argmax(-1),
            found["second_digit"].argmax(-1),
            found["comparison"],
            strict=True,
        )
    ]


def test_the_example_in_numpy_is_short():
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    code = lines[lines.index("import sys") :]
    assert len([line for line in code if line]) <= 20 and max(map(len, lines)) <= 92
