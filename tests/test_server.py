"""Against a real TF-Serving: KERAS_PAIRS_SERVER=localhost:8501, see compose.yaml.

It must serve the newest version in KERAS_PAIRS_MODEL [saved_models/digit_pairs] under the
name digit_pairs.
"""

import base64
import json
import os
import urllib.error
import urllib.request

import numpy as np
import pytest

from keras_pairs.serving import comparer

SERVER = os.environ.get("KERAS_PAIRS_SERVER")
MODEL = os.environ.get("KERAS_PAIRS_MODEL", "saved_models/digit_pairs")
pytestmark = pytest.mark.skipif(
    not SERVER, reason="KERAS_PAIRS_SERVER=host:port names no TF-Serving"
)


def post(body):
    """(HTTP status, answer) of a prediction."""
    request = urllib.request.Request(
        f"http://{SERVER}/v1/models/digit_pairs:predict", json.dumps(body).encode()
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def as_json(value):
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return [as_json(x) for x in value] if value.dtype == object else value.tolist()


@pytest.fixture(scope="module")
def expected(answers):
    images = answers[0]["images"][1]
    return comparer.load(MODEL).compare(images[:, 0], images[:, 1])


def test_the_newest_version_is_available():
    with urllib.request.urlopen(f"http://{SERVER}/v1/models/digit_pairs") as answer:
        states = json.load(answer)["model_version_status"]
    serving = [int(x["version"]) for x in states if x["state"] == "AVAILABLE"]
    assert max(serving) == int(comparer.load(MODEL).path.name)


@pytest.mark.parametrize("signature", ["serving_default", "images", "png"])
def test_rows(answers, expected, signature):
    name, value = answers[0][signature]
    instances = [{name: as_json(pair)} for pair in value]
    status, answer = post({"signature_name": signature, "instances": instances})
    assert status == 200, answer
    found = answer["predictions"]
    assert [len(row["comparison"]) for row in found] == [1] * len(value)
    probability = [row["comparison"][0] for row in found]
    np.testing.assert_allclose(probability, expected.probability, atol=1e-5)
    digits = [row["second_digit"] for row in found]
    np.testing.assert_allclose(digits, expected.second_digit, atol=1e-5)


@pytest.mark.parametrize("signature", ["serving_default", "images", "png"])
def test_columns(answers, expected, signature):
    name, value = answers[0][signature]
    body = {"signature_name": signature, "inputs": {name: as_json(value)}}
    status, answer = post(body)
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
def test_bad_requests_are_refused(answers, signature, value):
    name, _ = answers[0][signature]
    status, answer = post({"signature_name": signature, "inputs": {name: as_json(value)}})
    assert status == 400 and "error" in answer
