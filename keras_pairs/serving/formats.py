"""A network as one file, for other runtimes than a TensorFlow server.

The files hold the network alone: input `pair`, float32 [batch, 2, 14, 14] of 0…255, and its
outputs by name. Nothing in them refuses bad pixels or reads pictures. Importable without
TensorFlow.
"""

import dataclasses
import importlib.util
import pathlib
import warnings
from collections.abc import Callable

from keras_pairs import files, machine
from keras_pairs.errors import UserError, first_line


@dataclasses.dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
      suffix: str, what its files' names end in.
      write: function of a Keras model and the Path of a new file.
      answer: function of a file's bytes and pairs to its answers, a dict by output name.
      writer: str, the package that `write` needs besides TensorFlow, or None.
      runtime: str, the package that `answer` needs.
    """

    suffix: str
    write: Callable
    answer: Callable
    writer: str | None
    runtime: str

    def verdict(self, checked):
        """What `write` returned, for people."""
        if checked:
            return f"checked in {self.runtime}"
        return f"written, not checked: pip install {self.runtime}"


def write(model, path, name, version=None):
    """Writes a network as one file, whole and checked or not at all.

        formats.write(network, "pairs.onnx", "onnx")

    Args:
      model: Keras model, see `signatures.save`.
      path: str or Path; what lies there is replaced.
      name: str, key of `FORMATS`.
      version: Path of the published version whose network it is: then the file has to
        answer as its SavedModel does, and otherwise as the Keras model.

    Returns:
      Whether the file was checked: its runtime is installed.

    Raises:
      UserError: if the package that writes it is missing, the model is not a network of
        digit pairs or cannot be converted, or the file answers otherwise.
      OSError: if the file cannot be written.
    """
    # TensorFlow, which takes seconds.
    from keras_pairs.serving import checks, warmup

    files.check_clock()
    form = FORMATS[name]
    if form.writer and not _installed(form.writer):
        raise UserError(
            f"{name} needs {form.writer}: pip install {form.writer} {form.runtime}"
        )
    pairs = warmup.examples()["serving_default"]
    expected, whose = checks.of_network(model, pairs), "the Keras model's"
    if version is not None:
        expected, whose = checks.of_saved_model(version, pairs), "the SavedModel's"
    checked = _installed(form.runtime)
    with files.atomic_write(path) as temporary:
        _quietly(f"cannot be written as {name}", form.write, model, temporary)
        # One pair, too: the batch may have any length.
        for count in (len(pairs), 1) if checked else ():
            who = f"{path} in {form.runtime}, of {count} pairs at once"
            content = temporary.read_bytes()
            found = _quietly(f"{who} fails", form.answer, content, pairs[:count])
            rows = {output: values[:count] for output, values in expected.items()}
            checks.same(found, rows, who, whose)
    return checked


def _installed(module):
    return importlib.util.find_spec(module) is not None


def _quietly(refusal, work, *arguments):
    """What `work` returns, without the noise of others' converters and runtimes."""
    with machine.noise_held_back(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return work(*arguments)
        except Exception as error:
            # They raise whatever they met. Kept, as the block shows its noise where it
            # raises.
            failure = error
    if isinstance(failure, (OSError, UserError)):
        raise failure
    raise UserError(f"{refusal}: {first_line(failure)}") from failure


def _write_onnx(model, path):
    import onnx

    model.export(path, format="onnx", verbose=False)
    made = onnx.load(path)
    # tf2onnx numbers them.
    for value in (*made.graph.input, *made.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.checker.check_model(made)
    onnx.save(made, path)


def _answer_onnx(content, pairs):
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"pair": pairs}), strict=True))


def _write_litert(model, path):
    import tensorflow as tf

    # `model.export(format="litert")` begins with Keras 3.13, and lets in operations that
    # LiteRT alone has not.
    with files.temporary_folder() as folder:
        model.export(folder, format="tf_saved_model", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
        pathlib.Path(path).write_bytes(converter.convert())


def _answer_litert(content, pairs):
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_content=content).get_signature_runner()(pair=pairs)


def _write_keras(model, path):
    model.save(path)


def _answer_keras(content, pairs):
    from keras_pairs.serving import checks, keras_file

    with files.temporary_folder() as folder:
        path = folder / keras_file.NAME
        path.write_bytes(content)
        return checks.of_network(keras_file.load(path), pairs)


FORMATS = {
    "onnx": Format(".onnx", _write_onnx, _answer_onnx, "tf2onnx", "onnxruntime"),
    "litert": Format(".tflite", _write_litert, _answer_litert, None, "ai_edge_litert"),
    "keras": Format(".keras", _write_keras, _answer_keras, None, "keras"),
}
