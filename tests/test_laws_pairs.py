"""Laws of pair sampling (section II.B): disjoint, balanced as the source, seed-stable."""

import dataclasses
import math

import numpy as np
import pytest

from keras_pairs import data
from keras_pairs.data import Images
from keras_pairs.errors import UserError
from tests.laws import hypothesis, law

st = hypothesis.strategies
SPLITS = ("train", "validation", "test")


def numbered(train, test, labels, reuse=False):
    """`Images` whose pixels say which one they are, also after pooling."""

    def part(count, first):
        number = first + np.arange(count)
        x = np.zeros((count, 28, 28), "uint8")
        x[:, 0:2, 0:2] = (number % 256)[:, None, None]
        x[:, 0:2, 2:4] = (number // 256)[:, None, None]
        return x

    y = np.resize(np.array(labels, "uint8"), train + test)
    parts = part(train, 0), y[:train], part(test, train), y[train:]
    return Images("numbered", "here", *parts, reuse=reuse)


def numbers(pairs):
    """Which images the pairs were made of: int [n, 2]."""
    corner = pairs.images[:, :, 0, :2]
    return (corner[..., 0] + 256 * corner[..., 1]).astype(int)


sources = st.builds(
    numbered,
    train=st.integers(1, 400),
    test=st.integers(1, 200),
    labels=st.lists(st.integers(0, 9), min_size=1, max_size=60),
    reuse=st.booleans(),
)
seeds = st.integers(0, 2**32)
asked = {
    "images": sources,
    "count": st.integers(1, 120),
    "seed": seeds,
    "scored_on": st.sampled_from([None, "validation", "test"]),
}


def drawn(images, count, seed, scored_on=None):
    """What `sample_pairs` draws; a case with too few images or digits is no case."""
    try:
        return data.sample_pairs(images, count, seed, scored_on)
    except UserError as error:
        assert "need" in str(error)
        hypothesis.reject()


@law
@hypothesis.given(**asked)
def test_no_image_is_in_two_splits_nor_twice_in_a_pair(images, count, seed, scored_on):
    splits = drawn(images, count, seed, scored_on)
    used = {name: numbers(getattr(splits, name)) for name in SPLITS}
    seen = [set(each.ravel()) for each in used.values()]
    assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])
    train = len(images.x_train)
    assert max(seen[0] | seen[1]) < train <= min(seen[2])
    for each in used.values():
        assert (each[:, 0] != each[:, 1]).all()
        if not images.reuse:
            assert len(np.unique(each)) == each.size
    lengths = {name: len(each) for name, each in used.items()}
    more = lengths.pop(scored_on, count)
    assert set(lengths.values()) == {count} and more >= count
    assert not images.reuse or more == count


@law
@hypothesis.given(**asked)
def test_a_pair_has_its_images_labels_and_the_right_answer(images, count, seed, scored_on):
    splits = drawn(images, count, seed, scored_on)
    labels = np.concatenate([images.y_train, images.y_test])
    x = data.pool(np.concatenate([images.x_train, images.x_test]))
    for name in SPLITS:
        pairs = getattr(splits, name)
        np.testing.assert_array_equal(pairs.digits, labels[numbers(pairs)])
        np.testing.assert_array_equal(pairs.images, x[numbers(pairs)])
        first, second = pairs.digits.T
        np.testing.assert_array_equal(pairs.target, (first <= second).astype("float32"))


def distance(count):
    """How far a share among `count` draws is from the source's, but once in 10^12 cases.

    Hoeffding's bound, which holds with and without replacement.
    """
    return math.sqrt(math.log(2e12) / (2 * count))


