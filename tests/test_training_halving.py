"""Successive halving inside a population: who goes on is as if it were alone."""

import dataclasses

import numpy as np
import pytest

from keras_pairs.config import TrainingConfig
from keras_pairs.training import costs, fit, halving

BASE = TrainingConfig(4, 0.01, 20, epochs=4, num_pairs=60, seed=1)


@pytest.mark.parametrize(
    ("members", "epochs", "expected"),
    [
        (1, 10, [(10, 1)]),
        (2, 10, [(5, 1), (10, 1)]),
        (4, 100, [(25, 2), (50, 1), (100, 1)]),
        (13, 150, [(10, 7), (19, 4), (38, 2), (75, 1), (150, 1)]),
        (26, 150, [(10, 13), (19, 7), (38, 4), (75, 2), (150, 2)]),
        # One epoch cannot be divided.
        (13, 1, [(1, 13)]),
        (13, 3, [(2, 7), (3, 7)]),
    ],
)
def test_rungs(members, epochs, expected):
    assert costs.rungs(members, epochs) == expected


def test_member_epochs_are_counted():
    assert costs.member_epochs(4, 100) == 4 * 25 + 2 * 25 + 50
    assert costs.member_epochs(4, 100, 30) == 4 * 25 + 2 * 5
    assert costs.member_epochs(1, 7) == 7


def configs_of(*lrs, **changes):
    return [dataclasses.replace(BASE, lr=lr, **changes) for lr in lrs]


def assert_as_alone(halved, configs, data):
    """Who lasted n epochs has n epochs of the full training, and then nothing."""
    full = fit.fit(configs, data, validate_every=0)
    for name, values in halved.history.items():
        for k, lasted in enumerate(halved.epochs):
            assert np.isnan(values[lasted:, k]).all()
            if not name.startswith("val_"):
                right = full.history[name][:lasted, k]
                np.testing.assert_allclose(values[:lasted, k], right, atol=2e-3)
    for k in halved.members:
        both = halved.member(k), full.member(k)
        for ours, theirs in zip(*(m.get_weights() for m in both), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=5e-3)


def test_who_goes_on_is_as_if_nobody_had_stopped(splits):
    """One of them has lost its way, with a loss that is no number."""
    changes = {"one_cycle": True, "augmentation": True, "new_pairs": True}
    configs = configs_of(1e30, 0.01, 0.003, 1e-5, **changes)
    halved = halving.halve(configs, splits)
    assert sorted(halved.epochs) == [1, 1, 2, 4] and halved.epochs[0] == 1
    assert [k for k, n in enumerate(halved.epochs) if n == 4] == halved.members
    scores = halved.history[halving.SCORE]
    last, *_ = halved.members
    second = halved.epochs.index(2)
    assert scores[1, last] >= scores[1, second]
    assert_as_alone(halved, configs, splits)


def test_own_data_and_committees_go_with_their_members(splits):
    configs = configs_of(1e-5, 0.01, committee=2, epochs=2)
    halved = halving.halve(configs, [splits] * 2)
    assert sorted(halved.epochs) == [1, 2]
    assert_as_alone(halved, configs, [splits] * 2)
    with pytest.raises(ValueError):
        halved.member(halved.epochs.index(1))


def test_of_equals_the_first_goes_on():
    history = {"loss": np.ones((1, 4)), halving.SCORE: np.array([[0.5, 0.7, 0.7, 0.7]])}
    assert halving._best(history, 2) == [1, 2]


def test_no_population_is_refused(splits):
    with pytest.raises(ValueError, match="configs must be a list of TrainingConfig"):
        halving.halve([], splits)


def test_teachers_are_refused(splits):
    with pytest.raises(ValueError, match="teachers"):
        halving.halve(configs_of(0.01, teachers=2), splits)
