"""What a training gives follows from its configuration, not from who shares its graph."""

import dataclasses
import types

import numpy as np
import pytest

from keras_pairs.config import TrainingConfig
from keras_pairs.data import sample_pairs
from keras_pairs.networks import initial, population_layers
from keras_pairs.networks.build import networks_of
from keras_pairs.training.fit import fit
from keras_pairs.training.objective import MemberAdam
from tests import networks

RATES = (0.01, 0.005, 0.001, 0.0005, 0.0001)


def thirteen(config):
    return [
        dataclasses.replace(config, lr=RATES[k % 5], w_a=k / 4, seed=k + 1)
        for k in range(13)
    ]


@pytest.fixture
def steady_adam(monkeypatch):
    """Adam with an ε that makes its steps follow the gradients continuously.

    With the paper's ε a step is about lr times the gradient over its own size. A gradient
    that cancels to rounding then moves its weight by lr in an arbitrary direction, which
    depends on the processor, and all later gradients follow. Adam with the paper's ε is
    compared with Keras' in `tests/test_member_adam.py`.
    """
    monkeypatch.setattr(MemberAdam, "epsilon", 1e-3)


def assert_same_training(together, k, alone):
    """Member k and the lone network are one training, but for float32 rounding.

    Kernels for graphs of different sizes add up in different orders, so the gradients
    differ by some 1e-7 of the terms that they sum. Where that moves an activation over the
    edge of a ReLU or a maximum, the gradients differ by a thousandth or so. Under
    `steady_adam` steps differ no more than that; see there for what they do without it.
    `test_other_dropout_masks_are_another_training` shows what the bounds tell apart.

    A loss has slopes below 1/2, a normalised channel's statistics follow a weight by a few
    times its change, and one pair may lie on the threshold.
    """
    lr = alone.configs[0].lr
    for name, values in alone.history.items():
        atol = 1.01 / 60 if name.endswith("accuracy") else lr
        np.testing.assert_allclose(
            together.history[name][:, k], values[:, 0], rtol=1e-5, atol=atol, err_msg=name
        )
    member, single = together.member(k), alone.member(0)
    trained = {weight.path for weight in single.trainable_weights}
    for mine, other in zip(member.weights, single.weights, strict=True):
        difference = np.linalg.norm(np.asarray(mine) - np.asarray(other))
        bound = (0.5 if other.path in trained else 2.5) * lr + 1e-5
        assert difference <= bound, other.path


FAST = {"paper": False, "padded-weight_sharing-derived_comparison": True}
CASES = [
    pytest.param(
        kind,
        own_data,
        id=f"{networks.name(kind)}-{'own' if own_data else 'same'}",
        marks=() if FAST.get(networks.name(kind)) is own_data else pytest.mark.slow,
    )
    for kind in networks.KINDS
    for own_data in (False, True)
]


@pytest.mark.parametrize(("kind", "own_data"), CASES)
def test_a_member_of_thirteen_equals_training_alone(kind, own_data, digits, steady_adam):
    configs = thirteen(networks.config(kind, augmentation=own_data, new_pairs=own_data))
    data = [sample_pairs(digits, 60, seed) for seed in range(13)]
    together = fit(configs, data if own_data else data[0])
    alone = fit([configs[6]], data[6] if own_data else data[0])
    assert_same_training(together, 6, alone)
    # The comparison above is of trainings that went somewhere.
    assert np.abs(alone.history["loss"][-1] - alone.history["loss"][0]) > 1e-4


def test_other_dropout_masks_are_another_training(splits, monkeypatch, steady_adam):
    """What tells trainings apart can do so, even at a small learning rate."""
    config = networks.config(lr=0.0005)
    together = fit([config, config], splits)
    streams = types.SimpleNamespace(stream=lambda name: initial.stream(f"another {name}"))
    monkeypatch.setattr(population_layers, "initial", streams)
    alone = fit([config], splits)
    with pytest.raises(AssertionError):
        assert_same_training(together, 0, alone)


