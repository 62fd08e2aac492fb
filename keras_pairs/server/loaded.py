"""A version that was loaded to be served: its signatures, and answers from them."""

import pathlib

import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

from keras_pairs import graph
from keras_pairs.errors import UserError, first_line
from keras_pairs.server.json_tensors import Spec
from keras_pairs.server.refusals import Refusal
from keras_pairs.server.rest import Signature
from keras_pairs.serving import card, versions, warmup


class Loaded:
    """A SavedModel in memory. Any number of threads may ask it.

    Attributes:
      number: int, the version.
      signatures: dict, name → `Signature`.
      metadata: dict, the signatures as TF-Serving's REST dialect tells of them.
      reads_digits: bool, whether it answers the digits and was trained on them; if not,
        what it says of them means nothing.
    """

    def __init__(self, path, number):
        """Loads a version, and answers the requests in its warm-up file.

        Args:
          path: str or Path of the SavedModel.
          number: int.

        Raises:
          UserError: if it cannot be read, has no signature or fails in a request.
        """
        path = pathlib.Path(path)
        self.number = number
        self._model = graph.load(path)
        try:
            self._functions = dict(self._model.signatures)
            self.metadata = _metadata(path)
        except Exception as error:
            what = f"not a SavedModel that can be read: {first_line(error)}"
            raise UserError(f"{path}: {what}") from error
        if not self._functions:
            raise UserError(f"{path}: has no signature")
        self.signatures = {
            name: Signature(
                name,
                _specs(function.structured_input_signature[1]),
                _specs(function.structured_outputs),
            )
            for name, function in self._functions.items()
        }
        outputs = {x for f in self._functions.values() for x in f.structured_outputs}
        self.reads_digits = card.reads_digits(card.read(path) or {}, outputs)
        self._warm(path)

    def _warm(self, path):
        try:
            if (path / warmup.FILE).is_file():
                for signature, inputs in warmup.read(path):
                    self.run(signature or "serving_default", inputs)
        except (Refusal, KeyError, TypeError, ValueError, tf.errors.OpError) as error:
            why = graph.message(error) if isinstance(error, tf.errors.OpError) else error
            raise UserError(f"{path}: fails in its warm-up: {why}") from error

    def run(self, signature, inputs):
        """Answers one batch.

        Args:
          signature: str.
          inputs: dict, name → array, as the signature wants them.

        Returns:
          dict, name → array.

        Raises:
          Refusal: 400, if the graph refuses the values; 503, if memory is lacking.
        """
        # A string in numpy's form would end at its first zero byte.
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        try:
            outputs = self._functions[signature](**tensors)
            return {name: value.numpy() for name, value in outputs.items()}
        except tf.errors.InvalidArgumentError as error:
            raise Refusal(400, graph.message(error)) from None
        except tf.errors.ResourceExhaustedError as error:
            raise Refusal(503, f"not enough memory: {graph.message(error)}") from None


def _specs(tensors):
    return {
        name: Spec(
            name,
            "string" if tensor.dtype == tf.string else tensor.dtype.name,
            None if tensor.shape.rank is None else tuple(tensor.shape),
        )
        for name, tensor in tensors.items()
    }


def _metadata(path):
    """`signature_def` of a SavedModel's first graph, as protobuf's JSON."""
    content = (path / versions.SAVED_MODEL).read_bytes()
    model = saved_model_pb2.SavedModel.FromString(content)
    return {
        name: {
            "inputs": {key: _tensor(info) for key, info in signature.inputs.items()},
            "outputs": {key: _tensor(info) for key, info in signature.outputs.items()},
            "method_name": signature.method_name,
            "defaults": {},
        }
        for name, signature in model.meta_graphs[0].signature_def.items()
    }


def _tensor(info):
    shape = info.tensor_shape
    return {
        "dtype": types_pb2.DataType.Name(info.dtype),
        "tensor_shape": {
            # 64-bit integers are strings in protobuf's JSON.
            "dim": [{"size": str(dim.size), "name": dim.name} for dim in shape.dim],
            "unknown_rank": shape.unknown_rank,
        },
        "name": info.name,
    }
