"""From images of digits to pairs (section II.B). Importable without TensorFlow."""

import dataclasses
import math

import numpy as np

from keras_pairs import outputs
from keras_pairs.data.images import Images
from keras_pairs.errors import UserError
from keras_pairs.paper import NUM_PAIRS

# The paper scores 1,000 test pairs. MNIST's 10,000 test images give 5,000 pairs: at 99 %
# their sampling error is 0.14 points, that of 1,000 is 0.31.
SCORED_PAIRS = 5000


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Pairs of digits.

    Attributes:
      images: float32 [n, 2, 14, 14], 0…255.
      digits: int32 [n, 2], the classes.
    """

    images: np.ndarray
    digits: np.ndarray

    @property
    def targets(self):
        """What each output should be, as `keras.Model.fit` takes it."""
        return outputs.targets(self.digits)

    @property
    def target(self):
        """float32 [n], 1 where the first digit is less than or equal to the second."""
        return self.targets[outputs.OUTPUTS[0].name]

    def __len__(self):
        return len(self.images)


@dataclasses.dataclass(frozen=True)
class Splits:
    """Training, validation and test pairs; no image is in two of them."""

    train: Pairs
    validation: Pairs
    test: Pairs


def pool(images):
    """Average-pools uint8 [N, 28, 28] by 2×2: float32 [N, 14, 14], 0…255."""
    blocks = images.reshape(-1, 14, 2, 14, 2)
    return blocks.mean(axis=(2, 4), dtype="float32")


def sample_pairs(
    images: Images, num_pairs: int = NUM_PAIRS, seed: int = 0, scored_on: str | None = None
) -> Splits:
    """Draws training, validation and test pairs (section II.B).

        splits = sample_pairs(load_images("digits"), num_pairs=100, seed=0)
        splits.train.images.shape    # (100, 2, 14, 14)

    No image is used twice. Images with `reuse`, too few for that, are used again: within
    their split, never across, and a pair's two images are always distinct. Training and
    validation come from the training part, test from the test part.

    Args:
      images: `Images`.
      num_pairs: int >= 1, pairs in each of the three.
      seed: int >= 0.
      scored_on: "validation", "test" or None. That part has 5,000 pairs, or as many as
        there are images for; the first `num_pairs` are the same as without it.
        Images with `reuse` have no more.

    Returns:
      `Splits`.

    Raises:
      UserError: if there are fewer images, or digits, than the pairs need.
      ValueError: if num_pairs is less than 1, or there is no such part.
    """
    if scored_on not in (None, "validation", "test"):
        raise ValueError(
            f"scored_on must be validation, test or None. Received: scored_on={scored_on!r}"
        )
    check_enough(images, num_pairs)
    rng = np.random.default_rng([seed, 1])
    order = rng.permutation(len(images.x_train))
    test = rng.permutation(len(images.x_test))
    if images.reuse:
        cut = 2 * len(order) // 3
        train, validation = (
            _reuse(part, num_pairs, rng) for part in np.split(order, [cut])
        )
        test = _reuse(test, num_pairs, rng)
    else:

        def take(part, name):
            count = max(num_pairs, SCORED_PAIRS) if name == scored_on else num_pairs
            return part[: 2 * min(count, len(part) // 2)].reshape(-1, 2)

        train, validation = np.split(order, [2 * num_pairs])
        train = train.reshape(-1, 2)
        validation, test = take(validation, "validation"), take(test, "test")
    return Splits(
        _pairs(images.x_train, images.y_train, train),
        _pairs(images.x_train, images.y_train, validation),
        _pairs(images.x_test, images.y_test, test),
    )


def check_enough(images, num_pairs):
    """Refuses what `sample_pairs` could draw no pairs from, before anything is done.

    Args:
      images: `Images`.
      num_pairs: int, as of `sample_pairs`.

    Raises:
      UserError: if there are too few images, or all are of one digit.
      ValueError: if `num_pairs` is less than 1.
    """
    if num_pairs < 1:
        raise ValueError(f"num_pairs must be at least 1. Received: num_pairs={num_pairs}")
    digits = np.unique(images.y_train)
    if len(digits) == 1:
        raise UserError(
            f"a training needs images of 2 digits or more; {images.source} has only the "
            f"{digits[0]}"
        )
    for part, has, needs, most in _needs(images, num_pairs):
        if has < needs:
            hint = f" (it has enough for --num_pairs={most})" if most else ""
            raise UserError(
                f"{num_pairs} pairs need {needs} {part} images; {images.source} has {has}"
                f"{hint}"
            )


def _needs(images, num_pairs):
    """(name of a part, how many images it has and needs, most pairs of all parts)."""
    train, test = len(images.x_train), len(images.x_test)
    if not images.reuse:
        train_needs, test_needs = 4 * num_pairs, 2 * num_pairs
        most = min(train // 4, test // 2)
    else:
        # So many that there are as many different pairs of them. Validation has a third.
        test_needs = (3 + math.isqrt(8 * num_pairs - 7)) // 2
        train_needs, few = 3 * test_needs, min(train // 3, test)
        most = few * (few - 1) // 2
    return ("training", train, train_needs, most), ("test", test, test_needs, most)


def _reuse(part, num_pairs, rng):
    if len(part) >= 2 * num_pairs:
        return part[: 2 * num_pairs].reshape(num_pairs, 2)
    first = rng.integers(len(part), size=num_pairs)
    second = (first + rng.integers(1, len(part), size=num_pairs)) % len(part)
    return part[np.stack([first, second], 1)]


def _pairs(x, y, indices):
    images = pool(x[indices.ravel()]).reshape(-1, 2, 14, 14)
    return Pairs(images, y[indices].astype("int32"))
