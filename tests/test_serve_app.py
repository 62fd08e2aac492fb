"""The server on a real socket in this process: what it answers for a model."""

import base64
import concurrent.futures
import shutil

import numpy as np
import pytest
import tensorflow as tf

from keras_pairs.server.loaded import Loaded
from tests.helpers import BOX, BOX_NUMBER, drawn_zero, png
from tests.servers import running


@pytest.fixture
def server(box_server):
    return box_server


def test_status(server):
    expected = {
        "version": str(BOX_NUMBER),
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    for path in ("", f"/versions/{BOX_NUMBER}"):
        status, headers, answer = server.ask("GET", f"/v1/models/digit_pairs{path}")
        assert status == 200 and headers["Content-Type"] == "application/json"
        assert answer == {"model_version_status": [expected]}
    assert server.ask("GET", "/healthz")[2] == {
        "status": "ok",
        "model": "digit_pairs",
        "version": BOX_NUMBER,
        "reads_digits": True,
    }


def test_a_model_that_learned_no_digits_says_so(published, tmp_path):
    shutil.copytree(published, tmp_path / "1")
    for content in ('{"training": {"config": {"w_a": 0}}}', "[]", "{"):
        (tmp_path / "1" / "model_card.json").write_text(content)
        taught = "w_a" not in content
        assert Loaded(tmp_path / "1", 1).reads_digits == taught


def test_a_model_without_digits_reads_none(tmp_path):
    module = tf.Module()
    module.serve = tf.function(
        lambda pair: {"comparison": pair[:, 0]},
        input_signature=[tf.TensorSpec([None, 2], tf.float32, "pair")],
    )
    tf.saved_model.save(module, tmp_path / "1", {"serving_default": module.serve})
    assert not Loaded(tmp_path / "1", 1).reads_digits


def test_metadata_is_protobufs_json(server):
    """What TF-Serving makes of the messages, by protobuf's own writer."""
    from google.protobuf.json_format import ParseDict
    from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

    _, _, answer = server.ask("GET", "/v1/models/digit_pairs/metadata")
    spec = {"name": "digit_pairs", "signature_name": "", "version": str(BOX_NUMBER)}
    assert answer["model_spec"] == spec
    found = answer["metadata"]["signature_def"]["signature_def"]
    model = saved_model_pb2.SavedModel.FromString((BOX / "saved_model.pb").read_bytes())
    expected = model.meta_graphs[0].signature_def
    assert found.keys() == expected.keys() >= {"serving_default", "images", "png"}
    for name, signature in found.items():
        message = ParseDict(signature, meta_graph_pb2.SignatureDef())
        assert message == expected[name]
    pair = found["serving_default"]["inputs"]["pair"]
    assert pair["dtype"] == "DT_FLOAT" and pair["tensor_shape"]["unknown_rank"] is False
    assert [dim["size"] for dim in pair["tensor_shape"]["dim"]] == ["-1", "2", "14", "14"]


def test_every_signature_answers(server):
    image = np.zeros((28, 28), "uint8")
    image[6:22, 12:16] = 200
    file = {"b64": base64.b64encode(png(image)).decode()}
    pooled = image.reshape(14, 2, 14, 2).mean((1, 3)).tolist()
    answers = [
        server.predict({"signature_name": name, "instances": [[value, value]]})[1]
        for name, value in (
            ("serving_default", pooled),
            ("images", image.tolist()),
            ("png", file),
        )
    ]
    probabilities = [answer["predictions"][0]["comparison"][0] for answer in answers]
    np.testing.assert_allclose(probabilities, probabilities[0], atol=1e-5)
    assert set(answers[0]["predictions"][0]) == {
        "comparison",
        "first_digit",
        "second_digit",
    }


def test_a_signature_is_served_by_its_own_specs(tmp_path):
    """One picture in, several outputs of other dtypes and shapes; two inputs."""
    import tensorflow as tf

    from keras_pairs.server.loaded import Loaded

    module = tf.Module()
    strings = tf.TensorSpec([None], tf.string, "png_bytes")
    numbers = tf.TensorSpec([None, 2], tf.int32, "boxes")

    @tf.function(input_signature=[strings])
    def prepare(png_bytes):
        count = tf.shape(png_bytes)[0]
        return {
            "image": tf.zeros([count, 28, 28], tf.uint8),
            "count": tf.strings.length(png_bytes),
            "png_bytes": png_bytes,
        }

    @tf.function(input_signature=[strings, numbers])
    def both(png_bytes, boxes):
        return {"sum": tf.reduce_sum(boxes)}

    module.prepare, module.both = prepare, both
    tf.saved_model.save(module, str(tmp_path / "7"), {"prepare": prepare, "both": both})
    with running(tmp_path, Loaded) as server:
        name = tmp_path.name
        rows = [{"b64": base64.b64encode(b"\0ab").decode()}, "x"]
        body = {"signature_name": "prepare", "instances": rows}
        status, answer = server.predict(body, name)
        assert status == 200, answer
        assert [row["count"] for row in answer["predictions"]] == [3, 1]
        assert answer["predictions"][0]["png_bytes"] == rows[0]
        assert np.shape(answer["predictions"][1]["image"]) == (28, 28)
        columns = {"png_bytes": ["a"], "boxes": [[1, 2], [3, 4]]}
        body = {"signature_name": "both", "inputs": columns}
        assert server.predict(body, name) == (200, {"outputs": 10})
        status, answer = server.predict({"instances": [1]}, name)
        assert status == 400 and "there are both, prepare" in answer["error"]


def test_the_graph_says_what_it_refuses(server):
    for value, message in (
        (np.full((1, 2, 14, 14), 256).tolist(), "pair: pixels must be 0 to 255"),
        (np.full((1, 2, 14, 14), 0.5).tolist(), "pair: pixels must be 0 to 255; these se"),
    ):
        status, answer = server.predict({"inputs": value})
        assert status == 400 and answer["error"].startswith(message), answer
    blank = {"b64": base64.b64encode(png(np.zeros((50, 50), "uint8"))).decode()}
    body = {"signature_name": "png", "inputs": [[blank, blank]]}
    assert server.predict(body) == (
        400,
        {"error": "png_bytes: an image shows no digit that can be found"},
    )
    cut = {"b64": base64.b64encode(png(drawn_zero())[:-30]).decode()}
    body = {"signature_name": "png", "inputs": [[cut, cut]]}
    assert server.predict(body) == (400, {"error": "a damaged PNG image"})


def test_one_bad_picture_fails_no_other(server):
    """Also where they were joined."""
    good = {"b64": base64.b64encode(png(drawn_zero())).decode()}

    def ask(i):
        picture = "no picture" if i % 4 == 3 else good
        body = {"signature_name": "png", "instances": [[picture, good]]}
        return server.predict(body)[0]

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(48))) == [200, 200, 200, 400] * 12
