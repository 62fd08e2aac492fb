"""Each epoch's batches."""

import numpy as np
import pytest

from keras_pairs.training.batches import in_order, shuffled


def numbered(count):
    """Pairs whose one pixel, and whose digit, tell which image it is."""
    digits = np.stack([np.arange(count), -np.arange(count)], 1)
    return digits[..., None, None].astype("float32"), digits


def test_every_epoch_has_every_pair_once_in_a_new_order():
    arrays = numbered(23)
    seen = [np.ravel(batch[:, 0]) for batch, _ in shuffled(arrays, 5, 3)]
    epochs = np.split(np.concatenate(seen), 3)
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(23))
    assert (epochs[0] != epochs[1]).any() and (epochs[1] != epochs[2]).any()
    for batch, targets in shuffled(arrays, 5, 1):
        np.testing.assert_array_equal(np.ravel(batch[:, 0]), targets["first_digit"])
        np.testing.assert_array_equal(np.ravel(batch[:, 1]), targets["second_digit"])
        np.testing.assert_array_equal(targets["comparison"], targets["first_digit"] == 0)


@pytest.mark.parametrize("members", [None, 3])
def test_new_pairs_are_of_the_same_images_with_their_digits(members):
    """Pixels tell the image (and member), whose digit is its number modulo 10."""
    count = 20
    numbers = np.random.default_rng(0).permutation(2 * count).reshape(count, 2)
    if members:
        numbers = numbers[:, None] + 1000 * np.arange(members)[:, None]
    images = numbers[..., None, None].astype("float32")
    epochs = [[], []]
    batched = shuffled((images, numbers % 10), 6, 2, new_pairs=True)
    for i, (batch, targets) in enumerate(batched):
        pairs = np.asarray(batch)[..., 0, 0].astype(int)
        for side, name in enumerate(("first_digit", "second_digit")):
            np.testing.assert_array_equal(targets[name], pairs[..., side] % 10)
        at_most = pairs[..., 0] % 10 <= pairs[..., 1] % 10
        np.testing.assert_array_equal(targets["comparison"], at_most)
        epochs[i // 4] += pairs.reshape(-1, members or 1, 2).tolist()
    epochs = np.array(epochs)
    for epoch in epochs:
        for k in range(members or 1):
            used = np.sort(epoch[:, k].ravel())
            np.testing.assert_array_equal(used, 1000 * k + np.arange(2 * count))
    partners = [{frozenset(pair) for pair in epoch[:, 0].tolist()} for epoch in epochs]
    assert len(partners[0] & partners[1]) < 5


def test_every_batch_is_moved_anew_and_every_training_alike():
    rng = np.random.default_rng(0)
    images = np.zeros((6, 2, 14, 14), "float32")
    images[:, :, 4:10, 4:10] = rng.uniform(0, 255, (6, 2, 6, 6))
    arrays = images, rng.integers(0, 10, (6, 2))

    def epochs():
        return [np.asarray(b) for b, _ in shuffled(arrays, 6, 2, augmentation=True)]

    first, second = epochs()
    for mine, again in zip((first, second), epochs(), strict=True):
        np.testing.assert_array_equal(mine, again)
    masses = [np.sort(epoch.sum((2, 3)).ravel()) for epoch in (images, first, second)]
    assert (masses[1] != masses[2]).all() and (masses[0] != masses[1]).any()


def test_the_last_batch_is_kept():
    arrays = np.zeros((23, 2, 14, 14), "float32"), np.zeros((23, 2), "int32")
    assert sum(len(images) for images, _ in in_order(arrays, 5)) == 23
