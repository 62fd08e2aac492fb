"""TF-Serving's dialect as functions: addresses, bodies, answers; without TensorFlow."""

import base64
import json

import numpy as np
import pytest

from keras_pairs.server import limits, rest
from keras_pairs.server.json_tensors import Spec
from keras_pairs.server.refusals import Refusal, quoted


def signature(name="serving_default", outputs=(), **inputs):
    """A `Signature`; an input is (dtype, shape)."""
    specs = {key: Spec(key, *value) for key, value in inputs.items()}
    return rest.Signature(name, specs, {s.name: s for s in outputs})


PAIR = ("float32", (None, 2))
ONE = {"serving_default": signature(pair=PAIR)}
TWO = {"serving_default": signature(pair=PAIR, tag=("string", (None,)))}


def decoded(body, signatures=ONE):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return rest.decode(body, signatures)


def refused(call, *arguments):
    with pytest.raises(Refusal) as error:
        call(*arguments)
    return error.value.status, error.value.message


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/models/m", ("m", None, None, "status")),
        ("GET", "/v1/models/m/versions/12", ("m", 12, None, "status")),
        ("GET", "/v1/models/m/metadata", ("m", None, None, "metadata")),
        ("GET", "/v1/models/m/versions/3/metadata", ("m", 3, None, "metadata")),
        ("GET", "/v1/models/m/labels/stable", ("m", None, "stable", "status")),
        ("POST", "/v1/models/m:predict", ("m", None, None, "predict")),
        ("POST", "/v1/models/m/versions/1:classify", ("m", 1, None, "classify")),
        ("POST", "/v1/models/m/labels/a%20b:regress", ("m", None, "a b", "regress")),
        ("POST", "/V1/Models/m:Predict", ("m", None, None, "predict")),
        ("GET", "/v1/models/%E6%95%B0-paper", ("数-paper", None, None, "status")),
    ],
)
def test_an_address(method, path, expected):
    assert rest.parse(method, path) == rest.Address(*expected)


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/v1/models", 400, "Missing model name"),
        ("GET", "/v1/models/m/version/1", 400, "Malformed request: GET /v1/models/m/ver"),
        ("GET", "/v1/models/m/versions/one", 400, "Malformed request"),
        ("GET", "/v1/models/m/versions/1/labels/x", 400, "Malformed request"),
        ("POST", "/v1/models/m:explain", 400, "Malformed request"),
        ("POST", "/v1/models/m:predict/", 400, "Malformed request"),
        ("GET", f"/v1/models/m/versions/{2**63}", 400, "Failed to convert version"),
        ("GET", f"/v1/models/m/versions/{'9' * 5000}", 400, "Failed to convert version"),
        ("GET", "/v1/models/m:predict", 405, "Malformed request: GET"),
        ("POST", "/v1/models/m", 405, "Malformed request: POST"),
        ("DELETE", "/v1/models/m/metadata", 405, "Malformed request: DELETE"),
    ],
)
def test_an_address_that_is_none(method, path, status, message):
    found, text = refused(rest.parse, method, path)
    assert found == status and text.startswith(message)
    assert len(text) < 250


def test_a_wrong_method_is_told_the_right_one():
    with pytest.raises(Refusal) as error:
        rest.parse("GET", "/v1/models/m:predict")
    assert error.value.headers == {"Allow": "POST"}


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [{"pair": [1, 2.5]}, {"pair": [3, 4]}]},
        {"instances": [[1, 2.5], [3, 4]]},
        {"inputs": {"pair": [[1, 2.5], [3, 4]]}},
        {"inputs": [[1, 2.5], [3, 4]]},
        {"signature_name": "serving_default", "inputs": [[1, 2.5], [3, 4]]},
        {"signature_name": "", "inputs": [[1, 2.5], [3, 4]], "unknown": 1},
        # TF-Serving takes no notice of other names in columns.
        {"inputs": {"pair": [[1, 2.5], [3, 4]], "other": 1}},
    ],
)
def test_rows_and_columns(body):
    request = decoded(body)
    assert request.rows == request.cost == 2
    assert request.by_row == ("instances" in body)
    (array,) = request.inputs.values()
    assert array.dtype == np.float32 and array.tolist() == [[1, 2.5], [3, 4]]


