"""Eq. (1), its metrics and its optimiser against numbers computed by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_pairs.networks.population import build_population
from keras_pairs.outputs import targets
from keras_pairs.training.loss_weights import loss_weights
from keras_pairs.training.objective import (
    MemberAdam,
    compile_population,
    one_cycle,
)
from tests import networks

RNG = np.random.default_rng(0)
PAIR = networks.some_pairs(30)
DIGITS = RNG.integers(0, 10, (30, 2))
TARGETS = targets(DIGITS)


def config(**changes):
    return networks.config(batch_size=30, lr=0.01, **changes)


def compiled(*configs):
    population = build_population(configs)
    compile_population(population, configs, 1)
    return population


def evaluated(population, batch_size=30):
    return population.evaluate(
        PAIR, TARGETS, batch_size=batch_size, verbose=0, return_dict=True
    )


def numpy_losses(logits, smoothing=0.0):
    """The three cross entropies of one member's logits."""
    p = networks.probabilities(logits["comparison"])
    t = TARGETS["comparison"]
    losses = {"comparison": -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))}
    for name in ("first_digit", "second_digit"):
        target = np.full((30, 10), smoothing / 10)
        target[np.arange(30), TARGETS[name]] += 1 - smoothing
        q = networks.probabilities(logits[name])
        losses[name] = -np.mean((target * np.log(q)).sum(1))
    return losses


def numpy_eq1(losses, w_m, w_a):
    auxiliary = losses["first_digit"] + losses["second_digit"]
    return (w_m * losses["comparison"] + w_a * auxiliary) / (w_m + w_a)


@pytest.mark.parametrize(("w_m", "w_a"), [(1, 0), (1, 0.7), (1, 3), (0, 1), (2, 0.5)])
def test_total_loss_is_eq1(w_m, w_a):
    population = compiled(config(w_m=w_m, w_a=w_a))
    logs = evaluated(population)
    logits = {name: value[:, 0] for name, value in population(PAIR).items()}
    losses = numpy_losses(logits)
    np.testing.assert_allclose(logs["loss"], numpy_eq1(losses, w_m, w_a), rtol=1e-5)
    for name, value in losses.items():
        np.testing.assert_allclose(logs[f"{name}_cross_entropy"], value, rtol=1e-5)


def test_what_is_minimised_is_the_members_sum():
    weights = [(1, 0.7), (1, 3), (2, 0.5)]
    configs = [config(w_m=m, w_a=a, seed=k) for k, (m, a) in enumerate(weights)]
    population = compiled(*configs)
    logs = evaluated(population)
    logits = population(PAIR)
    expected = 0
    for k, pair in enumerate(weights):
        expected += numpy_eq1(numpy_losses({n: v[:, k] for n, v in logits.items()}), *pair)
    assert np.shape(logs["loss"]) == ()
    np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)


def test_accuracies_are_fractions_of_right_answers():
    population = compiled(config(seed=3), config(seed=4))
    # A last batch of another size must weigh by its size.
    logs = evaluated(population, batch_size=8)
    answers = {name: np.asarray(value) for name, value in population(PAIR).items()}
    right = (answers["comparison"][..., 0] > 0) == (TARGETS["comparison"][:, None] > 0)
    np.testing.assert_allclose(logs["comparison_accuracy"], right.mean(0), rtol=1e-6)
    for name in ("first_digit", "second_digit"):
        right = answers[name].argmax(-1) == TARGETS[name][:, None]
        np.testing.assert_allclose(logs[f"{name}_accuracy"], right.mean(0), rtol=1e-6)


def test_weights_of_eq1():
    weights = loss_weights(1, [0, 0.5, 3])
    np.testing.assert_allclose(weights["comparison"], [1, 2 / 3, 1 / 4], rtol=1e-6)
    for name in ("first_digit", "second_digit"):
        np.testing.assert_allclose(weights[name], [0, 1 / 3, 3 / 4], rtol=1e-6)
    # Keras documents floats.
    assert all(type(share) is float for share in loss_weights(1, 0.5).values())


@pytest.mark.parametrize(("w_m", "w_a"), [(-1, 2), (1, -1), (0, 0), ([1, 0], [1, 0])])
def test_impossible_weights_are_refused(w_m, w_a):
    with pytest.raises(ValueError, match="must not be negative"):
        loss_weights(w_m, w_a)


def test_adam_is_the_papers_with_a_rate_per_member():
    rates = [0.01, 0.5]
    start = RNG.normal(size=(2, 3, 4))
    gradients = RNG.normal(size=(5, 2, 3, 4)) * 1e-7  # small enough for epsilon to show
    variable = keras.Variable(start, dtype="float32")
    optimizer = MemberAdam(rates)
    m = v = np.zeros_like(start)
    expected = start.copy()
    for step, gradient in enumerate(gradients, 1):
        optimizer.apply([tf.constant(gradient, tf.float32)], [variable])
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        scale = np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        move = scale * m / (np.sqrt(v) + 1e-8)
        expected -= np.asarray(rates)[:, None, None] * move
    np.testing.assert_allclose(variable, expected, rtol=1e-4)


def test_a_step_moves_every_parameter():
    population = compiled(config())
    before = [np.asarray(w).copy() for w in population.trainable_weights]
    population.fit(PAIR, TARGETS, batch_size=30, verbose=0)
    for old, new in zip(before, population.trainable_weights, strict=True):
        assert (old != np.asarray(new)).mean() > 0.5, new.path


def test_without_auxiliary_loss_the_digit_heads_stay():
    population = compiled(config(w_a=0))
    head = population.get_layer("first_digit_hidden")
    before = [np.asarray(w).copy() for w in head.weights]
    population.fit(PAIR, TARGETS, batch_size=30, verbose=0)
    for old, new in zip(before, head.weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_label_smoothing_spreads_the_digits_targets():
    population = compiled(config(label_smoothing=0.3))
    logs = evaluated(population)
    logits = {name: value[:, 0] for name, value in population(PAIR).items()}
    for name, value in numpy_losses(logits, 0.3).items():
        np.testing.assert_allclose(logs[f"{name}_cross_entropy"], value, rtol=1e-5)


def test_one_cycle_rises_to_1_and_falls_to_0():
    factors = np.array([float(one_cycle(200)(step)) for step in range(201)])
    assert factors[0] == pytest.approx(0.04) and factors.argmax() == 50
    assert factors[50] == pytest.approx(1) and factors[200] == pytest.approx(0, abs=1e-6)
    assert (np.diff(factors[:51]) > 0).all() and (np.diff(factors[50:]) < 0).all()


def test_the_schedule_scales_each_members_rate():
    start = np.ones((2, 3), "float32")
    variable = keras.Variable(start)
    optimizer = MemberAdam([0.1, 0.5], one_cycle(8))
    optimizer.apply([tf.ones((2, 3))], [variable])
    # Adam's first step is the learning rate, whatever the gradient.
    expected = start - 0.04 * np.array([[0.1], [0.5]])
    np.testing.assert_allclose(variable, expected, rtol=1e-5)
