"""What no client should send: each gets a sentence, and the server goes on answering."""

import base64
import json

import numpy as np
import pytest
from PIL import Image

from keras_pairs.server import limits
from tests.helpers import BOX_NUMBER, drawn_zero, png
from tests.servers import head, raw

PREDICT = "/v1/models/digit_pairs:predict"
# A pair that is answered.
IMAGE = np.zeros((14, 14), "int")
IMAGE[3:11, 6:8] = 200
PAIR = [IMAGE.tolist()] * 2
GOOD = {"instances": [PAIR]}


def b64(data):
    return {"b64": base64.b64encode(data).decode()}


def pictures(*files):
    return {"signature_name": "png", "inputs": [[*files]]}


def changed(value):
    """The pair with one pixel of another value, as JSON text."""
    return json.dumps({"instances": [PAIR]}).replace("200", value, 1).encode()


def images(value):
    pair = np.zeros((1, 2, 28, 28), "int").tolist()
    pair[0][0][5][5] = value
    return {"signature_name": "images", "instances": pair}


DIGIT = b64(png(drawn_zero()))
HUGE = b64(png(Image.new("1", (8000, 7000))))
LARGEST = b64(png(Image.new("1", (2048, 2048))))
WHOLE = base64.b64decode(DIGIT["b64"])
# Of a 2 GiB picture only the header.
BOMB = b64(WHOLE[:16] + (50_000).to_bytes(4, "big") + (50_000).to_bytes(4, "big"))
ANIMATED = b64(WHOLE[:33] + b"\0\0\0\x08acTL" + b"\0" * 12 + WHOLE[33:])

