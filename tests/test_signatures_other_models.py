"""Models of other make than ours: what is saved of them, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_pairs.errors import UserError
from keras_pairs.serving import signatures
from tests.helpers import OUTPUTS


def keras_model(layer=None, outputs=OUTPUTS, shape=(2, 14, 14)):
    """A model of other make than ours, with our input and outputs."""
    pair = keras.Input(shape, name="pair")
    x = keras.layers.Permute((2, 3, 1))(pair)
    x = keras.layers.Flatten()(x if layer is None else layer(x))
    units = {"comparison": 1, "first_digit": 10, "second_digit": 10}
    return keras.Model(pair, {n: keras.layers.Dense(units.get(n, 1))(x) for n in outputs})


class GroupedConvolution(keras.layers.Layer):
    def call(self, x):
        return tf.nn.conv2d(x, tf.ones((3, 3, 1, 4)), 1, "VALID")


class Noise(keras.layers.Layer):
    def call(self, x):
        return x + tf.random.normal(tf.shape(x))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: keras_model(keras.layers.Conv2D(4, 3, groups=2)), "XLA|grouped"),
        (lambda: keras_model(GroupedConvolution()), "grouped convolution"),
        (lambda: keras_model(Noise()), "belongs to training"),
        (lambda: keras_model(outputs=("first_digit",)), "not a model of pairs"),
        (lambda: keras_model(shape=(2, 28, 28)), "not a model of pairs"),
    ],
)
def test_what_a_server_may_not_run_is_not_saved(tmp_path, model, message):
    with pytest.raises(UserError, match=message):
        signatures.save(model(), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_other_networks_are_saved(tmp_path):
    model = keras_model(keras.layers.SeparableConv2D(3, 3))
    signatures.save(model, tmp_path / "model")
    pair = np.random.default_rng(0).uniform(0, 255, (3, 2, 14, 14)).astype("float32")
    served = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    for name, values in served(pair=tf.constant(pair)).items():
        np.testing.assert_allclose(values, model(pair)[name], rtol=1e-5, atol=1e-4)
