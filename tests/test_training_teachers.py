"""A network that learns what a committee agrees on, in place of the labels."""

import dataclasses

import numpy as np
import pytest

from keras_pairs.networks.population import build_population, networks_and_members
from keras_pairs.outputs import OUTPUTS
from keras_pairs.training import batches, objective
from keras_pairs.training.fit import fit
from keras_pairs.training.loss_weights import loss_weights
from tests import networks


def test_the_teachers_come_first_and_begin_with_other_weights():
    config = networks.config(teachers=3)
    teachers, own = config.stages()
    assert own == config and teachers.committee == 3 and not teachers.teachers
    seeds = {network.seed for network in teachers.networks()}
    assert len(seeds) == 3 and config.seed not in seeds
    assert own.beyond_paper() == {"teachers": 3}
    untaught = dataclasses.replace(config, teachers=0)
    assert untaught.stages() == [untaught]


@pytest.mark.parametrize("derived", [False, True])
@pytest.mark.parametrize("committee", [1, 2])
def test_what_is_minimised_is_the_cross_entropy_to_the_teachers(splits, derived, committee):
    config = networks.config(
        teachers=2, committee=committee, derived_comparison=derived, label_smoothing=0.1
    )
    teachers = fit(config.stages()[:1], splits).population
    population = build_population([config])
    population.taught_by = teachers.teach
    objective.compile_population(population, [config], 1)
    images, digits = batches.stack(splits.train)
    answers = teachers(images, training=False), population(images)
    taught, own = (
        {
            name: networks.probabilities(networks_and_members(value, n)[part])
            for name, value in answer.items()
        }
        for answer, n, part in zip(answers, (2, committee), (1, 0), strict=True)
    )
    expected, weights = 0, loss_weights(config.w_m, config.w_a)
    for output in OUTPUTS:
        soft, mine = taught[output.name], own[output.name]
        terms = soft * np.log(mine)
        if output.binary:
            terms += (1 - soft) * np.log(1 - mine)
        expected -= weights[output.name] * terms.sum() / len(images)
    labels = {o.name: o.target(*digits.T).astype("int32") for o in OUTPUTS}
    loss = population.compute_loss(images, labels, answers[1], training=True)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)
    # Without training the labels count.
    loss = population.compute_loss(images, labels, answers[1], training=False)
    assert abs(loss - expected) > 1e-3


def test_taught_members_equal_those_taught_alone(splits):
    configs = [networks.config(teachers=2, seed=seed, lr=0.003) for seed in (1, 2, 3)]
    together, alone = fit(configs, splits), fit(configs[1:2], splits)
    untaught = fit([dataclasses.replace(configs[1], teachers=0)], splits)

    def distance(trained):
        pairs = zip(together.member(1).weights, trained.member(0).weights, strict=True)
        return max(np.abs(np.subtract(mine, other)).max() for mine, other in pairs)

    # Adam makes rounding larger where a gradient is next to nothing.
    assert 50 * distance(alone) < distance(untaught)


def test_the_labels_are_not_looked_at(splits):
    config = networks.config(teachers=2)
    population = build_population([config])
    population.taught_by = fit(config.stages()[:1], splits).population.teach
    objective.compile_population(population, [config], 1)
    images, digits = batches.stack(splits.train)
    logits = population(images)
    losses = [
        float(
            population.compute_loss(
                images,
                {o.name: o.target(*labels.T).astype("int32") for o in OUTPUTS},
                logits,
                training=True,
            )
        )
        for labels in (digits, digits[::-1])
    ]
    assert losses[0] == losses[1]
