import keras
import numpy as np
import pytest

from keras_pairs import layers

NOTHING = {"shift": 0, "turn": 0, "scale": 0, "shear": 0}


def blobs(count=200, side=15, channels=2):
    """A smooth spot in the middle of each image, the same in all channels."""
    y, x = np.mgrid[:side, :side] - side // 2
    spot = np.exp(-(x**2 + y**2) / 4)
    return np.tile(spot[None, :, :, None], (count, 1, 1, channels)).astype("float32")


def centres(images):
    """Each image's centre of mass from the middle: float [n, 2] (down, across)."""
    side = images.shape[1]
    y, x = np.mgrid[:side, :side] - side // 2
    mass = images[..., 0].sum((1, 2))
    return np.stack([(images[..., 0] * z).sum((1, 2)) / mass for z in (y, x)], 1)


def test_images_to_batch_and_back():
    pairs = np.random.default_rng(0).normal(size=(3, 4, 2, 5, 5)).astype("float32")
    single = np.asarray(layers.ImagesToBatch()(pairs))
    assert single.shape == (6, 5, 5, 4)
    for pair, k, side in np.ndindex(3, 4, 2):
        np.testing.assert_array_equal(single[2 * pair + side, ..., k], pairs[pair, k, side])
    channels = np.asarray(layers.ImagesToChannels()(single))
    assert channels.shape == (3, 5, 5, 8)
    for pair, k, side in np.ndindex(3, 4, 2):
        expected = pairs[pair, k, side]
        np.testing.assert_array_equal(channels[pair, ..., 2 * k + side], expected)


def test_the_derived_comparison_is_the_sum_over_classes():
    logits = np.random.default_rng(0).normal(0, 3, (2, 3, 5, 10))
    logits[0, 0, 0] = [0] * 9 + [80]  # a sure 9 against …
    logits[1, 0, 0] = [80] + [0] * 9  # … a sure 0
    first, second = np.exp(logits - logits.max(-1, keepdims=True))
    first, second = (p / p.sum(-1, keepdims=True) for p in (first, second))
    expected = np.zeros((3, 5))
    for i in range(10):
        for j in range(i, 10):
            expected += first[..., i] * second[..., j]
    answer = layers.DerivedComparison()(*logits.astype("float32"))
    assert answer.shape == (3, 5, 1) and np.isfinite(answer).all()
    np.testing.assert_allclose(
        1 / (1 + np.exp(-np.asarray(answer)[..., 0])), expected, atol=1e-6
    )


def test_augmentation_is_for_training_only():
    layer = layers.RandomAffine(1.5, 12, 0.12, 0.2, seed=1)
    images = blobs()
    np.testing.assert_array_equal(layer(images), images)
    np.testing.assert_array_equal(layer(images, training=False), images)
    moved = np.asarray(layer(images, training=True))
    assert (np.abs(moved - images).max((1, 2, 3)) > 0.01).mean() > 0.99
    still = layers.RandomAffine(**NOTHING)(images, training=True)
    np.testing.assert_allclose(still, images, atol=1e-5)


def test_members_move_alike_and_images_do_not():
    layer = layers.RandomAffine(1.5, 12, 0.12, 0.2, seed=1)
    moved = np.asarray(layer(blobs(), training=True))
    np.testing.assert_array_equal(moved[..., 0], moved[..., 1])
    assert len(np.unique(moved[:, 7, 7, 0])) > 190
    again = np.asarray(layer(blobs(), training=True))
    assert (again != moved).any()
    same = layers.RandomAffine(1.5, 12, 0.12, 0.2, seed=1)(blobs(), training=True)
    np.testing.assert_array_equal(same, moved)


def test_shifts_fill_their_range():
    layer = layers.RandomAffine(**NOTHING | {"shift": 2.5}, seed=3)
    moved = centres(np.asarray(layer(blobs(1000), training=True)))
    assert np.abs(moved).max() <= 2.55 and abs(moved.mean()) < 0.15
    for axis in (0, 1):
        assert moved[:, axis].min() < -2.3 and moved[:, axis].max() > 2.3
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.15


@pytest.mark.parametrize("amount", [{"turn": 20}, {"scale": 0.2}, {"shear": 0.3}])
def test_other_moves_keep_the_middle_and_do_what_they_say(amount):
    layer = layers.RandomAffine(**NOTHING | amount, seed=3)
    bar = np.zeros((500, 15, 15, 1), "float32")
    bar[:, 3:12, 7] = 1
    moved = np.asarray(layer(bar, training=True))
    assert np.abs(centres(moved)).max() < 0.25
    y, x = np.mgrid[:15, :15] - 7
    mass = moved[..., 0] / moved[..., 0].sum((1, 2), keepdims=True)
    lean = (mass * x * y).sum((1, 2)) / (mass * y * y).sum((1, 2))
    height = np.sqrt((mass * y * y).sum((1, 2)) * 3) * 2
    if "turn" in amount:
        steepest = np.degrees(np.arctan(np.abs(lean).max()))
        assert 17 < steepest < 21.5
    elif "shear" in amount:
        assert 0.26 < np.abs(lean).max() < 0.32
    else:
        assert np.abs(lean).max() < 0.02
        # Scaling by 0.8 of what is looked at makes it 1.25 times as large.
        assert 1.4 < height.max() / height.min() < 1.6


def test_layers_survive_saving(tmp_path):
    pair = keras.Input((2, 14, 14))
    x = layers.RandomAffine(1.5, 12, 0.12, 0.2, seed=9)(layers.ImagesToBatch()(pair))
    model = keras.Model(pair, layers.ImagesToChannels()(x))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).uniform(0, 255, (3, 2, 14, 14)).astype("float32")
    np.testing.assert_array_equal(loaded(images), model(images))
    assert loaded.layers[2].get_config() == model.layers[2].get_config()
