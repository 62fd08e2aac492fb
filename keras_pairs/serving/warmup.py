"""The requests a server answers before it takes a new version into service.

`assets.extra/tf_serving_warmup_requests` is a TFRecord of TF-Serving's `PredictionLog`. The
few messages of tensorflow_serving/apis that it takes are declared here, so that publishing
does not need the package tensorflow-serving-api; the tests read the file with it.
"""

import functools
import io

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from PIL import Image, ImageDraw
from tensorflow.core.framework import tensor_pb2

from keras_pairs.data import pool

FILE = "assets.extra/tf_serving_warmup_requests"
PAIRS = 4

# Message → field → (number, type). A map's entries are messages of key and value.
_MESSAGES = {
    "ModelSpec": {"name": (1, "string"), "signature_name": (3, "string")},
    "Input": {"key": (1, "string"), "value": (2, "tensorflow.TensorProto")},
    "PredictRequest": {"model_spec": (1, "ModelSpec"), "inputs": (2, "repeated Input")},
    "PredictLog": {"request": (1, "PredictRequest")},
    "PredictionLog": {"predict_log": (6, "PredictLog")},
}


@functools.cache
def _prediction_log():
    """The message class `PredictionLog`."""
    tensor = tensor_pb2.DESCRIPTOR
    file = descriptor_pb2.FileDescriptorProto(
        name="keras_pairs/prediction_log.proto",
        package="keras_pairs",
        syntax="proto3",
        dependency=[tensor.name],
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            repeated = kind.startswith("repeated ")
            kind = kind.removeprefix("repeated ")
            added = message.field.add(name=field, number=number)
            added.label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            if kind == "string":
                added.type = kinds.TYPE_STRING
            else:
                added.type = kinds.TYPE_MESSAGE
                added.type_name = f".{kind if '.' in kind else f'keras_pairs.{kind}'}"
    known = descriptor_pool.Default()
    known.Add(file)
    found = known.FindMessageTypeByName("keras_pairs.PredictionLog")
    return message_factory.GetMessageClass(found)


def examples():
    """`PAIRS` pairs of made-up images, as each signature takes them.

    Noise where MNIST has ink, and the same images in every form: each signature has to give
    the same answer.

    Returns:
      dict: signature → float32 [n, 2, 14, 14], uint8 [n, 2, 28, 28], bytes [n, 2].
    """
    images = np.zeros((PAIRS, 2, 28, 28), "uint8")
    noise = np.random.default_rng(0).integers(1, 256, (PAIRS, 2, 20, 20))
    images[:, :, 4:24, 4:24] = noise
    pairs = pool(images.reshape(-1, 28, 28)).reshape(PAIRS, 2, 14, 14)
    return {"serving_default": pairs, "images": images, "png": _encode(images)}


def _drawing():
    """A 0 drawn with a thick pen, uint8 [96, 96]."""
    sheet = Image.new("L", (96, 96), 255)
    ImageDraw.Draw(sheet).ellipse([28, 20, 68, 76], outline=0, width=8)
    return np.asarray(sheet)


def _encode(images):
    """uint8 [n, 2, h, w] → PNG files, object array of bytes [n, 2]."""
    files = np.empty(images.shape[:2], object)
    for place in np.ndindex(files.shape):
        buffer = io.BytesIO()
        Image.fromarray(images[place]).save(buffer, "PNG")
        files[place] = buffer.getvalue()
    return files


def write(path, model_name, inputs):
    """Writes the warm-up file of a SavedModel: every signature, on one or two images.

    Args:
      path: Path of the SavedModel.
      model_name: str, under which it will be served.
      inputs: dict: signature → name of its one input.
    """
    requests = [(signature, value[:1]) for signature, value in examples().items()]
    # A drawing goes another way through the graph than an image in MNIST's form.
    drawings = _encode(np.stack([[_drawing()] * 2]))
    requests += [("png", drawings), ("prepare", drawings[0])]
    (path / FILE).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path / FILE)) as writer:
        for signature, value in requests:
            log = _prediction_log()()
            request = log.predict_log.request
            request.model_spec.name = model_name
            request.model_spec.signature_name = signature
            entry = request.inputs.add(key=inputs[signature])
            entry.value.CopyFrom(tf.make_tensor_proto(value))
            writer.write(log.SerializeToString())


def read(path):
    """The requests in a SavedModel's warm-up file.

    Yields:
      (signature, dict: name of an input → array).
    """
    for record in tf.data.TFRecordDataset(str(path / FILE)):
        log = _prediction_log().FromString(record.numpy())
        request = log.predict_log.request
        yield (
            request.model_spec.signature_name,
            {entry.key: tf.make_ndarray(entry.value) for entry in request.inputs},
        )