@pytest.mark.parametrize(("preset", "committee"), [("paper", 1), ("best", 1), ("best", 2)])
def test_answers_are_those_of_the_member(digits, preset, committee):
    config = TrainingConfig.from_preset(
        preset, nb_f=4, epochs=2, num_pairs=60, batch_size=20, committee=committee
    )
    data = [sample_pairs(digits, 60, seed) for seed in range(3)]
    trained = fit([dataclasses.replace(config, seed=k) for k in range(3)], data)
    answers = trained.answers([splits.test for splits in data])
    for k, splits in enumerate(data):
        predicted = trained.member(k).predict(splits.test.images, verbose=0)
        assert list(predicted) == list(answers[k])
        for name, values in predicted.items():
            np.testing.assert_allclose(answers[k][name], values.squeeze(), atol=1e-5)


def test_the_networks_of_a_committee_are_trained_each_for_itself(splits):
    config = networks.config(committee=2)
    committee = fit([config], splits)
    alone = fit(config.networks(), splits)
    for network, k in zip(networks_of(committee.member(0)), (0, 1), strict=True):
        for mine, other in zip(network.weights, alone.member(k).weights, strict=True):
            np.testing.assert_allclose(mine, other, atol=1e-6)
    for name in ("loss", "val_loss", "comparison_loss"):
        expected = alone.history[name].mean(1, keepdims=True)
        np.testing.assert_allclose(committee.history[name], expected, rtol=1e-5)
    # What it answers together is what its accuracy is of.
    pairs = splits.validation
    answers = committee.answers(pairs)[0]
    each = [found["first_digit"] for found in alone.answers(pairs)]
    np.testing.assert_allclose(answers["first_digit"], np.mean(each, 0), atol=1e-5)
    right = np.mean(answers["first_digit"].argmax(1) == pairs.digits[:, 0])
    assert committee.history["val_first_digit_accuracy"][-1, 0] == pytest.approx(right)


def test_a_diverging_member_leaves_the_others_alone(splits):
    configs = thirteen(networks.config())[:3]
    sane = fit(configs, splits)
    configs[1] = dataclasses.replace(configs[1], lr=1e30)
    with_diverging = fit(configs, splits)
    assert not np.isfinite(with_diverging.history["loss"][-1, 1])
    for k in (0, 2):
        for name, values in sane.history.items():
            np.testing.assert_array_equal(values[:, k], with_diverging.history[name][:, k])
        for mine, other in zip(
            sane.member(k).weights, with_diverging.member(k).weights, strict=True
        ):
            np.testing.assert_array_equal(mine, other)


def test_history_is_eq1_of_its_parts(splits):
    history = fit([networks.config()], splits).history
    for prefix in ("", "val_"):
        main = history[f"{prefix}comparison_loss"]
        digits = (
            history[f"{prefix}first_digit_loss"] + history[f"{prefix}second_digit_loss"]
        )
        expected = (main + 0.7 * digits) / 1.7
        np.testing.assert_allclose(history[f"{prefix}loss"], expected, rtol=1e-5)
        assert history[f"{prefix}comparison_accuracy"].shape == (2, 1)


def test_validation_pairs_do_not_train(splits):
    config = networks.config()
    first = fit([config], splits).history
    other = fit([config], dataclasses.replace(splits, validation=splits.test)).history
    np.testing.assert_array_equal(first["loss"], other["loss"])
    assert (first["val_loss"] != other["val_loss"]).any()


@pytest.mark.parametrize(
    ("every", "seen"),
    [(0, [5]), (1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (5, [5]), (9, [5])],
)
def test_validating_less_often_changes_nothing_else(splits, every, seen):
    config = networks.config(epochs=5)
    whole = fit([config], splits).history
    some = fit([config], splits, validate_every=every).history
    assert list(some) == list(whole)
    for name, values in some.items():
        rows = [epoch - 1 for epoch in seen] if name.startswith("val_") else range(5)
        np.testing.assert_array_equal(np.flatnonzero(np.isfinite(values[:, 0])), rows)
        np.testing.assert_allclose(values[rows], whole[name][rows], rtol=1e-6)


def test_learns_the_training_pairs(splits):
    history = fit([networks.config(nb_f=8, epochs=60)], splits, validate=False).history
    assert history["comparison_accuracy"][-5:].mean() > 0.85
    assert "val_loss" not in history


def test_members_must_share_what_the_graph_fixes(splits):
    config = networks.config()
    other = dataclasses.replace(config, batch_size=10)
    with pytest.raises(ValueError, match="Members must share batch_size"):
        fit([config, other], splits)
    with pytest.raises(ValueError, match="one Splits or one per member"):
        fit([config], [splits, splits])
