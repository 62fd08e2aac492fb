"""TF-Serving's REST dialect without a socket: addresses, request bodies, answers.

No TensorFlow in here. What TF-Serving's documentation leaves open follows its source; see
docs/serving.md for where this server differs on purpose.
"""

import dataclasses
import math
import re
import struct
import urllib.parse

import orjson

from keras_pairs.server import limits
from keras_pairs.server.json_tensors import Spec, is_base64, to_array, to_json
from keras_pairs.server.refusals import Refusal, quoted

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
DEFAULT = "serving_default"
ADDRESS = re.compile(
    r"/v1/models(?:/(?P<name>[^/:]+))?"
    r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
    r"(?:/(?P<metadata>metadata)|:(?P<verb>predict|classify|regress))?",
    re.IGNORECASE,
)
LARGEST = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class Address:
    """What a path asks for.

    Attributes:
      model: str, a model's name.
      version: int, or None for the newest.
      label: str or None, a version's label.
      what: str, "status", "metadata", "predict", "classify" or "regress".
    """

    model: str
    version: int | None
    label: str | None
    what: str


@dataclasses.dataclass(frozen=True)
class Signature:
    """What a signature takes and gives.

    Attributes:
      name: str.
      inputs, outputs: dict, name → `Spec`.
    """

    name: str
    inputs: dict[str, Spec]
    outputs: dict[str, Spec]

    @property
    def batched(self):
        """Whether requests can be joined: all inputs and outputs count the same rows."""
        return all(spec.batched for spec in (*self.inputs.values(), *self.outputs.values()))


@dataclasses.dataclass(frozen=True)
class Request:
    """A decoded request.

    Attributes:
      signature: `Signature`.
      inputs: dict, name → array.
      by_row: whether it came in rows (`instances`) and is answered in rows.
      rows: int.
      cost: int, how many rows it is worth, see `limits.ROW_PIXELS`.
    """

    signature: Signature
    inputs: dict
    by_row: bool
    rows: int
    cost: int


def parse(method, path):
    """What a request's first line asks for.

        parse("POST", "/v1/models/digit_pairs/versions/1:predict").version    # 1

    Args:
      method: str, of HTTP.
      path: str, as it was sent, with %.

    Returns:
      `Address`.

    Raises:
      Refusal: 400 for a path or number that means nothing, 405 for a wrong method.
    """
    malformed = f"Malformed request: {quoted(method)} {quoted(path)}"
    match = ADDRESS.fullmatch(path)
    if match is None:
        raise Refusal(400, malformed)
    allowed = ("POST",) if match["verb"] else ("GET", "HEAD")
    if method not in allowed:
        raise Refusal(405, malformed, Allow=", ".join(allowed))
    if match["name"] is None:
        raise Refusal(400, "Missing model name in request.")
    version = match["version"]
    if version is not None and (len(version) > 30 or int(version) > LARGEST):
        raise Refusal(400, f"Failed to convert version: {quoted(version)} to numeric.")
    return Address(
        urllib.parse.unquote(match["name"]),
        None if version is None else int(version),
        match["label"] and urllib.parse.unquote(match["label"]),
        (match["verb"] or match["metadata"] or "status").lower(),
    )


