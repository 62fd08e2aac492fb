"""JSON values to arrays: what a signature's spec lets in."""

import pytest

from keras_pairs.server.json_tensors import Spec, to_array
from keras_pairs.server.refusals import Refusal


@pytest.mark.parametrize(
    ("dtype", "value", "message"),
    [
        ("uint8", 256, "uint8 must be 0 to 255"),
        ("uint8", -1, "uint8 must be 0 to 255"),
        ("uint8", 1.0, "a number where uint8 is expected"),
        ("int32", 2**31, "int32 must be"),
        ("int64", 2**63, "int64 must be"),
        ("bool", 1, "an integer where bool is expected"),
        ("string", 1, "an integer where a string is expected"),
        ("string", {"b65": ""}, 'an object other than {"b64"'),
        ("string", {"b64": 1}, 'an object other than {"b64"'),
        ("string", {"b64": "a", "c": 1}, 'an object other than {"b64"'),
        ("string", {"b64": "a*b="}, "not base64"),
        ("string", {"b64": "abcde"}, "not base64"),
        ("string", {"b64": "ab\u00e9d"}, "not base64"),
    ],
)
def test_a_value_of_the_wrong_kind(dtype, value, message):
    with pytest.raises(Refusal) as error:
        to_array([value], Spec("x", dtype, (None,)))
    assert error.value.status == 400
    text = error.value.message
    assert text.startswith("x: ") and message in text, text


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        ("uint8", [0, 255], [0, 255]),
        ("int64", [-(2**63), 2**63 - 1], [-(2**63), 2**63 - 1]),
        ("uint64", [2**64 - 1], [2**64 - 1]),
        ("float64", [1, 2.5], [1.0, 2.5]),
        ("bool", [True, False], [True, False]),
        ("string", [{"b64": "YW\nI"}, {"b64": ""}], [b"ab", b""]),
        ("float32", [], []),
    ],
)
def test_values(dtype, value, expected):
    found = to_array(value, Spec("x", dtype, (None,)))
    assert found.tolist() == expected
    assert found.dtype == (object if dtype == "string" else dtype)


def test_any_shape_where_the_signature_has_none():
    assert to_array(1, Spec("x", "float32", None)).shape == ()
    assert to_array([[[1]]], Spec("x", "int32", None)).shape == (1, 1, 1)
    with pytest.raises(Refusal) as error:
        to_array(1, Spec("x", "complex64", ()))
    assert error.value.status == 501
