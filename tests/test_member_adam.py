"""The optimiser of a population against Keras' own Adam, network by network."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_pairs.training.objective import MemberAdam, one_cycle

RATES = (0.01, 0.5, 1e-4)
SHAPES = ((3, 3, 2, 4), (4,), (), (5, 2))
STEPS = 30


class Scaled(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule times a learning rate."""

    def __init__(self, rate, schedule):
        self.rate, self.schedule = rate, schedule

    def __call__(self, step):
        return self.rate * (self.schedule(step) if callable(self.schedule) else 1.0)


def start(rng, networks):
    return [rng.normal(size=(networks, *shape)).astype("float32") for shape in SHAPES]


def steps(rng, networks):
    """Gradients of many sizes, some so small that epsilon shows, some zero."""
    sizes = 10.0 ** rng.uniform(-9, 2, STEPS)
    sizes[5] = 0
    return [[size * values for values in start(rng, networks)] for size in sizes]


def train(optimizer, values, gradients):
    variables = [keras.Variable(value) for value in values]

    @tf.function
    def step(gradients):
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    optimizer.build(variables)
    for each in gradients:
        step([tf.constant(g, tf.float32) for g in each])
    return [np.asarray(variable) for variable in variables]


@pytest.mark.parametrize("schedule", [1.0, one_cycle(STEPS)], ids=["constant", "one_cycle"])
@pytest.mark.parametrize("networks", [1, 3])
def test_each_network_is_trained_as_by_keras_own_adam(networks, schedule):
    rng = np.random.default_rng(0)
    values, gradients = start(rng, networks), steps(rng, networks)
    together = train(MemberAdam(RATES[:networks], schedule), values, gradients)
    for k, rate in enumerate(RATES[:networks]):
        alone = train(
            keras.optimizers.Adam(Scaled(rate, schedule), epsilon=1e-8),
            [value[k] for value in values],
            [[gradient[k] for gradient in each] for each in gradients],
        )
        for mine, other, value in zip(together, alone, values, strict=True):
            np.testing.assert_allclose(mine[k], other, rtol=1e-5, atol=1e-6)
            # They went somewhere.
            assert np.abs(other - value[k]).max() > rate / 10


def test_the_moments_are_one_variable_each():
    optimizer = MemberAdam(RATES)
    optimizer.build([keras.Variable(v) for v in start(np.random.default_rng(0), 3)])
    size = sum(int(np.prod(shape)) for shape in SHAPES)
    assert [tuple(v.shape) for v in optimizer.variables] == [(), (), (3, size), (3, size)]


@pytest.mark.parametrize("schedule", [0.5, one_cycle(STEPS)], ids=["constant", "one_cycle"])
def test_it_is_saved_and_goes_on(schedule):
    rng = np.random.default_rng(0)
    values, gradients = start(rng, 3), steps(rng, 3)
    whole = train(MemberAdam(RATES, schedule), values, gradients)
    first, store = MemberAdam(RATES, schedule), {}
    between = train(first, values, gradients[:10])
    first.save_own_variables(store)
    second = keras.optimizers.deserialize(keras.optimizers.serialize(first))
    assert isinstance(second, MemberAdam)
    second.build([keras.Variable(value) for value in values])
    second.load_own_variables(store)
    for mine, other in zip(train(second, between, gradients[10:]), whole, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_keras_compiles_it_by_hand():
    """As `compile` takes any optimizer: a model of one network."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.layers[0].kernel.assign([[0.0], [0.0]])
    model.compile(MemberAdam([0.1, 0.01]), "mse")
    model.fit(np.ones((8, 2)), np.ones((8, 1)), batch_size=8, verbose=0)
    # The first step is the learning rate: of the kernel's row k that of network k.
    np.testing.assert_allclose(model.layers[0].kernel, [[0.1], [0.01]], rtol=1e-5)