@law
@hypothesis.given(**asked)
def test_each_place_has_the_digits_of_the_source(images, count, seed, scored_on):
    splits = drawn(images, count, seed, scored_on)
    for name, source in (("train", images.y_train), ("test", images.y_test)):
        share = np.bincount(source, minlength=10) / len(source)
        digits = getattr(splits, name).digits
        # With reuse a part of the source is drawn first, and pairs from it.
        part = 2 * len(source) // 3 if images.reuse and name == "train" else len(source)
        most = distance(len(digits)) + distance(max(part, 1))
        for place in (0, 1):
            found = np.bincount(digits[:, place], minlength=10) / len(digits)
            assert np.abs(found - share).max() <= most


@law
@hypothesis.given(
    pairs=st.integers(1, 60), labels=st.lists(st.integers(0, 9), min_size=2), seed=seeds
)
def test_where_all_images_are_used_the_digits_are_the_sources(pairs, labels, seed):
    images = numbered(4 * pairs, 2 * pairs, labels)
    splits = drawn(images, pairs, seed)
    drawn_digits = np.concatenate([splits.train.digits, splits.validation.digits])
    for digits, source in (
        (drawn_digits, images.y_train),
        (splits.test.digits, images.y_test),
    ):
        np.testing.assert_array_equal(np.sort(digits.ravel()), np.sort(source))


@law
@hypothesis.given(**asked, noise=st.integers(0, 2**31))
def test_seed_and_sizes_alone_decide_which_images(images, count, seed, scored_on, noise):
    splits = drawn(images, count, seed, scored_on)
    # Nothing else is random: not even what others draw from.
    np.random.seed(noise)  # noqa: NPY002
    other = np.random.default_rng(noise).permutation(10).astype("uint8")
    renamed = dataclasses.replace(
        images, name="x", y_train=other[images.y_train], y_test=other[images.y_test]
    )
    again, elsewhere = drawn(images, count, seed, scored_on), drawn(renamed, count, seed)
    for name in SPLITS:
        first = numbers(getattr(splits, name))
        np.testing.assert_array_equal(numbers(getattr(again, name)), first)
        # What is scored on begins with the pairs that there are without it.
        np.testing.assert_array_equal(numbers(getattr(elsewhere, name)), first[:count])


@law
@hypothesis.given(
    images=st.builds(
        numbered,
        train=st.integers(160, 400),
        test=st.integers(80, 200),
        labels=st.just(range(10)),
        reuse=st.booleans(),
    ),
    two=st.lists(seeds, min_size=2, max_size=2, unique=True),
)
def test_another_seed_draws_other_pairs(images, two):
    # That two of 40! orders agree is no case.
    first, second = (drawn(images, 40, seed) for seed in two)
    for name in SPLITS:
        assert (numbers(getattr(first, name)) != numbers(getattr(second, name))).any()


@law
@hypothesis.given(images=sources, count=st.integers(1, 120), seed=seeds)
def test_too_few_images_are_one_sentence_with_the_most_there_are_for(images, count, seed):
    try:
        data.sample_pairs(images, count, seed)
    except UserError as error:
        line = str(error)
    else:
        data.check_enough(images, count)
        return
    assert "\n" not in line
    with pytest.raises(UserError):
        data.check_enough(images, count)
    if "--num_pairs=" in line:
        most = int(line.partition("--num_pairs=")[2].rstrip(")"))
        assert 0 < most < count
        data.sample_pairs(images, most, seed)
        with pytest.raises(UserError):
            data.sample_pairs(images, most + 1, seed)


@law
@hypothesis.given(images=sources, count=st.integers(max_value=0))
def test_less_than_one_pair_is_refused(images, count):
    for refuse in (data.check_enough, data.sample_pairs):
        with pytest.raises(ValueError, match="num_pairs must be at least 1"):
            refuse(images, count)


@law
@hypothesis.given(images=sources, part=st.text() | st.sampled_from(["train", "Test"]))
def test_a_part_that_does_not_exist_is_refused(images, part):
    hypothesis.assume(part not in ("validation", "test"))
    with pytest.raises(ValueError, match="scored_on must be validation, test or None"):
        data.sample_pairs(images, 1, scored_on=part)
