"""The stock network against section II.A, computed in numpy."""

import dataclasses
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_pairs.config import TrainingConfig, having
from keras_pairs.networks import heads
from keras_pairs.networks.build import build_model, networks_of
from keras_pairs.outputs import OUTPUTS, names
from keras_pairs.trunks import TRUNKS
from tests import networks


def numpy_convolution(x, kernel, padding):
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    side = x.shape[1] - 2
    return sum(
        x[:, a : a + side, b : b + side] @ kernel[a, b] for a in range(3) for b in range(3)
    )


def weights(model, layer):
    return [np.asarray(w, "float64") for w in model.get_layer(layer).weights]


def numpy_features(model, x, trunk):
    for i in range(1, 7):
        x = numpy_convolution(x, *weights(model, f"conv_{i}"), int(trunk == "padded"))
        gamma, beta, mean, variance = weights(model, f"batch_norm_{i}")
        x = np.maximum((x - mean) / np.sqrt(variance + 1e-5) * gamma + beta, 0)
        if trunk == "padded" and i % 2 == 0:
            half = x.shape[1] // 2
            x = x[:, : 2 * half, : 2 * half]
            x = x.reshape(len(x), half, 2, half, 2, -1).max((2, 4))
    return x.reshape(len(x), -1)


def numpy_head(model, features, name):
    kernel, bias = weights(model, f"{name}_hidden")
    hidden = np.maximum(features @ kernel + bias, 0)
    kernel, bias = weights(model, f"{name}_logits")
    return networks.probabilities(hidden @ kernel + bias)


def numpy_model(model, pair, kind):
    """Answers of a model: of a committee, the mean of its networks'."""
    every = [numpy_network(network, pair, kind) for network in networks_of(model)]
    assert len(every) == kind["committee"]
    found = {name: np.mean([answers[name] for answers in every], 0) for name in every[0]}
    if kind["derived_comparison"]:
        found["comparison"] = at_most(found["first_digit"], found["second_digit"])
    return found


def at_most(first, second):
    return sum(first[:, i] * second[:, j] for i in range(10) for j in range(i, 10))


def numpy_network(model, pair, kind):
    """Answers of a single network, one image after the other where weights are shared."""
    x = np.asarray((pair / 255 - 0.1302) / 0.3069, "float64")
    if kind["weight_sharing"]:
        each = [numpy_features(model, x[:, i, ..., None], kind["trunk"]) for i in (0, 1)]
        found = {
            name: numpy_head(model, features, "digit")
            for name, features in zip(("first_digit", "second_digit"), each, strict=True)
        }
        both = np.concatenate(each, 1)
    else:
        both = numpy_features(model, np.transpose(x, (0, 2, 3, 1)), kind["trunk"])
        found = {n: numpy_head(model, both, n) for n in ("first_digit", "second_digit")}
    if kind["derived_comparison"]:
        found["comparison"] = at_most(found["first_digit"], found["second_digit"])
    else:
        found["comparison"] = numpy_head(model, both, "comparison")
    return found


def test_every_trunk_and_field_has_a_row():
    assert {kind["trunk"] for kind in networks.KINDS} == set(TRUNKS)
    assert {*networks.KINDS[0], "nb_f"} == set(having("network"))


@pytest.mark.parametrize("kind", networks.KINDS, ids=networks.name)
def test_answers_are_those_of_section_2a(kind):
    model = networks.scramble(build_model(networks.config(kind, nb_f=5)))
    pair = networks.some_pairs()
    answers, expected = model(pair, training=False), numpy_model(model, pair, kind)
    assert list(answers) == names()
    for output in OUTPUTS:
        assert answers[output.name].shape == (7, output.units)
        # float32 carries seven digits; a probability is at most 1.
        values = np.asarray(answers[output.name]).squeeze()
        np.testing.assert_allclose(values, expected[output.name], atol=1e-5)


def test_a_committees_first_network_is_the_one_that_answers_alone():
    config = networks.config(weight_sharing=True)
    committee = build_model(dataclasses.replace(config, committee=2))
    first, second = networks_of(committee)
    for mine, alone, other in zip(
        first.trainable_weights,
        build_model(config).trainable_weights,
        second.trainable_weights,
        strict=True,
    ):
        np.testing.assert_array_equal(mine, alone)
        if "kernel" in mine.path:
            assert (np.asarray(mine) != np.asarray(other)).all()


@pytest.mark.parametrize("nb_f", [8, 16, 32, 64])
def test_parameter_count(nb_f):
    model = build_model(TrainingConfig.from_preset(nb_f=nb_f))
    convolutions = 9 * 2 * nb_f + 5 * 9 * nb_f * nb_f  # without the bias batch norm undoes
    batch_norms = 6 * 2 * nb_f
    per_head = 3 * (4 * nb_f * 20 + 20) + (20 * 1 + 1) + 2 * (20 * 10 + 10)
    counted = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert counted == convolutions + batch_norms + per_head
    assert model.get_layer("dropout_6").output.shape == (None, 2, 2, nb_f)