def decode(body, signatures):
    """The request in the body of a `:predict`.

    Args:
      body: bytes, JSON.
      signatures: dict, name → `Signature`.

    Returns:
      `Request`.

    Raises:
      Refusal: 400, 413 or 501, saying what is wrong with it.
    """
    document, name = _parse(body)
    signature = signatures.get(name)
    if signature is None:
        message = f'Serving signature name: "{quoted(name)}" not found in signature def'
        raise Refusal(400, f"{message}; there are {', '.join(sorted(signatures))}")
    kinds = {"instances", "inputs"} & document.keys()
    if not kinds:
        raise Refusal(400, "Missing 'inputs' or 'instances' key")
    if len(kinds) == 2:
        raise Refusal(400, "Expecting only one of 'inputs' or 'instances' keys to exist")
    (kind,) = kinds
    columns = (_columns if kind == "inputs" else _rows)(document[kind], signature)
    inputs = {name: to_array(columns[name], s) for name, s in signature.inputs.items()}
    counts = {array.shape[0] if array.ndim else 1 for array in inputs.values()}
    if signature.batched and len(counts) != 1:
        raise Refusal(400, f"inputs of different numbers of rows: {sorted(counts)}")
    rows = max(counts, default=1)
    if rows > limits.ROWS:
        raise Refusal(400, f"{rows} rows in one request; at most {limits.ROWS} are taken")
    pixels = sum(map(_pixels, inputs.values()))
    if pixels > limits.PIXELS:
        message = f"PNG files of more than {limits.PIXELS >> 20} megapixels in one request"
        raise Refusal(400, f"{message}; ask for fewer rows at a time")
    cost = max(rows, pixels // limits.ROW_PIXELS)
    return Request(signature, inputs, kind == "instances", rows, cost)


def _pixels(array):
    """How many pixels the PNG files in an input have, by what their headers say."""
    if array.dtype != object:
        return 0
    starts = [file[:24] for file in array.ravel() if file.startswith(PNG_SIGNATURE)]
    sizes = [struct.unpack(">II", start[16:]) for start in starts if len(start) == 24]
    return sum(map(math.prod, sizes))


def _parse(body):
    """(the JSON object in a body, the name of the signature that it asks for)."""
    if not body:
        raise Refusal(400, "JSON Parse error: The document is empty")
    if sum(map(body.count, (b",", b"[", b"{"))) > limits.VALUES:
        raise Refusal(413, f"more than {limits.VALUES:,} values in one request")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        message = f"JSON Parse error: {error}"
        # Only these begin so; TF-Serving's parser takes them.
        if error.doc[error.pos :].lstrip("-").startswith(("NaN", "Inf")):
            message += "; NaN and Infinity are not JSON, and no pixels"
        raise Refusal(400, message) from None
    if not isinstance(document, dict):
        raise Refusal(400, "The request is not a JSON object")
    name = document.get("signature_name", DEFAULT)
    if not isinstance(name, str):
        raise Refusal(400, "'signature_name' key must be a string value.")
    return document, name or DEFAULT


def _columns(value, signature):
    """Column format: one value for each input."""
    if not isinstance(value, dict) or is_base64(value):
        return {_only(signature, "inputs"): value}
    for name in signature.inputs:
        if name not in value:
            raise Refusal(400, f"Missing named input: {name} in 'inputs' object.")
    return value


def _rows(value, signature):
    """Row format: a list of rows, each an object by inputs' names or the only input's."""
    if not isinstance(value, list):
        raise Refusal(400, "Expecting 'instances' to be a list/array")
    if not value:
        raise Refusal(400, "No values in 'instances' array")
    named = [isinstance(row, dict) and not is_base64(row) for row in value]
    if not any(named):
        return {_only(signature, "instances"): value}
    for i, row in enumerate(value):
        if not named[i] or row.keys() != signature.inputs.keys():
            names = ", ".join(sorted(signature.inputs))
            message = f"Failed to process element: {i} of 'instances' list."
            raise Refusal(400, f"{message} It must be an object with the keys: {names}")
    return {name: [row[name] for row in value] for name in signature.inputs}


def _only(signature, kind):
    if len(signature.inputs) != 1:
        names = ", ".join(sorted(signature.inputs))
        raise Refusal(400, f"{kind} must name the signature's inputs: {names}")
    return next(iter(signature.inputs))


def refuse_examples(body, what, metadata):
    """Refuses a `:classify` or `:regress`, which take signatures of other kinds.

    Args:
      body: bytes, JSON.
      what: str, "classify" or "regress".
      metadata: dict, see `Loaded`.

    Raises:
      Refusal: always; 400, or 413 where it is too large.
    """
    _, name = _parse(body)
    if name not in metadata:
        raise Refusal(400, f"No signature was found with the name: {quoted(name)}")
    kind = {"classify": "classification", "regress": "regression"}[what]
    raise Refusal(
        400,
        f"Expected {kind} signature method_name to be tensorflow/serving/{what}. "
        f"Was: {metadata[name]['method_name']}; ask it with :predict",
    )


def metadata(model, version):
    """The answer to a `/metadata`, a dict for JSON.

    Args:
      model: str, its name.
      version: `Loaded`.
    """
    return {
        "model_spec": {
            "name": model,
            "signature_name": "",
            "version": str(version.number),
        },
        "metadata": {"signature_def": {"signature_def": version.metadata}},
    }


def encode(outputs, by_row):
    """The body of an answer.

    Args:
      outputs: dict, name → array.
      by_row: bool, see `Request`.

    Returns:
      bytes, `{"predictions": […]}` or `{"outputs": …}`. A model's only output goes without
      its name. What is not a number is null.

    Raises:
      Refusal: 400, where rows were asked for and the outputs have no common number of them.
    """
    values = {name: to_json(array, name) for name, array in sorted(outputs.items())}
    only = next(iter(values.values())) if len(values) == 1 else None
    if not by_row:
        return _dump({"outputs": values if only is None else only})
    counts = {array.shape[0] if array.ndim else None for array in outputs.values()}
    if len(counts) != 1 or None in counts:
        message = "the outputs have no common number of rows: ask in columns ('inputs')"
        raise Refusal(400, message)
    if only is not None:
        return _dump({"predictions": only})
    rows = [{name: value[i] for name, value in values.items()} for i in range(*counts)]
    return _dump({"predictions": rows})


def error(message):
    """The body of an answer to a request that is refused."""
    return _dump({"error": message})


def _dump(value):
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
