"""What every server of the dialect has to answer: the project's own, and TF-Serving.

With KERAS_PAIRS_SERVER=localhost:8501 the server at that address is asked, see
compose.yaml. It must serve the newest version in KERAS_PAIRS_MODEL
[saved_models/digit_pairs] under the name digit_pairs. Without it, the project's own server
is started.
"""

import base64
import json
import os
import re
import urllib.error
import urllib.request

import numpy as np
import pytest

from keras_pairs.serving import comparer
from tests.helpers import ROOT

SERVER = os.environ.get("KERAS_PAIRS_SERVER")
MODEL = os.environ.get("KERAS_PAIRS_MODEL", str(ROOT / "saved_models" / "digit_pairs"))


@pytest.fixture(scope="module")
def server():
    """host:port."""
    if SERVER:
        yield SERVER
        return
    pytest.importorskip("uvicorn", reason="needs pip install 'keras_pairs[serve]'")
    from tests.servers import running

    with running(MODEL) as server:
        yield server.address


def post(server, body):
    """(HTTP status, answer) of a prediction."""
    request = urllib.request.Request(
        f"http://{server}/v1/models/digit_pairs:predict", json.dumps(body).encode()
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def as_json(value):
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return [as_json(x) for x in value] if value.dtype == object else value.tolist()


@pytest.fixture(scope="module")
def expected(answers):
    images = answers[0]["images"][1]
    return comparer.load(MODEL).compare(images[:, 0], images[:, 1])


def test_the_newest_version_is_available(server):
    with urllib.request.urlopen(f"http://{server}/v1/models/digit_pairs") as answer:
        states = json.load(answer)["model_version_status"]
    serving = [int(x["version"]) for x in states if x["state"] == "AVAILABLE"]
    assert max(serving) == int(comparer.load(MODEL).path.name)


@pytest.mark.parametrize("signature", ["serving_default", "images", "png"])
def test_rows(server, answers, expected, signature):
    name, value = answers[0][signature]
    instances = [{name: as_json(pair)} for pair in value]
    status, answer = post(server, {"signature_name": signature, "instances": instances})
    assert status == 200, answer
    found = answer["predictions"]
    assert [len(row["comparison"]) for row in found] == [1] * len(value)
    probability = [row["comparison"][0] for row in found]
    np.testing.assert_allclose(probability, expected.probability, atol=1e-5)
    digits = [row["second_digit"] for row in found]
    np.testing.assert_allclose(digits, expected.second_digit, atol=1e-5)


@pytest.mark.parametrize("signature", ["serving_default", "images", "png"])
def test_columns(server, answers, expected, signature):
    name, value = answers[0][signature]
    body = {"signature_name": signature, "inputs": {name: as_json(value)}}
    status, answer = post(server, body)
    assert status == 200, answer
    found = answer["outputs"]
    np.testing.assert_allclose(
        found["comparison"], expected.probability[:, None], atol=1e-5
    )
    np.testing.assert_allclose(found["first_digit"], expected.first_digit, atol=1e-5)


@pytest.mark.parametrize(
    ("signature", "value"),
    [
        ("serving_default", np.zeros((1, 2, 28, 28))),
        ("serving_default", np.full((1, 2, 14, 14), -1.0)),
        ("images", np.zeros((1, 2, 14, 14), "int")),
        ("png", np.array([[b"no PNG", b"no PNG"]], object)),
    ],
)
def test_bad_requests_are_refused(server, answers, signature, value):
    name, _ = answers[0][signature]
    status, answer = post(
        server, {"signature_name": signature, "inputs": {name: as_json(value)}}
    )
    assert status == 400 and "error" in answer


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models/another", 404),
        ("GET", "/v1/models/digit_pairs/versions/123456", 404),
        ("POST", "/v1/models/another:predict", 404),
        ("POST", "/v1/models/digit_pairs/versions/123456:predict", 404),
        ("POST", "/v1/models/digit_pairs/labels/none:predict", 400),
        ("POST", "/v1/models/digit_pairs:explain", 400),
        ("POST", "/v1/models/digit_pairs:classify", 400),
    ],
)
def test_what_is_not_there_is_an_error(server, method, path, status):
    body = b'{"instances": [1], "examples": [{"x": 1}]}' if method == "POST" else None
    request = urllib.request.Request(f"http://{server}{path}", body, method=method)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=30)
    with error.value:
        assert error.value.code == status and json.load(error.value).keys() == {"error"}


def test_metadata(server):
    url = f"http://{server}/v1/models/digit_pairs/metadata"
    with urllib.request.urlopen(url, timeout=30) as answer:
        found = json.load(answer)
    assert found["model_spec"]["name"] == "digit_pairs"
    signatures = found["metadata"]["signature_def"]["signature_def"]
    pair = signatures["serving_default"]["inputs"]["pair"]
    assert pair["dtype"] == "DT_FLOAT"
    assert [dim["size"] for dim in pair["tensor_shape"]["dim"]] == ["-1", "2", "14", "14"]


def test_version_and_signature_by_name(server, answers, expected):
    name, value = answers[0]["images"]
    number = comparer.load(MODEL).path.name
    url = f"http://{server}/v1/models/digit_pairs/versions/{number}:predict"
    body = {"signature_name": "images", "instances": as_json(value)}
    with urllib.request.urlopen(url, json.dumps(body).encode(), timeout=30) as answer:
        found = json.load(answer)["predictions"]
    probability = [row["comparison"][0] for row in found]
    np.testing.assert_allclose(probability, expected.probability, atol=1e-5)


def test_the_pages_client_is_answered(server, capsys):
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"<!-- example: client -->\n```python\n(.*?)```", text, re.S)
    exec(code.replace("localhost:8501", server), {})
    stroke = np.zeros((14, 14), "float32")
    stroke[:, 6:8] = 255
    expected = comparer.load(MODEL).compare(stroke[None], stroke[None]).comparison
    (found,) = json.loads(capsys.readouterr().out)
    assert found == pytest.approx(expected[0], abs=1e-5)