def test_weight_sharing_has_fewer_weights():
    plain, shared = (
        build_model(TrainingConfig.from_preset(preset, nb_f=8)).count_params()
        for preset in ("paper", "shared")
    )
    one_channel_less, a_head_less = 9 * 8, (32 * 20 + 20) + (20 * 10 + 10)
    second_image = 32 * 20
    assert plain - shared == one_channel_less + a_head_less - second_image


def test_single_input_named_pair():
    model = build_model(networks.config())
    assert [x.name for x in model.inputs] == ["pair"]
    assert model.input_shape == (None, 2, 14, 14)


@pytest.mark.parametrize("kind", networks.KINDS, ids=networks.name)
def test_layers_are_stock_and_the_file_opens_without_this_package(kind, tmp_path):
    model = networks.scramble(build_model(networks.config(kind)))
    layers = [layer for network in networks_of(model) for layer in network.layers]
    for layer in (*model.layers, *layers):
        assert type(layer).__module__.startswith("keras."), layer
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    pair = networks.some_pairs()
    for name, values in model(pair, training=False).items():
        np.testing.assert_array_equal(loaded(pair, training=False)[name], values)


def test_another_process_opens_the_file_and_trains_it(tmp_path):
    """A process that never heard of this package."""
    model = build_model(TrainingConfig.from_preset("best", nb_f=4))
    model.save(tmp_path / "model.keras")
    script = (
        "import sys, keras, numpy as np\n"
        # Dropout is random: a few steps alone may go either way.
        "keras.utils.set_random_seed(0)\n"
        f"model = keras.models.load_model({str(tmp_path / 'model.keras')!r})\n"
        "y = {'comparison': np.ones(20), 'first_digit': np.zeros(20),\n"
        "     'second_digit': np.ones(20)}\n"
        "digit = 'sparse_categorical_crossentropy'\n"
        "model.compile(keras.optimizers.Adam(0.01),\n"
        "    loss={'comparison': 'binary_crossentropy', 'first_digit': digit,\n"
        "          'second_digit': digit},\n"
        "    loss_weights={name: 0.5 for name in y})\n"
        "history = model.fit(np.zeros((20, 2, 14, 14)), y, epochs=20, verbose=0).history\n"
        "assert history['loss'][-1] < 0.8 * history['loss'][0], history\n"
        "assert not any(name.startswith('keras_pairs') for name in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_initial_weights_follow_from_seed_and_name():
    config = networks.config()
    first, again = build_model(config), build_model(config)
    other = build_model(dataclasses.replace(config, seed=2))
    for mine, same, unlike in zip(
        *(m.trainable_weights for m in (first, again, other)), strict=True
    ):
        np.testing.assert_array_equal(mine, same)
        if "kernel" in mine.path:
            assert (np.asarray(mine) != np.asarray(unlike)).all()
    limit = 1 / np.sqrt(18)
    kernel = np.asarray(first.get_layer("conv_1").kernel)
    assert 0.8 * limit < abs(kernel).max() <= limit
    # A stream for each name: a longer trunk shifts nobody's numbers.
    wider = build_model(dataclasses.replace(config, weight_sharing=True))
    for name in ("conv_2", "conv_6"):
        np.testing.assert_array_equal(
            first.get_layer(name).kernel, wider.get_layer(name).kernel
        )


def test_the_derived_comparison_is_the_sum_over_classes():
    logits = np.random.default_rng(0).normal(0, 3, (2, 3, 5, 10))
    logits[0, 0, 0] = [0] * 9 + [80]  # a sure 9 against …
    logits[1, 0, 0] = [80] + [0] * 9  # … a sure 0
    first, second = (networks.probabilities(x) for x in logits)
    for target in (lambda i, j: i <= j, lambda i, j: i == j):
        expected = sum(
            first[..., i] * second[..., j]
            for i in range(10)
            for j in range(10)
            if target(i, j)
        )
        answer = np.asarray(heads.derive(*logits.astype("float32"), target))
        assert answer.shape == (3, 5, 1) and np.isfinite(answer).all()
        np.testing.assert_allclose(networks.probabilities(answer), expected, atol=1e-6)


@pytest.mark.parametrize("kind", networks.KINDS, ids=networks.name)
def test_a_pair_is_answered_alone_as_among_others(kind):
    model = build_model(networks.config(kind))
    pairs = networks.some_pairs(3)
    together, alone = model(pairs, training=False), model(pairs[:1], training=False)
    for name, values in together.items():
        np.testing.assert_allclose(alone[name], values[:1], atol=1e-6)


@pytest.mark.parametrize(("trunk", "activations"), [("paper", 364), ("padded", 660)])
def test_a_trunks_activations_are_those_of_its_layers(trunk, activations):
    nb_f = 3
    model = build_model(networks.config({"trunk": trunk}, nb_f=nb_f))
    maps = [model.get_layer(f"conv_{i}").output.shape[1:] for i in range(1, 7)]
    assert sum(int(np.prod(shape)) for shape in maps) == nb_f * activations
    assert TRUNKS[trunk].activations() == activations
