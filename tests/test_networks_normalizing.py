"""Batch normalisation of a population's channels, in each of its ways."""

import numpy as np
import pytest
import tensorflow as tf

from keras_pairs import machine
from keras_pairs.networks import normalizing
from keras_pairs.networks.stock import EPSILON

WAYS = (normalizing.by_kernel, normalizing.by_products)


def some(shape, seed, mean=0.0):
    drawn = np.random.default_rng(seed).normal(mean, 2, shape).astype("float32")
    return tf.constant(drawn)


def with_gradients(way, dtype="float32"):
    """What a way gives, then the gradients of x, gamma and beta."""
    # Channels whose mean is four of their deviations, as far as they get in training.
    given = some((6, 5, 4, 24), 0, mean=8), some((24,), 1), some((24,), 2)
    given = [tf.cast(values, dtype) for values in given]
    with tf.GradientTape() as tape:
        tape.watch(given)
        found = way(*given)
        loss = tf.reduce_sum(found[0] * tf.cast(some(given[0].shape, 3), dtype))
    return [*found, *tape.gradient(loss, given)]


def by_hand(x, gamma, beta):
    """By the formula, of single operations with TensorFlow's own gradients."""
    mean = tf.reduce_mean(x, (0, 1, 2))
    squares = (x - mean) ** 2
    variance = tf.reduce_mean(squares, (0, 1, 2))
    outputs = (x - mean) / tf.sqrt(variance + EPSILON) * gamma + beta
    pixels = x.shape[0] * x.shape[1] * x.shape[2]
    return outputs, mean, tf.reduce_sum(squares, (0, 1, 2)) / (pixels - 1)


def assert_the_formula_and_its_gradients(way):
    expected = with_gradients(by_hand, "float64")
    for ours, theirs in zip(with_gradients(way), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("traced", [False, True], ids=["eager", "graph"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_each_way_is_the_formula_and_its_gradients(way, traced):
    assert_the_formula_and_its_gradients(tf.function(way) if traced else way)


@pytest.mark.parametrize("vectors", ["AVX-512", "AVX2", ""])
def test_every_processor_gets_the_same_numbers(vectors, monkeypatch):
    monkeypatch.setattr(machine, "vectors", lambda: vectors)
    assert_the_formula_and_its_gradients(normalizing.normalize)


def test_a_single_pixel_has_a_variance():
    for way in WAYS:
        outputs, mean, variance = way(some((1, 1, 1, 8), 0), some((8,), 1), some((8,), 2))
        # A deviation of 0 is a scale of 1/sqrt(1e-5), which rounding is multiplied by.
        np.testing.assert_allclose(outputs[0, 0, 0], some((8,), 2), atol=1e-3)
        np.testing.assert_allclose(mean, some((1, 1, 1, 8), 0)[0, 0, 0], rtol=1e-6)
        np.testing.assert_array_equal(variance, 0)


def test_sums_over_many_pixels_round_little():
    x = some((400, 8, 8, 8), 0, mean=3)
    _, mean, variance = normalizing.by_products(x, some((8,), 1), some((8,), 2))
    exact = np.asarray(x, "float64")
    # Added up one after another, 25,600 numbers would be off by 4e-6.
    np.testing.assert_allclose(mean, exact.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(variance, exact.var((0, 1, 2), ddof=1), rtol=1e-6)