def test_several_inputs_and_strings():
    row = {"pair": [1, 2], "tag": {"b64": base64.b64encode(b"\0\xff").decode()}}
    request = decoded({"instances": [row, {"pair": [3, 4], "tag": "é"}]}, TWO)
    assert request.inputs["tag"].tolist() == [b"\0\xff", "é".encode()]
    columns = {"pair": [[1, 2]], "tag": ["a"]}
    assert decoded({"inputs": columns}, TWO).inputs["tag"].tolist() == [b"a"]
    # A row that is base64 is not an object of inputs.
    one = {"serving_default": signature(tag=("string", (None,)))}
    assert decoded({"instances": [{"b64": "YQ=="}]}, one).inputs["tag"].tolist() == [b"a"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The document is empty"),
        (b"{", "JSON Parse error"),
        (b"[1, 2]", "not a JSON object"),
        (b'{"instances": [[1, NaN]]}', "NaN and Infinity are not JSON"),
        (b'{"instances": [[1, -Infinity]]}', "NaN and Infinity are not JSON"),
        (b'{"instances": [[1, 1e999]]}', "JSON Parse error"),
        (b"[" * 100_000, "depth"),
        (b'{"instances": ' + b"[" * 900 + b"]" * 900 + b"}", "pair: has shape"),
        (b'{"instances": [[1, 2]]} x', "JSON Parse error"),
        (b'{"instances": [["\xff", 2]]}', "JSON Parse error"),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"instances": [[1, 2]], "inputs": [[1, 2]]}, "only one of"),
        ({"signature_name": 1, "instances": []}, "must be a string value"),
        ({"signature_name": "no", "instances": []}, '"no" not found in signature def'),
        ({"instances": {}}, "to be a list/array"),
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": [{"pear": [1, 2]}]}, "element: 0 of 'instances'"),
        ({"instances": [{"pair": [1, 2], "x": 1}]}, "with the keys: pair"),
        ({"instances": [{"pair": [1, 2]}, [1, 2]]}, "element: 1 of 'instances'"),
        ({"instances": [[1, 2], {"pair": [1, 2]}]}, "element: 0 of 'instances'"),
        ({"inputs": {"pear": [[1, 2]]}}, "Missing named input: pair"),
        ({"inputs": 3}, "pair: has shape [], not [-1, 2]"),
        ({"inputs": None}, "pair: has shape [], not [-1, 2]"),
        ({"instances": [[1, 2, 3]]}, "pair: has shape [1, 3], not [-1, 2]"),
        ({"instances": [[1, 2], [1]]}, "pair: lists of different lengths"),
        ({"instances": [[1, 2], 3]}, "pair: lists of different lengths, or not all"),
        ({"instances": [[1, [2]]]}, "pair: a list where float32 is expected"),
        ({"instances": [[1, "2"]]}, "pair: a string where float32 is expected"),
        ({"instances": [[1, True]]}, "pair: true or false where float32 is expected"),
        ({"instances": [[1, None]]}, "pair: null where float32 is expected"),
        ({"instances": [[1, {"b64": "YQ=="}]]}, "pair: an object where float32"),
        ({"instances": [[1, 1e39]]}, "pair: a number out of the range of float32"),
        ({"instances": [[0, 1]] * (limits.ROWS + 1)}, "1025 rows in one request"),
    ],
)
def test_a_bad_body_is_one_sentence(body, message):
    status, text = refused(decoded, body)
    assert status == 400 and message in text, text
    assert len(text) < 300 and "\n" not in text


