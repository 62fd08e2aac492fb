"""A published version through every loader, and what its graph refuses."""

import io
import json
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_pairs.data import pool
from keras_pairs.data.pixels import SCALED
from keras_pairs.graph import reason
from keras_pairs.pictures.image_files import MAX_PIXELS
from keras_pairs.serving import signatures
from tests.helpers import BOX, OUTPUTS, drawn_zero, png

INVALID_ARGUMENT = 3


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert found[name].shape == values.shape
        np.testing.assert_allclose(found[name], values, atol=1e-5, rtol=0)


def test_loaded_in_python(published, answers):
    requests, expected = answers
    loaded = tf.saved_model.load(str(published))
    assert set(loaded.signatures) == {*requests, "prepare"}
    for signature, (name, value) in requests.items():
        assert_same(loaded.signatures[signature](**{name: tf.constant(value)}), expected)
    assert len(np.unique(expected["comparison"].round(3))) > 4


def test_loaded_in_a_session(published, answers):
    requests, expected = answers
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], str(published))
        for signature, (name, value) in requests.items():
            definition = meta.signature_def[signature]
            fetched = {key: x.name for key, x in definition.outputs.items()}
            fed = {definition.inputs[name].name: value}
            assert_same(session.run(fetched, fed), expected)


CLI = """
import json, sys
from tensorflow.python.tools.saved_model_cli import main
for arguments in json.load(sys.stdin):
    sys.argv[1:] = arguments
    try: main()
    except SystemExit as end: assert not end.code
"""


