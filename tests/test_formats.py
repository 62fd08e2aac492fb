"""Files for other runtimes, each asked in its own."""

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
from keras_pairs.serving import comparer, formats, publishing
from tests import networks
from tests.helpers import BOX, OUTPUTS, ROOT, assert_one_line, call
from tests.runtimes import ASK, PACKAGES, ask_keras, assert_answers, file, need

EXAMPLE = ROOT / "docs" / "examples" / "onnx_numpy.py"


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
    flags = (f"--model={tmp_path}", "--format=onnx", "--output=a.onnx")
    done = call("export", *flags, cwd=tmp_path)
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