def test_a_body_of_too_many_values_is_not_even_parsed():
    body = b'{"instances": [' + b"[]," * (limits.VALUES // 2) + b"[]]}"
    assert refused(decoded, body) == (413, "more than 4,194,304 values in one request")


def png_start(width, height):
    start = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big")
    return {"b64": base64.b64encode(start + height.to_bytes(4, "big")).decode()}


def test_pictures_cost_by_their_pixels():
    one = {"png": signature("png", png_bytes=("string", (None, 2)))}

    def cost(*sizes):
        pictures = [png_start(*size) for size in sizes]
        body = {"signature_name": "png", "inputs": [pictures]}
        return decoded(body, one).cost

    assert cost((28, 28), (280, 280)) == 1
    assert cost((2048, 2048), (28, 28)) == 64
    assert cost((8192, 4096), (8192, 4096)) == 1024
    status, text = refused(cost, (8192, 4096), (8192, 4097))
    assert status == 400 and "more than 64 megapixels in one request" in text
    assert refused(cost, (2**32 - 1, 2**32 - 1), (1, 1))[0] == 400
    short = {"signature_name": "png", "inputs": [["\x89PNG\r\n", "x"]]}
    assert decoded(short, one).cost == 1


def answer(outputs, by_row):
    return json.loads(rest.encode(outputs, by_row))


def test_answers_in_rows_and_columns():
    two = {
        "b": np.array([[0.25, 1], [0.5, 2]], "float32"),
        "a": np.array([7, 8], "int32"),
    }
    assert answer(two, True) == {
        "predictions": [{"a": 7, "b": [0.25, 1]}, {"a": 8, "b": [0.5, 2]}]
    }
    assert answer(two, False) == {"outputs": {"a": [7, 8], "b": [[0.25, 1], [0.5, 2]]}}
    # The only output goes without its name.
    only = {"b": two["b"][::-1]}
    assert answer(only, True) == {"predictions": [[0.5, 2], [0.25, 1]]}
    assert answer(only, False) == {"outputs": [[0.5, 2], [0.25, 1]]}
    assert answer({"a": np.float32(3)}, False) == {"outputs": 3}


def test_answers_of_every_kind():
    outputs = {
        "image": np.arange(4, dtype="uint8").reshape(1, 2, 2),
        "text": np.array([["é".encode()]], object),
        "png_bytes": np.array([b"\0\xff"], object),
        "flag": np.array([True]),
        "half": np.array([0.5], "float16"),
        "long": np.array([2**62]),
        "broken": np.array([[np.nan, np.inf]], "float32"),
    }
    assert answer(outputs, False)["outputs"] == {
        "image": [[[0, 1], [2, 3]]],
        "text": [["é"]],
        "png_bytes": [{"b64": "AP8="}],
        "flag": [True],
        "half": [0.5],
        "long": [2**62],
        # JSON has neither.
        "broken": [[None, None]],
    }
    assert answer(outputs, True)["predictions"][0]["png_bytes"] == {"b64": "AP8="}
    assert answer(outputs, True)["predictions"][0]["text"] == ["é"]


def test_floats_are_written_as_short_as_they_are():
    assert rest.encode({"a": np.array([0.1, 1 / 3], "float32")}, False) == (
        b'{"outputs":[0.1,0.33333334]}'
    )


def test_rows_need_a_common_number():
    outputs = {"a": np.zeros(2), "b": np.zeros(3)}
    for wrong in (outputs, {"a": np.float32(1), "b": np.zeros(1)}):
        assert refused(rest.encode, wrong, True)[0] == 400
        assert rest.encode(wrong, False)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{}", "Expected classification signature method_name to be tensorflow/serving/c"),
        (b'{"signature_name": "x"}', "No signature was found with the name: x"),
        (b'{"signature_name": []}', "'signature_name' key must be a string"),
        (b"x", "JSON Parse error"),
    ],
)
def test_classify_says_that_the_model_predicts(body, message):
    metadata = {"serving_default": {"method_name": "tensorflow/serving/predict"}}
    status, text = refused(rest.refuse_examples, body, "classify", metadata)
    assert status == 400 and text.startswith(message)


def test_what_a_client_sends_is_quoted_short_and_on_one_line():
    assert quoted("a\nb\x1b[31m") == r"a\nb\x1b[31m"
    assert quoted("x" * 1000) == "x" * 100 + "…"
    assert quoted("数") == "数" and quoted("\ud800") == r"\ud800"
