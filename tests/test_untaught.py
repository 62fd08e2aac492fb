"""A network trained without digits (w_a=0) is published, asked and shown without them."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_pairs.errors import UserError
from keras_pairs.serving import comparer, formats
from tests.helpers import OUTPUTS, call, drawn_zero


def test_it_answers_the_comparison_alone(untaught, tiny, answers):
    served = tf.saved_model.load(str(untaught)).signatures
    expected = tiny(answers[0]["serving_default"][1], training=False)["comparison"]
    for signature, (name, value) in answers[0].items():
        found = served[signature](**{name: tf.constant(value)})
        assert set(found) == {"comparison"}
        np.testing.assert_allclose(found["comparison"], expected, atol=1e-5)


def test_the_network_in_plain_keras_is_whole(untaught, tmp_path):
    network = keras.models.load_model(untaught / "model.keras")
    assert set(network.output) == set(OUTPUTS)
    # And can be written as a file that is compared with the SavedModel.
    assert formats.write(network, tmp_path / "a.keras", "keras", untaught)


def test_from_python(untaught, digits):
    model = comparer.load(untaught)
    assert not model.reads_digits
    found = model.compare(digits.x_test[:3], digits.x_test[3:6])
    assert found.outputs.keys() == {"comparison"} and not found.contradicts.any()
    for name in ("digits", "first_digit", "second_digit"):
        with pytest.raises(UserError, match="has no (first|second)_digit: it was trained"):
            getattr(found, name)


def test_predict_and_its_picture(untaught, tmp_path):
    drawn_zero().save(tmp_path / "a.png")
    flags = (f"--model={untaught}", "a.png", "a.png")
    done = call("predict", *flags, "--show=why.png", cwd=tmp_path)
    assert done.returncode == 0 and "reads" not in done.stdout, done.stderr
    with Image.open(tmp_path / "why.png") as picture:
        assert picture.width > 800
    record = json.loads(call("predict", *flags, "--json", cwd=tmp_path).stdout)
    assert record["first_digit"] is record["second_digit"] is None


def test_over_http_its_only_output_has_no_name(untaught):
    """As TF-Serving's dialect wants it."""
    pytest.importorskip("uvicorn", reason="needs pip install 'keras_pairs[serve]'")
    from tests.servers import running

    image = np.zeros((28, 28), "int")
    image[6:22, 12:16] = 200
    body = {"signature_name": "images", "instances": [[image.tolist()] * 2]}
    with running(untaught) as server:
        status, answer = server.predict(body, "untaught")
        assert status == 200 and np.shape(answer["predictions"]) == (1, 1)
        path = "/v1/models/untaught/metadata"
        found = server.ask("GET", path)[2]["metadata"]["signature_def"]["signature_def"]
        assert set(found["images"]["outputs"]) == {"comparison"}