def test_saved_model_cli(published, answers, tmp_path):
    requests, expected = answers
    runs = []
    for signature, (name, value) in requests.items():
        # Its files hold no Python objects but fixed-width bytes; no PNG ends in a zero.
        array = value.astype("S") if value.dtype == object else value
        np.save(tmp_path / f"{signature}.npy", array)
        arguments = ["run", f"--dir={published}", "--tag_set=serve"]
        arguments += [f"--signature_def={signature}", f"--outdir={tmp_path}/{signature}"]
        runs.append([*arguments, f"--inputs={name}={tmp_path}/{signature}.npy"])
    done = subprocess.run(
        [sys.executable, "-c", CLI], input=json.dumps(runs), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for signature in requests:
        found = {key: np.load(tmp_path / signature / f"{key}.npy") for key in OUTPUTS}
        assert_same(found, expected)


def through_c(version, requests, one_dnn):
    """What the C library, XLA off, answers: a dict or (code, message) per request."""
    meta = signature_definitions(version)
    jobs, names = [], []
    for signature, value in requests:
        (fed,) = meta[signature].inputs.values()
        names.append(sorted(meta[signature].outputs))
        fetched = [meta[signature].outputs[name].name for name in names[-1]]
        jobs.append((fed.name, value, fetched))
    config = tf.compat.v1.ConfigProto()
    config.graph_options.optimizer_options.global_jit_level = (
        tf.compat.v1.OptimizerOptions.OFF
    )
    library = pathlib.Path(tf.__file__).parent / "libtensorflow_cc.so.2"
    off = "--tf_xla_auto_jit=-1 --tf_xla_cpu_global_jit=false"
    done = subprocess.run(
        [sys.executable, pathlib.Path(__file__).with_name("c_api.py")],
        input=pickle.dumps((str(library), str(version), config.SerializeToString(), jobs)),
        env=os.environ | {"TF_ENABLE_ONEDNN_OPTS": one_dnn, "TF_XLA_FLAGS": off},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert (b"oneDNN custom operations are on" in done.stderr) == (one_dnn == "1")
    return [
        result if isinstance(result, tuple) else dict(zip(outputs, result, strict=True))
        for outputs, result in zip(names, pickle.loads(done.stdout), strict=True)
    ]


def signature_definitions(version):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        return tf.compat.v1.saved_model.load(session, ["serve"], str(version)).signature_def


@pytest.mark.parametrize("one_dnn", ["0", "1"])
def test_c_library(published, answers, one_dnn):
    requests, expected = answers
    cases = [(signature, value) for signature, (_, value) in requests.items()]
    results = through_c(published, cases, one_dnn)
    for result in results:
        assert_same(result, expected)


@pytest.mark.parametrize("one_dnn", ["0", "1"])
def test_the_model_in_the_box_in_the_c_library(answers, one_dnn):
    requests, _ = answers
    cases = [(signature, value) for signature, (_, value) in requests.items()]
    served = tf.saved_model.load(str(BOX)).signatures["images"]
    expected = served(images=tf.constant(requests["images"][1]))
    for result in through_c(BOX, cases, one_dnn):
        assert_same(result, expected)


def header_says(file, width, height):
    """The PNG file with another size in its header, checksum and all."""
    header = b"IHDR" + struct.pack(">II", width, height) + file[24:29]
    return file[:12] + header + struct.pack(">I", zlib.crc32(header)) + file[33:]


def other_format(name):
    buffer = io.BytesIO()
    Image.fromarray(DIGIT).save(buffer, name)
    return buffer.getvalue()


def row(first, second=None):
    return np.array([[first, DIGIT_PNG if second is None else second]], object)


def pixels(value):
    pair = np.zeros((3, 2, 14, 14), "float32")
    pair[2, 1, 13, 13] = value
    return pair


DIGIT = np.zeros((28, 28), "uint8")
DIGIT[4:24, 12:16] = 255
DIGIT_PNG = png(DIGIT)
TWO = np.full((200, 300), 250, "uint8")
TWO[40:150, 60:80] = TWO[50:160, 200:222] = 20
FRAMES = [Image.fromarray(np.roll(DIGIT, k)) for k in (1, 2)]
ANIMATION = png(DIGIT, save_all=True, append_images=FRAMES)
FLIPPED = DIGIT_PNG[:50] + bytes([DIGIT_PNG[50] ^ 1]) + DIGIT_PNG[51:]

# (signature, what is wrong, request, what the message says)
BAD = [
    ("serving_default", "no batch", np.zeros((2, 14, 14), "f4"), "shape"),
    ("serving_default", "three images", np.zeros((1, 3, 14, 14), "f4"), "shape"),
    ("serving_default", "one image", np.zeros((1, 1, 14, 14), "f4"), "shape"),
    ("serving_default", "images of 28x28", np.zeros((1, 2, 28, 28), "f4"), "shape"),
    ("serving_default", "channels last", np.zeros((1, 14, 14, 2), "f4"), "shape"),
    ("serving_default", "flat", np.zeros((1, 392), "f4"), "shape"),
    ("serving_default", "a fifth axis", np.zeros((1, 2, 14, 14, 1), "f4"), "shape"),
    ("serving_default", "no pairs", np.zeros((0, 2, 14, 14), "f4"), "empty batch"),
    ("serving_default", "not a number", pixels(np.nan), "0 to 255"),
    ("serving_default", "infinite", pixels(np.inf), "0 to 255"),
    ("serving_default", "negative", pixels(-0.01), "0 to 255"),
    ("serving_default", "above 255", pixels(255.01), "0 to 255"),
    ("serving_default", "doubles", np.zeros((1, 2, 14, 14), "f8"), "float"),
    ("serving_default", "scaled", pixels(1), "scaled to 0 to 1"),
    ("serving_default", "scaled, no white", pixels(0.004), "scaled to 0 to 1"),
    ("images", "scaled", np.ones((3, 2, 28, 28), "u1"), "scaled to 0 to 1"),
    ("images", "pooled already", np.zeros((1, 2, 14, 14), "u1"), "shape"),
    ("images", "one image", np.zeros((1, 28, 28), "u1"), "shape"),
    ("images", "a pair of one", np.zeros((1, 1, 28, 28), "u1"), "shape"),
    ("images", "colour", np.zeros((1, 2, 28, 28, 3), "u1"), "shape"),
    ("images", "no pairs", np.zeros((0, 2, 28, 28), "u1"), "empty batch"),
    ("images", "floats", np.zeros((1, 2, 28, 28), "f4"), "uint8"),
    ("png", "one image", np.array([DIGIT_PNG], object), "shape"),
    ("png", "three images", np.array([[DIGIT_PNG] * 3], object), "shape"),
    ("png", "no pairs", np.zeros((0, 2), object), "empty batch"),
    ("png", "pixels", np.zeros((1, 2), "f4"), "string"),
    ("png", "zero bytes", row(b""), "not a PNG file"),
    ("png", "text", row(b"hello, I am a PNG file, am I not?"), "not a PNG file"),
    ("png", "JPEG", row(other_format("JPEG")), "not a PNG file"),
    ("png", "GIF", row(other_format("GIF")), "not a PNG file"),
    ("png", "cut in its header", row(DIGIT_PNG[:20]), "not a PNG file"),
    ("png", "header alone", row(DIGIT_PNG[:33]), "Invalid PNG"),
    ("png", "cut before its end", row(DIGIT_PNG[:-13]), "Invalid PNG"),
    ("png", "a flipped bit", row(FLIPPED), "Invalid PNG"),
    ("png", "second image bad", row(DIGIT_PNG, DIGIT_PNG[:60]), "Invalid PNG"),
    ("png", "second pair bad", np.concatenate([row(DIGIT_PNG), row(b"x")]), "not a PNG"),
    (
        "png",
        "says a little too much",
        row(header_says(DIGIT_PNG, 5000, MAX_PIXELS // 5000 + 1)),
        "50 megapixels",
    ),
    (
        "png",
        "says huge",
        row(header_says(DIGIT_PNG, 2**31 - 1, 2**31 - 1)),
        "pixels",
    ),
    ("png", "says endless", row(header_says(DIGIT_PNG, 2**32 - 1, 1)), "pixels"),
    ("png", "says nothing", row(header_says(DIGIT_PNG, 0, 28)), "Invalid PNG"),
    ("png", "animated", row(ANIMATION), "animated"),
    ("png", "black", row(png(np.zeros((28, 28), "u1"))), "no digit"),
    ("png", "white", row(png(np.full((90, 60), 255, "u1"))), "no digit"),
    ("png", "almost white", row(png(255 - DIGIT // 20)), "no digit"),
    ("png", "transparent", row(png(np.zeros((50, 50, 4), "u1"))), "no digit"),
    ("png", "two digits", row(png(TWO)), "several digits"),
    ("prepare", "a pair", row(DIGIT_PNG), "shape"),
    ("prepare", "none", np.zeros(0, object), "empty batch"),
    ("prepare", "one bad", np.array([DIGIT_PNG, b"x"], object), "not a PNG"),
]


@pytest.mark.parametrize("one_dnn", ["0", "1"])
def test_the_graph_refuses_bad_requests(published, one_dnn):
    good = ("png", row(DIGIT_PNG))
    requests = [(signature, value) for signature, _, value, _ in BAD]
    # The session goes on serving between refusals.
    mixed = [request for bad in requests for request in (bad, good)]
    results = through_c(published, mixed, one_dnn)
    for (signature, what, _, message), result in zip(BAD, results[::2], strict=True):
        assert isinstance(result, tuple), f"{signature}, {what}: answered"
        assert result[0] == INVALID_ARGUMENT, (signature, what, result)
        assert message in result[1], (signature, what, result)
    for result in results[1::2]:
        np.testing.assert_array_equal(result["comparison"], results[1]["comparison"])


def test_python_refuses_them_too(published):
    functions = tf.saved_model.load(str(published)).signatures
    for signature, what, value, _ in BAD:
        name = signatures.INPUTS[signature].name
        with pytest.raises((tf.errors.InvalidArgumentError, ValueError, TypeError)):
            functions[signature](**{name: tf.constant(value)})
            pytest.fail(f"{signature}, {what}: answered")


@pytest.mark.parametrize("brightest", [0, [[1, 1], [1, 2]], 255])
def test_faint_images_are_answered(published, brightest):
    """Blank ones, one just lighter than those in 0…1, and a faint one beside another."""
    images = np.zeros((3, 2, 28, 28), "uint8")
    images[0, 0, 0, 0] = np.max(brightest) > 0
    images[2, 1, 26:, 26:] = brightest
    pair = pool(images).reshape(3, 2, 14, 14)
    functions = tf.saved_model.load(str(published)).signatures
    found = functions["serving_default"](pair=tf.constant(pair))
    same = functions["images"](images=tf.constant(images))
    for name, values in found.items():
        np.testing.assert_allclose(values, same[name], atol=1e-5)


def test_a_refusal_of_pixels_is_one_line_without_its_place(published):
    functions = tf.saved_model.load(str(published)).signatures
    for signature, value in (
        ("serving_default", pixels(0.5)),
        ("images", np.ones((1, 2, 28, 28), "u1")),
    ):
        name = signatures.INPUTS[signature].name
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            functions[signature](**{name: tf.constant(value)})
        assert reason(error.value) == SCALED


def test_the_largest_image_is_answered(published):
    large = drawn_zero(int(MAX_PIXELS**0.5))
    functions = tf.saved_model.load(str(published)).signatures
    found = functions["png"](png_bytes=tf.constant([[png(large), DIGIT_PNG]]))
    assert np.isfinite(found["comparison"]).all()


def test_what_prepare_gives_is_what_the_network_sees(published, answers):
    """A page prepares each picture alone, and asks for pairs of what it was shown."""
    functions = tf.saved_model.load(str(published)).signatures
    pairs = answers[0]["png"][1].copy()
    pairs[0, 0] = png(drawn_zero())
    seen = functions["prepare"](png_bytes=tf.constant(pairs.reshape(-1)))
    assert seen["image"].dtype == tf.uint8 and seen["image"].shape == (14, 28, 28)
    assert (seen["count"].numpy() == 1).all()
    apart = functions["images"](images=tf.reshape(seen["image"], (7, 2, 28, 28)))
    for name, values in functions["png"](png_bytes=tf.constant(pairs)).items():
        np.testing.assert_allclose(values, apart[name], atol=1e-6)
