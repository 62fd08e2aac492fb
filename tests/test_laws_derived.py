"""Laws of the derived comparison and of a committee, against sums over all classes."""

import keras
import numpy as np

from keras_pairs.networks import heads
from keras_pairs.outputs import CLASSES, OUTPUTS
from tests.laws import hypothesis, law

st = hypothesis.strategies
MAIN = OUTPUTS[0]
# What saturated networks answer, too: float32 holds exponentials up to 88.
spreads = st.sampled_from([0.01, 1.0, 10.0, 100.0, 1e4])
shapes = st.lists(st.integers(1, 3), max_size=3).map(tuple)
seeds = st.integers(0, 2**32)


def made_up(shape, spread, seed, units=CLASSES):
    """Logits, among them equal ones and runaways: float32 [*shape, units]."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, spread, (*shape, units))
    logits = np.where(rng.random(logits.shape) < 0.2, np.round(logits), logits)
    return logits.astype("float32")


def logs(logits):
    """log P of classes, float64."""
    logits = logits.astype("float64")
    return logits - np.logaddexp.reduce(logits, -1, keepdims=True)


def brute_force(first, second, target):
    """(log P(yes), log P(no)): a loop over all pairs of classes, in float64."""
    first, second = logs(first), logs(second)
    yes = no = np.full(first.shape[:-1], -np.inf)
    for i in range(CLASSES):
        for j in range(CLASSES):
            both = first[..., i] + second[..., j]
            if target(i, j):
                yes = np.logaddexp(yes, both)
            else:
                no = np.logaddexp(no, both)
    return yes, no


@law
@hypothesis.given(shape=shapes, spread=spreads, seed=seeds)
def test_the_derived_comparison_is_the_sum_over_classes(shape, spread, seed):
    first, second = made_up(shape, spread, seed), made_up(shape, spread, seed + 1)
    found = np.asarray(heads.derive(first, second, MAIN.target))
    assert found.shape == (*shape, 1) and np.isfinite(found).all()
    yes, no = brute_force(first, second, MAIN.target)
    np.testing.assert_allclose(
        found[..., 0], yes - no, rtol=1e-5, atol=1e-5 * max(1, spread)
    )
    np.testing.assert_allclose(
        np.asarray(keras.ops.sigmoid(found))[..., 0], np.exp(yes), atol=2e-3, rtol=0
    )


@law
@hypothesis.given(
    shape=shapes,
    spread=spreads,
    seed=seeds,
    table=st.lists(st.booleans(), min_size=100, max_size=100),
)
def test_any_question_about_two_digits_can_be_derived(shape, spread, seed, table):
    hypothesis.assume(len(set(table)) == 2)
    table = np.array(table).reshape(CLASSES, CLASSES)

    def target(i, j):
        return table[i, j]

    first, second = made_up(shape, spread, seed), made_up(shape, spread, seed + 1)
    found = np.asarray(heads.derive(first, second, target))[..., 0]
    yes, no = brute_force(first, second, target)
    np.testing.assert_allclose(found, yes - no, rtol=1e-5, atol=1e-5 * max(1, spread))
    # The opposite question has the opposite answer.
    other = np.asarray(heads.derive(first, second, lambda i, j: ~table[i, j]))[..., 0]
    np.testing.assert_array_equal(other, -found)


@law
@hypothesis.given(shape=shapes, spread=spreads, seed=seeds)
def test_what_is_added_to_all_logits_does_not_matter(shape, spread, seed):
    first, second = made_up(shape, spread, seed), made_up(shape, spread, seed + 1)
    found = np.asarray(heads.derive(first, second, MAIN.target))
    moved = np.asarray(heads.derive(first + 8, second - 16, MAIN.target))
    np.testing.assert_allclose(moved, found, rtol=1e-4, atol=1e-4 * max(1, spread))


@law
@hypothesis.given(spread=spreads, seed=seeds)
def test_one_way_or_the_other_and_both_where_they_are_equal(spread, seed):
    """P(a <= b) + P(b <= a) = 1 + P(a = b)."""
    first, second = made_up((5,), spread, seed), made_up((5,), spread, seed + 1)
    one, other = (
        np.asarray(keras.ops.sigmoid(heads.derive(*pair, MAIN.target)), "float64")[:, 0]
        for pair in ((first, second), (second, first))
    )
    equal = np.exp(logs(first) + logs(second)).sum(-1)
    np.testing.assert_allclose(one + other, 1 + equal, atol=4e-3)


@law
@hypothesis.given(
    networks=st.integers(1, 4), spread=spreads, seed=seeds, derived=st.booleans()
)
def test_a_committee_answers_the_mean_of_its_probabilities(networks, spread, seed, derived):
    logits = {
        o.name: made_up((3, networks), spread, seed + i, o.units)
        for i, o in enumerate(OUTPUTS)
    }
    found = heads.agree(logits, derived)
    assert {*found} == {*logits}
    means = {}
    for o in OUTPUTS:
        values = logits[o.name].astype("float64")
        if o.binary:
            values = np.concatenate([values, np.zeros_like(values)], -1)
        means[o.name] = np.exp(logs(values)).mean(1)
        answer = np.asarray(found[o.name])
        assert answer.shape == (3, o.units) and np.isfinite(answer).all()
        if o.binary:
            answer = np.concatenate([answer, np.zeros_like(answer)], -1)
        if o.image is not None or not derived:
            np.testing.assert_allclose(np.exp(logs(answer)), means[o.name], atol=1e-4)
    if derived:
        first, second = means["first_digit"], means["second_digit"]
        i, j = np.nonzero(np.tri(CLASSES).T)
        yes = (first[:, i] * second[:, j]).sum(-1)
        answer = np.asarray(keras.ops.sigmoid(found[MAIN.name]))[:, 0]
        np.testing.assert_allclose(answer, yes, atol=1e-4)