BODIES = {
    "nothing": (b"", "document is empty"),
    "not JSON": (b"instances = [1, 2]", "JSON Parse error"),
    "a form": (b"instances=%5B1%5D&x=1", "JSON Parse error"),
    "zero bytes": (b"\0" * 100, "JSON Parse error"),
    "noise": (np.random.default_rng(0).bytes(1000), "JSON Parse error"),
    "cut JSON": (json.dumps(GOOD).encode()[:-5], "JSON Parse error"),
    "two documents": (json.dumps(GOOD).encode() * 2, "JSON Parse error"),
    "a comma too many": (b'{"instances": [[1, 2],]}', "JSON Parse error"),
    "single quotes": (b"{'instances': [[1, 2]]}", "JSON Parse error"),
    "comments": (b'{"instances": [1] /* one */}', "JSON Parse error"),
    "no UTF-8": (b'{"instances": "\xff\xfe"}', "JSON Parse error"),
    "UTF-16": (json.dumps(GOOD).encode("utf-16"), "JSON Parse error"),
    "half a surrogate": (b'{"signature_name": "\\ud800"}', "JSON Parse error"),
    "a leading zero": (changed("0200"), "JSON Parse error"),
    "100,000 lists deep": (b'{"instances": ' + b"[" * 100_000, "depth"),
    "100,000 objects deep": (b'{"a":' * 100_000, "depth"),
    "closed, 100,000 deep": (b"[" * 100_000 + b"]" * 100_000, "depth"),
    "800 deep": (b'{"inputs": ' + b"[" * 800 + b"1" + b"]" * 800 + b"}", "has shape"),
    "a list": ([1, 2], "not a JSON object"),
    "a number": (b"7", "not a JSON object"),
    "null": (b"null", "not a JSON object"),
    "nothing asked": ({}, "Missing 'inputs' or 'instances'"),
    "rows and columns": ({**GOOD, "inputs": [PAIR]}, "only one of"),
    "no rows": ({"instances": []}, "No values"),
    "rows in an object": ({"instances": {"pair": PAIR}}, "list/array"),
    "rows in a string": ({"instances": "pair"}, "list/array"),
    "another name": ({"instances": [{"images": PAIR}]}, "keys: pair"),
    "one name too many": ({"instances": [{"pair": PAIR, "x": 1}]}, "keys: pair"),
    "mixed rows": ({"instances": [{"pair": PAIR}, PAIR]}, "keys: pair"),
    "a missing column": ({"inputs": {"image": [PAIR]}}, "Missing named input: pair"),
    "another signature": ({**GOOD, "signature_name": "no"}, "not found in signature def"),
    "a numbered signature": ({**GOOD, "signature_name": 1}, "must be a string"),
    "a long name": ({**GOOD, "signature_name": "x" * 10**6}, "not found in signature def"),
    "a name of lines": ({**GOOD, "signature_name": "a\n\rb\x1b"}, "not found"),
    "one image": ({"instances": [PAIR[0]]}, "has shape [1, 14, 14]"),
    "three images": ({"instances": [PAIR + PAIR[:1]]}, "has shape [1, 3, 14, 14]"),
    "28×28": ({"instances": np.zeros((1, 2, 28, 28)).tolist()}, "has shape"),
    "no images": ({"inputs": []}, "has shape [0]"),
    "ragged": ({"instances": [[PAIR[0], PAIR[1][:-1]]]}, "different lengths"),
    "ragged rows": ({"instances": [PAIR, PAIR[:1]]}, "different lengths"),
    "a scalar": ({"inputs": 5}, "has shape []"),
    "too many rows": ({"instances": [PAIR] * (limits.ROWS + 1)}, "rows in one request"),
    "too many lists": (b"[" + b"[]," * limits.VALUES + b"[]]", "values in one request"),
    "NaN": (changed("NaN"), "NaN and Infinity are not JSON"),
    "nan": (changed("nan"), "JSON Parse error"),
    "Infinity": (changed("Infinity"), "NaN and Infinity are not JSON"),
    "-Infinity": (changed("-Infinity"), "NaN and Infinity are not JSON"),
    "1e999": (changed("1e999"), "JSON Parse error"),
    "1e39": (changed("1e39"), "out of the range of float32"),
    "10,000 digits": (changed("1" * 10_000), "JSON Parse error"),
    "30 digits": (changed("1" * 30), "pixels must be 0 to 255"),
    "a string": (changed('"200"'), "a string where float32"),
    "true": (changed("true"), "true or false where float32"),
    "null in it": (changed("null"), "null where float32"),
    "an object in it": (changed("{}"), "an object where float32"),
    "a list in it": (changed("[200]"), "a list where float32"),
    "a pixel of 256": (changed("256"), "pixels must be 0 to 255"),
    "a pixel of -1": (changed("-1"), "pixels must be 0 to 255"),
    "scaled pixels": (json.dumps(GOOD).replace("200", "1.0").encode(), "scaled to 0 to 1"),
    "uint8 256": (images(256), "uint8 must be 0 to 255"),
    "uint8 -1": (images(-1), "uint8 must be 0 to 255"),
    "uint8 1.5": (images(1.5), "a number where uint8"),
    "uint8 10**20": (images(10**20), "a number where uint8"),
    "text for a picture": (pictures("three.png", DIGIT), "not a PNG file"),
    "a number for a picture": (pictures(3, DIGIT), "an integer where a string"),
    "no base64": (pictures({"b64": "***"}, DIGIT), "not base64"),
    "no b64": (pictures({"base64": "aGk="}, DIGIT), "an object other than"),
    "b64 of a number": (pictures({"b64": 5}, DIGIT), "an object other than"),
    "b64 of more": (pictures({**DIGIT, "x": 1}, DIGIT), "an object other than"),
    "an empty picture": (pictures({"b64": ""}, DIGIT), "not a PNG file"),
    "huge base64": (pictures(b64(bytes(20 * 2**20)), DIGIT), "not a PNG file"),
    "a JPEG": (pictures(b64(b"\xff\xd8\xff\xe0" + b"\0" * 99), DIGIT), "not a PNG file"),
    "half a picture": (pictures(b64(WHOLE[:60]), DIGIT), "damaged"),
    "only a header": (pictures(b64(WHOLE[:33]), DIGIT), "damaged"),
    "a blank picture": (pictures(b64(png(Image.new("L", (99, 99)))), DIGIT), "no digit"),
    "56 megapixels": (pictures(HUGE, DIGIT), "more than 50 megapixels"),
    "a bomb": (pictures(BOMB, DIGIT), "megapixels"),
    "an animation": (pictures(ANIMATED, DIGIT), "animated"),
    "one picture": (pictures(DIGIT), "has shape [1, 1]"),
    "100 pairs of the largest": (
        {"signature_name": "png", "instances": [[LARGEST] * 2] * 100},
        "megapixels",
    ),
}

