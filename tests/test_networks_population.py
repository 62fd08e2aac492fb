"""K networks in one graph: each is the stock network, and none knows of the others."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from keras_pairs.networks.build import build_model
from keras_pairs.networks.population import build_population, networks_and_members
from keras_pairs.networks.population_layers import SharedDropout
from tests import networks


def population(kind=None, members=3, own_data=False):
    config = networks.config(kind)
    configs = [dataclasses.replace(config, seed=k) for k in range(members)]
    return build_population(configs, own_data), configs


@pytest.mark.parametrize("own_data", [False, True], ids=["same data", "own data"])
@pytest.mark.parametrize("kind", networks.KINDS, ids=networks.name)
def test_a_member_taken_out_is_the_stock_network(kind, own_data):
    many, configs = population(kind, own_data=own_data)
    networks.scramble(many)
    assert {weight.shape[0] for weight in many.weights} == {3 * configs[0].committee}
    pair = networks.some_pairs(6, 3 if own_data else None)
    logits = many(pair, training=False)
    for k in (0, 2):
        single = many.member(k, configs[k])
        alone = single(pair[:, k] if own_data else pair, training=False)
        for name, values in alone.items():
            _, members = networks_and_members(logits[name], many.committee)
            assert members.shape == (6, 3, values.shape[-1])
            # float32 carries seven digits; a probability is at most 1.
            together = networks.probabilities(members[:, k])
            np.testing.assert_allclose(np.squeeze(values), together, atol=1e-5)


def test_members_start_as_the_stock_network_of_their_seed():
    many, configs = population()
    for k, config in enumerate(configs):
        mine, stock = many.member(k, config), build_model(config)
        for ours, theirs in zip(mine.weights, stock.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_wrong_member_is_refused():
    many, configs = population()
    with pytest.raises(IndexError, match="There are 3 members. Received: k=3"):
        many.member(3, configs[0])


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", networks.KINDS, ids=networks.name)
def test_gradients_between_members_are_zero(kind, training):
    many, _ = population(kind)
    with tf.GradientTape() as tape:
        answers = many(networks.some_pairs(10), training=training)
        loss = sum(
            tf.reduce_sum(networks_and_members(value, many.committee)[1][:, 1] ** 2)
            for value in answers.values()
        )
    gradients = tape.gradient(loss, [v.value for v in many.trainable_variables])
    for variable, gradient in zip(many.trainable_variables, gradients, strict=True):
        first, own, third = np.split(np.asarray(gradient), 3)
        assert not first.any() and not third.any(), variable.path
        assert own.any(), variable.path


@pytest.mark.parametrize("shape", [(50, 4, 4, 6), (3, 50, 40)], ids=["maps", "features"])
def test_dropout_has_one_mask_for_all_members(shape):
    layer = SharedDropout(3, 0.25, name="dropout_1")
    np.testing.assert_array_equal(layer(np.ones(shape)), np.ones(shape))
    dropped = np.asarray(layer(np.ones(shape, "float32"), training=True))
    members = dropped if len(shape) == 3 else np.split(dropped, 3, -1)
    for other in members[1:]:
        np.testing.assert_array_equal(members[0], other)
    assert set(np.unique(dropped)) == {0, np.float32(1 / 0.75)}
    share = (np.asarray(members[0]) == 0).mean()
    # 1,600 draws or more: five standard errors are 0.054.
    assert abs(share - 0.25) < 0.054
    again = np.asarray(layer(np.ones(shape, "float32"), training=True))
    assert (again != dropped).any()
    same = SharedDropout(3, 0.25, name="dropout_1")(
        np.ones(shape, "float32"), training=True
    )
    np.testing.assert_array_equal(same, dropped)
    other = SharedDropout(3, 0.25, name="dropout_2")(
        np.ones(shape, "float32"), training=True
    )
    assert (np.asarray(other) != dropped).any()


def test_batch_norm_keeps_the_moving_statistics_of_the_papers_framework():
    many, _ = population(members=2)
    layer = many.get_layer("batch_norm_1")
    x = np.random.default_rng(0).normal(3, 2, (5, 12, 12, 8)).astype("float32")
    layer(x, training=True)
    flat = x.reshape(-1, 2, 4)
    mean, variance = 0.1 * flat.mean(0), 0.9 + 0.1 * flat.var(0, ddof=1)
    np.testing.assert_allclose(layer.moving_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-5)
