import numpy as np
import pytest

from keras_pairs.config import TrainingConfig
from keras_pairs.data import load_images, sample_pairs


@pytest.fixture(scope="session")
def digits():
    """The digits that ship inside scikit-learn."""
    return load_images("digits")


@pytest.fixture(scope="session")
def splits(digits):
    """60 training, validation and test pairs."""
    return sample_pairs(digits, 60, seed=5)


@pytest.fixture
def config():
    """A tiny training."""
    return TrainingConfig(
        nb_f=4,
        lr=0.005,
        batch_size=20,
        w_a=0.7,
        epochs=3,
        seed=1,
        dataset="digits",
        num_pairs=60,
    )


@pytest.fixture(scope="session")
def npz(tmp_path_factory):
    """An .npz in MNIST's form, 400 + 200 images whose pixels tell which one they are."""
    rng = np.random.default_rng(0)

    def part(count, first):
        x = np.zeros((count, 28, 28), "uint8")
        number = first + np.arange(count)
        # Constant over 2x2 blocks: pooling keeps the values.
        x[:, 0:2, 0:2] = (number % 256)[:, None, None]
        x[:, 0:2, 2:4] = (number // 256)[:, None, None]
        return x, rng.integers(0, 10, count).astype("uint8")

    x_train, y_train = part(400, 0)
    x_test, y_test = part(200, 400)
    path = tmp_path_factory.mktemp("data") / "mnist.npz"
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path