# Method, path, headers, status.
REQUESTS = {
    "GET :predict": ("GET", PREDICT, {}, 405),
    "PUT :predict": ("PUT", PREDICT, {}, 405),
    "DELETE the model": ("DELETE", "/v1/models/digit_pairs", {}, 405),
    "POST the status": ("POST", "/v1/models/digit_pairs", {}, 405),
    "POST the metadata": ("POST", "/v1/models/digit_pairs/metadata", {}, 405),
    "PATCH the health": ("PATCH", "/healthz", {}, 405),
    "POST the page": ("POST", "/", {}, 405),
    "OPTIONS": ("OPTIONS", PREDICT, {"Origin": "http://x"}, 405),
    "an unknown method": ("BREW", PREDICT, {}, 405),
    "TRACE": ("TRACE", "/", {}, 405),
    "another model": ("POST", "/v1/models/other:predict", {}, 404),
    "another version": ("POST", "/v1/models/digit_pairs/versions/99:predict", {}, 404),
    "another version's state": ("GET", "/v1/models/digit_pairs/versions/99", {}, 404),
    "a label": ("POST", "/v1/models/digit_pairs/labels/stable:predict", {}, 400),
    "a version of 30 digits": (
        "GET",
        f"/v1/models/digit_pairs/versions/{'9' * 30}",
        {},
        400,
    ),
    "a negative version": ("GET", "/v1/models/digit_pairs/versions/-1", {}, 400),
    "no model": ("GET", "/v1/models", {}, 400),
    "an empty name": ("GET", "/v1/models/", {}, 400),
    "another verb": ("POST", "/v1/models/digit_pairs:explain", {}, 400),
    ":classify": ("POST", "/v1/models/digit_pairs:classify", {}, 400),
    ":regress": ("POST", "/v1/models/digit_pairs:regress", {}, 400),
    "the second dialect": ("POST", "/v2/models/digit_pairs/infer", {}, 405),
    "up and out": ("GET", "/../../../../etc/passwd", {}, 404),
    "up and out, coded": ("GET", "/%2e%2e/%2e%2e/etc/passwd", {}, 404),
    "up from the model": ("GET", "/v1/models/../../etc/passwd", {}, 400),
    "a coded slash": ("GET", "/v1/models/digit_pairs%2fversions", {}, 404),
    "backslashes": ("GET", "/..\\..\\windows\\win.ini", {}, 404),
    "a zero byte": ("GET", "/index.html%00.js", {}, 404),
    "two slashes": ("GET", "//etc/passwd", {}, 404),
    "a whole URL": ("GET", "http://example.com/v1/models/digit_pairs", {}, 404),
    "broken percents": ("GET", "/%zz%f", {}, 404),
    "no UTF-8 in the path": ("GET", "/%ff%fe", {}, 404),
    "a long path": ("GET", "/" + "x" * 20_000, {}, 404),
    "the package itself": ("GET", "/app.py", {}, 404),
    "compressed": ("POST", PREDICT, {"Content-Encoding": "gzip"}, 415),
}

RAW = {
    "no HTTP": b"hello\r\n\r\n",
    "TLS": bytes.fromhex("1603010200010001fc0303") + bytes(100),
    "a path with a space": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a length that is none": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
    "a negative length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "two lengths": head(1).replace(b"Host: x", b"Host: x\r\nContent-Length: 2"),
    "another coding": head(1).replace(b"Host: x", b"Host: x\r\nTransfer-Encoding: gzip"),
    "bad chunks": head(1).replace(b"Content-Length: 1", b"Transfer-Encoding: chunked")
    + b"xyz\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost: x\r\nheader\r\n\r\n",
    "a zero in a header": b"GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n",
    "a bare line feed in a name": b"GET / HTTP/1.1\r\nHost: x\r\nA\nB: c\r\n\r\n",
    "large headers": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 10**6 + b"\r\n\r\n",
}


@pytest.fixture
def asked(box_server, caplog):
    """After each, the server answers, and its log has no traceback."""
    yield box_server
    status, answer = box_server.predict(GOOD)
    assert status == 200 and len(answer["predictions"]) == 1
    assert box_server.watched.current.number == BOX_NUMBER
    assert "Traceback" not in caplog.text
    assert not [r for r in caplog.records if r.exc_info or r.levelname == "ERROR"]


def assert_sentence(error):
    assert 5 < len(error) < 400 and error.isprintable() and "Traceback" not in error
    assert "/keras_pairs/" not in error and ".py" not in error.replace("/app.py", "")


def test_there_are_enough_of_them(box_server):
    assert len(BODIES) + len(REQUESTS) + len(RAW) >= 100
    assert box_server.predict(GOOD)[0] == 200


@pytest.mark.parametrize("name", BODIES)
def test_a_body(asked, name):
    body, message = BODIES[name]
    status, answer = asked.predict(body)
    assert status in (400, 413), answer
    assert answer.keys() == {"error"} and message in answer["error"], answer
    assert_sentence(answer["error"])


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request(asked, name):
    method, path, headers, expected = REQUESTS[name]
    body = json.dumps(GOOD).encode() if method in ("POST", "PUT", "PATCH") else b""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
    lines += [f"{key}: {value}" for key, value in headers.items()]
    lines += ["Connection: close", "", ""]
    answer = raw(asked, "\r\n".join(lines).encode() + body)
    top, _, text = answer.partition(b"\r\n\r\n")
    assert top.split()[1] == str(expected).encode(), answer
    assert (b"\nallow: " in top.lower()) == (expected == 405)
    error = json.loads(text)
    assert error.keys() == {"error"}
    assert_sentence(error["error"])


@pytest.mark.parametrize("name", RAW)
def test_no_request(asked, name):
    answer = raw(asked, RAW[name])
    top, _, text = answer.partition(b"\r\n\r\n")
    assert top.split()[1][:1] == b"4", answer
    assert_sentence(json.loads(text)["error"])
