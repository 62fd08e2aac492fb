"""Laws of Eq. (1): its weights, and what a population makes of them."""

from fractions import Fraction

import keras
import numpy as np
import pytest

from keras_pairs.outputs import OUTPUTS, targets
from keras_pairs.training.loss_weights import loss_weights
from keras_pairs.training.objective import MemberCrossEntropy
from tests.laws import hypothesis, law

st = hypothesis.strategies
weights = st.floats(0, allow_infinity=False) | st.integers(0, 10**6)
pairs = st.tuples(weights, weights).filter(any)


@law
@hypothesis.given(pair=pairs)
def test_the_shares_are_those_of_the_weights(pair):
    found = loss_weights(*pair)
    assert [*found] == [output.name for output in OUTPUTS]
    auxiliary = {found[o.name] for o in OUTPUTS if o.auxiliary}
    main = {found[o.name] for o in OUTPUTS if not o.auxiliary}
    assert len(main) == len(auxiliary) == 1
    (w_m,), (w_a,) = main, auxiliary
    assert 0 <= w_m <= 1 and 0 <= w_a <= 1 and w_m + w_a == pytest.approx(1)
    exact = Fraction(pair[0]) / (Fraction(pair[0]) + Fraction(pair[1]))
    assert w_m == pytest.approx(float(exact), rel=1e-12)
    assert w_a == pytest.approx(float(1 - exact), rel=1e-12)


@law
@hypothesis.given(pair=pairs, factor=st.floats(1e-100, 1e100), power=st.integers(-60, 60))
def test_a_common_factor_does_not_matter(pair, factor, power):
    # Beyond, numbers overflow or lose their digits.
    hypothesis.assume(all(w == 0 or 1e-150 < w < 1e150 for w in pair))
    w_m, w_a = pair
    found = loss_weights(w_m, w_a)
    assert loss_weights(w_m * factor, w_a * factor) == pytest.approx(found)
    assert loss_weights(w_m * 2.0**power, w_a * 2.0**power) == found


@law
@hypothesis.given(members=st.lists(pairs, min_size=1, max_size=9))
def test_members_have_what_they_would_have_alone(members):
    w_m, w_a = np.array(members, "float64").T
    found = loss_weights(w_m, w_a)
    for k, pair in enumerate(members):
        for name, share in loss_weights(*pair).items():
            assert found[name].dtype == np.float32
            assert found[name][k] == pytest.approx(share, rel=1e-6)


@law
@hypothesis.given(pair=st.tuples(st.floats(), st.floats()), k=st.integers(0, 3))
def test_what_is_no_weight_is_refused(pair, k):
    legal = np.isfinite(pair).all() and min(pair) >= 0 and max(pair) > 0
    hypothesis.assume(not legal)
    every = np.ones((2, 4))
    every[:, k] = pair
    for given in (pair, every):
        with pytest.raises(ValueError, match="must not be negative or infinite"):
            loss_weights(*given)


@law
@hypothesis.given(
    data=st.data(),
    members=st.lists(pairs, min_size=1, max_size=3),
    count=st.integers(1, 6),
    smoothing=st.sampled_from([0.0, 0.05, 0.5]),
    seed=st.integers(0, 2**32),
)
def test_the_total_loss_is_eq1_of_the_cross_entropies(
    data, members, count, smoothing, seed
):
    """Keras' own weighted sum of our losses, against the formula in float64."""
    rng = np.random.default_rng(seed)
    spread = data.draw(st.sampled_from([0.1, 3.0, 30.0]))
    digits = rng.integers(0, 10, (count, 2))
    true = targets(digits)
    logits = {
        o.name: rng.normal(0, spread, (count, len(members), o.units)).astype("float32")
        for o in OUTPUTS
    }
    shares = loss_weights(*np.array(members, "float64").T)
    losses = {
        o.name: MemberCrossEntropy(o, smoothing)(true[o.name], logits[o.name])
        for o in OUTPUTS
    }
    total = sum(shares[name] * np.asarray(loss) for name, loss in losses.items())
    for k, (w_m, w_a) in enumerate(members):
        main, auxiliary = 0.0, 0.0
        for o in OUTPUTS:
            loss = cross_entropy(o, logits[o.name][:, k], true[o.name], smoothing)
            np.testing.assert_allclose(losses[o.name][k], loss, rtol=1e-4, atol=1e-5)
            main, auxiliary = (
                (main, auxiliary + loss) if o.auxiliary else (main + loss, auxiliary)
            )
        largest = max(w_m, w_a)
        w_m, w_a = w_m / largest, w_a / largest
        expected = (w_m * main + w_a * auxiliary) / (w_m + w_a)
        np.testing.assert_allclose(total[k], expected, rtol=1e-4, atol=1e-5)
    assert keras.ops.shape(losses[OUTPUTS[0].name]) == (len(members),)


def cross_entropy(output, logits, true, smoothing):
    """Mean cross entropy in float64, from logits [n, units] and targets [n]."""
    logits = logits.astype("float64")
    if output.binary:
        sign = np.where(true > 0.5, -1, 1)
        return np.logaddexp(0, sign * logits[:, 0]).mean()
    logs = logits - np.logaddexp.reduce(logits, -1, keepdims=True)
    target = np.full(logs.shape, smoothing / 10)
    target[np.arange(len(true)), true] += 1 - smoothing
    return -(target * logs).sum(-1).mean()
