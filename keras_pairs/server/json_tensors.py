"""JSON values to arrays and back, as TF-Serving maps them. No TensorFlow in here."""

import base64
import binascii
import dataclasses
import math
from itertools import chain

import numpy as np

from keras_pairs.server.refusals import Refusal, quoted

# In the name of an output of strings: they are no text, and go as base64.
BYTES = "_bytes"
WORDS = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    type(None): "null",
}


@dataclasses.dataclass(frozen=True)
class Spec:
    """An input or an output of a signature.

    Attributes:
      name: str.
      dtype: str, numpy's name of it, or "string".
      shape: tuple of int, and None where any size goes; or None where any shape does.
    """

    name: str
    dtype: str
    shape: tuple | None

    @property
    def batched(self):
        """Whether the first dimension counts the rows of a batch."""
        return bool(self.shape) and self.shape[0] is None


def to_array(value, spec):
    """The array that nested JSON lists stand for.

        to_array([[0, 1.5]], Spec("x", "float32", (None, 2)))    # float32 [1, 2]

    Args:
      value: what a JSON parser made of them. A string is text, or `{"b64": "…"}`.
      spec: `Spec`.

    Returns:
      array of the dtype and a shape of the spec; strings as an object array of bytes.

    Raises:
      Refusal: 400, if the lists have no common shape or another one, or a value is of
        another type or out of the dtype's range; 501 for a dtype that JSON cannot hold.
    """
    shape, values = [], [value]
    while values and isinstance(values[0], list):
        lengths = set(map(len, values)) if set(map(type, values)) == {list} else ()
        if len(lengths) != 1:
            raise Refusal(400, f"{spec.name}: lists of different lengths, or not all lists")
        shape += lengths
        values = list(chain.from_iterable(values))
        if len(shape) > 32:
            break
    expected = spec.shape
    if expected is not None and (
        len(shape) != len(expected)
        or any(b not in (None, a) for a, b in zip(shape, expected, strict=True))
    ):
        raise Refusal(
            400, f"{spec.name}: has shape {_shape(shape)}, not {_shape(expected)}"
        )
    return _flat(values, spec).reshape(shape)


def _flat(values, spec):
    if spec.dtype == "string":
        array = np.empty(len(values), object)
        array[:] = [_bytes(value, spec) for value in values]
        return array
    dtype = np.dtype(spec.dtype)
    allowed = {"b": {bool}, "i": {int}, "u": {int}, "f": {int, float}}.get(dtype.kind)
    if allowed is None:
        raise Refusal(501, f"{spec.name}: JSON has no {spec.dtype}")
    for wrong in set(map(type, values)) - allowed:
        raise Refusal(400, f"{spec.name}: {WORDS[wrong]} where {spec.dtype} is expected")
    if dtype.kind in "iu" and values:
        limits = np.iinfo(dtype)
        if min(values) < limits.min or max(values) > limits.max:
            rule = f"{limits.min} to {limits.max}"
            raise Refusal(400, f"{spec.name}: {spec.dtype} must be {rule}")
    with np.errstate(over="ignore"):
        array = np.array(values, dtype)
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise Refusal(400, f"{spec.name}: a number out of the range of {spec.dtype}")
    return array


def _bytes(value, spec):
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, dict):
        raise Refusal(400, f"{spec.name}: {WORDS[type(value)]} where a string is expected")
    if not is_base64(value):
        raise Refusal(400, f'{spec.name}: an object other than {{"b64": "…"}}')
    text = value["b64"]
    # Base64 may be without the "=" at its end, and with line breaks in it.
    text = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error) as error:
        raise Refusal(400, f"{spec.name}: not base64: {error}") from None


def is_base64(value):
    """Whether a JSON value stands for bytes."""
    return (
        isinstance(value, dict)
        and value.keys() == {"b64"}
        and isinstance(value["b64"], str)
    )


def to_json(array, name):
    """An array as orjson can write it: itself, or nested lists of strings.

    Args:
      array: of an output; of strings, an object array of bytes.
      name: str, the output's. Strings are base64 where it ends in `BYTES`.
    """
    if array.dtype == object:
        texts = [_text(value, name) for value in array.ravel()]
        return _nested(texts, array.shape)
    if array.dtype.kind == "V" or array.dtype == np.float16:
        # bfloat16 and its like.
        array = array.astype("float32")
    return np.ascontiguousarray(array) if array.ndim else array[()]


def _text(value, name):
    if name.endswith(BYTES):
        return {"b64": base64.b64encode(value).decode()}
    return value.decode("utf-8", "replace")


def _nested(values, shape):
    if not shape:
        return values[0]
    step = math.prod(shape[1:])
    return [_nested(values[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


def _shape(shape):
    return quoted([-1 if size is None else size for size in shape])
