import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_pairs.config import TrainingConfig
from keras_pairs.model import build_model, initialize
from keras_pairs.objective import MemberAdam, compile_model, loss_weights, one_cycle

RNG = np.random.default_rng(0)
PAIR = RNG.uniform(0, 255, (30, 2, 14, 14)).astype("float32")
DIGITS = RNG.integers(0, 10, (30, 2))
TARGETS = {
    "comparison": (DIGITS[:, 0] <= DIGITS[:, 1]).astype("float32"),
    "first_digit": DIGITS[:, 0].astype("int32"),
    "second_digit": DIGITS[:, 1].astype("int32"),
}


def config(**changes):
    return TrainingConfig(**{"nb_f": 4, "lr": 0.01, "batch_size": 30} | changes)


def numpy_losses(probabilities):
    """The three cross entropies from the probabilities of a single network."""
    p = np.asarray(probabilities["comparison"], "float64")[:, 0]
    t = TARGETS["comparison"]
    losses = {"comparison": -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))}
    for name in ("first_digit", "second_digit"):
        q = np.asarray(probabilities[name], "float64")
        losses[name] = -np.mean(np.log(q[np.arange(30), TARGETS[name]]))
    return losses


def numpy_eq1(probabilities, w_m, w_a):
    losses = numpy_losses(probabilities)
    auxiliary = losses["first_digit"] + losses["second_digit"]
    return (w_m * losses["comparison"] + w_a * auxiliary) / (w_m + w_a)


@pytest.mark.parametrize(("w_m", "w_a"), [(1, 0), (1, 0.7), (1, 3), (0, 1), (2, 0.5)])
def test_total_loss_is_eq1(w_m, w_a):
    answering = build_model(4)
    initialize(answering, [3])
    model = build_model(4, logits=True)
    initialize(model, [3])
    compile_model(model, [config(w_m=w_m, w_a=w_a)], 1)
    logs = model.evaluate(PAIR, TARGETS, batch_size=30, verbose=0, return_dict=True)
    expected = numpy_eq1(answering(PAIR), w_m, w_a)
    np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)
    for name, value in numpy_losses(answering(PAIR)).items():
        np.testing.assert_allclose(
            np.ravel(logs[f"{name}_cross_entropy"]), value, rtol=1e-5
        )


def test_accuracies_are_fractions_of_right_answers():
    model = build_model(4, 2, logits=True)
    initialize(model, [3, 4])
    compile_model(model, [config()] * 2, 1)
    # A last batch of another size must weigh by its size.
    logs = model.evaluate(PAIR, TARGETS, batch_size=8, verbose=0, return_dict=True)
    answers = {name: np.asarray(value) for name, value in model(PAIR).items()}
    says = answers["comparison"] > 0
    right = says == TARGETS["comparison"][:, None].astype(bool)
    np.testing.assert_allclose(logs["comparison_accuracy"], right.mean(0), rtol=1e-6)
    for name in ("first_digit", "second_digit"):
        right = answers[name].argmax(-1) == TARGETS[name][:, None]
        np.testing.assert_allclose(logs[f"{name}_accuracy"], right.mean(0), rtol=1e-6)


def test_weights_of_eq1():
    weights = loss_weights(1, [0, 0.5, 3])
    np.testing.assert_allclose(weights["comparison"], [1, 2 / 3, 1 / 4], rtol=1e-6)
    for name in ("first_digit", "second_digit"):
        np.testing.assert_allclose(weights[name], [0, 1 / 3, 3 / 4], rtol=1e-6)


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
    model = build_model(4, logits=True)
    initialize(model, [0])
    compile_model(model, [config()], 1)
    before = [np.asarray(w).copy() for w in model.trainable_weights]
    model.fit(PAIR, TARGETS, batch_size=30, verbose=0)
    for old, new in zip(before, model.trainable_weights, strict=True):
        assert (old != np.asarray(new)).mean() > 0.5, new.path


def test_without_auxiliary_loss_the_digit_heads_stay():
    model = build_model(4, logits=True)
    initialize(model, [0])
    compile_model(model, [config(w_a=0)], 1)
    before = [np.asarray(w).copy() for w in model.get_layer("first_digit_hidden").weights]
    model.fit(PAIR, TARGETS, batch_size=30, verbose=0)
    for old, new in zip(before, model.get_layer("first_digit_hidden").weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_label_smoothing_spreads_the_digits_targets():
    answering = build_model(4)
    initialize(answering, [3])
    model = build_model(4, logits=True)
    initialize(model, [3])
    compile_model(model, [config(label_smoothing=0.3)], 1)
    logs = model.evaluate(PAIR, TARGETS, batch_size=30, verbose=0, return_dict=True)
    probabilities = answering(PAIR)
    for name in ("first_digit", "second_digit"):
        target = np.full((30, 10), 0.03)
        target[np.arange(30), TARGETS[name]] += 0.7
        expected = -(target * np.log(np.asarray(probabilities[name]))).sum(1).mean()
        np.testing.assert_allclose(logs[f"{name}_cross_entropy"], expected, rtol=1e-5)
    plain = numpy_losses(probabilities)["comparison"]
    np.testing.assert_allclose(logs["comparison_cross_entropy"], plain, rtol=1e-5)


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
