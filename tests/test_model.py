import keras
import numpy as np
import pytest

from keras_pairs.model import build_model, count_members, initialize, take_member
from tests.helpers import OUTPUTS


def some_pairs(count=7, members=None, seed=0):
    shape = (count, 2, 14, 14) if members is None else (count, members, 2, 14, 14)
    return np.random.default_rng(seed).uniform(0, 255, shape).astype("float32")


def scramble(model, seed=0):
    """Random values in every weight, so that no term can hide behind a 0 or a 1."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        for variable in layer.weights:
            if variable.dtype == "float32":
                low = 0.5 if "variance" in variable.name else -0.5
                variable.assign(rng.uniform(low, 1, variable.shape))
    return model


def numpy_network(model, pair):
    """Section II.A in numpy, for a single network."""

    def weights(name):
        return [np.asarray(w, "float64") for w in model.get_layer(name).weights]

    x = np.transpose((pair / 255 - 0.1302) / 0.3069, (0, 2, 3, 1)).astype("float64")
    for i in range(1, 7):
        (kernel,) = weights(f"conv_{i}")
        side = x.shape[1] - 2
        x = sum(
            x[:, a : a + side, b : b + side] @ kernel[a, b]
            for a in range(3)
            for b in range(3)
        )
        gamma, beta, mean, variance = weights(f"batch_norm_{i}")
        x = np.maximum((x - mean) / np.sqrt(variance + 1e-5) * gamma + beta, 0)
    assert x.shape[1:3] == (2, 2)
    features = x.reshape(len(x), -1)
    answers = {}
    for name in OUTPUTS:
        kernel, bias = weights(f"{name}_hidden")
        hidden = np.maximum(features @ kernel[0] + bias[0], 0)
        kernel, bias = weights(f"{name}_logits")
        logits = hidden @ kernel[0] + bias[0]
        if name == "comparison":
            answers[name] = 1 / (1 + np.exp(-logits))
        else:
            powers = np.exp(logits - logits.max(1, keepdims=True))
            answers[name] = powers / powers.sum(1, keepdims=True)
    return answers


@pytest.mark.parametrize("nb_f", [8, 16, 32, 64])
def test_parameter_count(nb_f):
    model = build_model(nb_f)
    convolutions = 9 * 2 * nb_f + 5 * 9 * nb_f * nb_f  # without the bias batch norm undoes
    batch_norms = 6 * 2 * nb_f
    heads = 3 * (4 * nb_f * 20 + 20) + (20 * 1 + 1) + 2 * (20 * 10 + 10)
    counted = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert counted == convolutions + batch_norms + heads
    assert model.get_layer("dropout_6").output.shape == (None, 2, 2, nb_f)


def test_predictions_are_those_of_section_2a():
    model = scramble(build_model(5))
    pair = some_pairs()
    expected = numpy_network(model, pair)
    answers = model(pair)
    assert set(answers) == set(OUTPUTS)
    for name in OUTPUTS:
        assert answers[name].shape == ((7, 1) if name == "comparison" else (7, 10))
        np.testing.assert_allclose(answers[name], expected[name], atol=1e-5)


def test_single_input_named_pair():
    model = build_model(3)
    assert [x.name for x in model.inputs] == ["pair"]
    assert model.input_shape == (None, 2, 14, 14)


@pytest.mark.parametrize("own_data", [False, True])
def test_a_member_taken_out_predicts_the_same(own_data):
    population = scramble(build_model(4, 3, own_data=own_data))
    pair = some_pairs(6, 3 if own_data else None)
    answers = population.predict(pair, verbose=0)
    for k in range(3):
        single = take_member(population, k, {"nb_f": 4})
        assert count_members(single) == 1
        alone = single.predict(pair[:, k] if own_data else pair, verbose=0)
        for name in OUTPUTS:
            together = answers[name][:, k]
            np.testing.assert_allclose(
                alone[name].reshape(together.shape), together, atol=1e-5
            )
        assert all(getattr(layer, "groups", 1) == 1 for layer in single.layers)


def test_single_model_survives_saving(tmp_path):
    population = scramble(build_model(4, 2))
    single = take_member(population, 1, {"nb_f": 4})
    single.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    pair = some_pairs()
    for name in OUTPUTS:
        np.testing.assert_array_equal(loaded(pair)[name], single(pair)[name])


def test_initial_weights_depend_on_the_own_seed_only():
    pair, many = build_model(4, 2), build_model(4, 3)
    initialize(pair, [7, 9])
    initialize(many, [1, 2, 9])
    for mine, other in zip(
        take_member(pair, 1, {"nb_f": 4}).trainable_weights,
        take_member(many, 2, {"nb_f": 4}).trainable_weights,
        strict=True,
    ):
        np.testing.assert_array_equal(mine, other)
    first, other = (
        np.asarray(take_member(many, k, {"nb_f": 4}).get_layer("conv_1").kernel)
        for k in (0, 1)
    )
    assert (first != other).all()
    limit = 1 / np.sqrt(18)
    assert 0.8 * limit < abs(first).max() <= limit


@pytest.mark.parametrize(("nb_f", "members", "name"), [(0, 1, "nb_f"), (4, 0, "members")])
def test_impossible_sizes_are_refused(nb_f, members, name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1"):
        build_model(nb_f, members)


def test_wrong_member_or_seeds_are_refused():
    model = build_model(4, 2)
    with pytest.raises(IndexError, match="There are 2 members"):
        take_member(model, 2, {"nb_f": 4})
    with pytest.raises(ValueError, match="one seed per member"):
        initialize(model, [1])


def numpy_convolution(x, kernel, padding):
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    side = x.shape[1] - 2
    return sum(
        x[:, a : a + side, b : b + side] @ kernel[a, b] for a in range(3) for b in range(3)
    )


def numpy_shared_network(model, pair, trunk):
    """Weight sharing in numpy: probabilities of both digits, and the comparison's logit.

    The trunk and the digits' head see one image after the other.
    """

    def weights(name):
        return [np.asarray(w, "float64") for w in model.get_layer(name).weights]

    def dense(name, x):
        kernel, bias = weights(name)
        return x @ kernel[0] + bias[0]

    features = []
    for side in (0, 1):
        x = ((pair[:, side] / 255 - 0.1302) / 0.3069)[..., None].astype("float64")
        for i in range(1, 7):
            x = numpy_convolution(x, *weights(f"conv_{i}"), int(trunk == "padded"))
            gamma, beta, mean, variance = weights(f"batch_norm_{i}")
            x = np.maximum((x - mean) / np.sqrt(variance + 1e-5) * gamma + beta, 0)
            if trunk == "padded" and i % 2 == 0:
                half = x.shape[1] // 2
                x = x[:, : 2 * half, : 2 * half]
                x = x.reshape(len(x), half, 2, half, 2, -1).max((2, 4))
        features.append(x.reshape(len(x), -1))
    digits = []
    for x in features:
        logits = dense("digit_logits", np.maximum(dense("digit_hidden", x), 0))
        powers = np.exp(logits - logits.max(1, keepdims=True))
        digits.append(powers / powers.sum(1, keepdims=True))
    if any(layer.name == "derived" for layer in model.layers):
        first, second = digits
        at_most = sum(
            first[:, i] * second[:, j] for i in range(10) for j in range(10) if i <= j
        )
    else:
        both = np.concatenate(features, 1)
        logit = dense("comparison_logits", np.maximum(dense("comparison_hidden", both), 0))
        at_most = 1 / (1 + np.exp(-logit[:, 0]))
    return *digits, at_most


@pytest.mark.parametrize("trunk", ["paper", "padded"])
@pytest.mark.parametrize("derived", [False, True])
def test_weight_sharing_sees_each_image_by_itself(trunk, derived):
    network = {"nb_f": 5, "weight_sharing": True, "trunk": trunk}
    model = scramble(build_model(**network, derived_comparison=derived))
    pair = some_pairs()
    first, second, at_most = numpy_shared_network(model, pair, trunk)
    answers = model(pair)
    np.testing.assert_allclose(answers["first_digit"], first, atol=1e-5)
    np.testing.assert_allclose(answers["second_digit"], second, atol=1e-5)
    assert answers["comparison"].shape == (7, 1)
    np.testing.assert_allclose(answers["comparison"][:, 0], at_most, atol=1e-5)
    swapped = model(pair[:, ::-1])
    np.testing.assert_allclose(swapped["first_digit"], second, atol=1e-5)


@pytest.mark.parametrize("own_data", [False, True])
@pytest.mark.parametrize(
    "network",
    [
        {"weight_sharing": True},
        {"trunk": "padded", "derived_comparison": True},
        {"weight_sharing": True, "trunk": "padded", "derived_comparison": True},
    ],
)
def test_members_of_other_networks_can_be_taken_out_and_saved(network, own_data, tmp_path):
    network = {"nb_f": 4} | network
    options = {"members": 3, "own_data": own_data, "augmentation": True}
    population = scramble(build_model(**network, **options))
    pair = some_pairs(6, 3 if own_data else None)
    answers = population.predict(pair, verbose=0)
    single = take_member(population, 1, network)
    single.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert all(getattr(layer, "groups", 1) == 1 for layer in loaded.layers)
    assert "augmentation" not in {layer.name for layer in loaded.layers}
    alone = loaded.predict(pair[:, 1] if own_data else pair, verbose=0)
    for name in OUTPUTS:
        together = answers[name][:, 1]
        np.testing.assert_allclose(alone[name].reshape(together.shape), together, atol=1e-5)


def test_weight_sharing_has_fewer_weights():
    counts = [
        sum(int(np.prod(w.shape)) for w in build_model(8, **kind).trainable_weights)
        for kind in ({}, {"weight_sharing": True})
    ]
    one_channel_less, a_head_less = 9 * 8, (32 * 20 + 20) + (20 * 10 + 10)
    second_image = 32 * 20
    assert counts[0] - counts[1] == one_channel_less + a_head_less - second_image
