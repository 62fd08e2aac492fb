"""Exported files asked in their own runtimes, where these are installed."""

import keras
import numpy as np
import pytest

from keras_pairs.serving import formats
from tests.helpers import OUTPUTS

PACKAGES = {"onnx": ("tf2onnx", "onnxruntime"), "litert": ("ai_edge_litert",), "keras": ()}


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
