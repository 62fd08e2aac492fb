"""Arrays in the forms that others keep: converted and said so, or refused."""

import numpy as np
import pytest

from keras_pairs.data import arrays, npz_files
from keras_pairs.errors import UserError

rng = np.random.default_rng(0)
X = np.zeros((30, 28, 28), "uint8")
X[:, 6:22, 6:22] = rng.integers(0, 256, (30, 16, 16))
# So that halves and doubles of pixels are told apart.
X[0, 10, 10] = 255
Y = (np.arange(30) % 10).astype("uint8")
MNIST = {"x_train": X[:20], "y_train": Y[:20], "x_test": X[20:], "y_test": Y[20:]}


def read(path, caplog, **wanted):
    """(What is read of an .npz of these arrays, the line that was said of it or None)."""
    np.savez(path / "mine.npz", **wanted)
    caplog.clear()
    found = npz_files.read(path / "mine.npz")
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) <= 1 and "\n" not in "".join(lines)
    return found, lines[0].removeprefix(f"{path / 'mine.npz'}: ") if lines else None


def assert_mnist(found):
    assert list(found) == list(MNIST)
    for key, array in MNIST.items():
        assert found[key].dtype == np.uint8
        np.testing.assert_array_equal(found[key], array)


FORMS = {
    "0…1 to 0…255": lambda x: x / np.float32(255),
    "0…1 to 0…255 ": lambda x: x / 255,
    "float64 rounded": lambda x: x + 0.25,
    "float32 rounded": lambda x: x.astype("float32"),
    "[N, 28, 28, 1] to [N, 28, 28]": lambda x: x[..., None],
    "[N, 1, 28, 28] to [N, 28, 28]": lambda x: x[:, None],
    "[N, 784] to [N, 28, 28]": lambda x: np.asfortranarray(x.reshape(-1, 784)),
    "dark on white inverted": lambda x: 255 - x,
    "[N, 784] to [N, 28, 28]; x_test: 0…1 to 0…255; x_test: dark on white inverted": (
        lambda x: 1 - x.reshape(-1, 784) / 255
    ),
}


@pytest.mark.parametrize("said", FORMS)
def test_images_in_other_forms_are_converted_and_said_so(said, tmp_path, caplog):
    test = np.clip(FORMS[said](MNIST["x_test"]), 0, 255)
    found, line = read(tmp_path, caplog, **MNIST | {"x_test": test})
    assert line == f"converted: x_test: {said.strip()}"
    assert_mnist(found)
    both = MNIST | {"x_train": np.clip(FORMS[said](MNIST["x_train"]), 0, 255)}
    found, line = read(tmp_path, caplog, **both | {"x_test": test})
    assert line == f"converted: {said.strip()}".replace(
        "x_test", "x_train, x_test"
    ).replace("converted: ", "converted: x_train, x_test: ")
    assert_mnist(found)


def test_images_of_two_shades_are_scaled(tmp_path, caplog):
    shades = (X > 127).astype("uint8")
    for dtype in ("uint8", "int64", "bool", "float16"):
        parts = {"x_train": shades[:20].astype(dtype), "x_test": 255 * shades[20:]}
        found, line = read(tmp_path, caplog, **MNIST | parts)
        assert line == "converted: x_train: 0…1 to 0…255"
        np.testing.assert_array_equal(found["x_train"], 255 * shades[:20])


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.eye(10)[Y], "one-hot to digits"),
        (np.eye(10, dtype="uint8")[Y], "one-hot to digits"),
        (np.eye(10, dtype=bool)[Y], "one-hot to digits"),
        (Y[:, None], None),
        (Y.astype(">i8"), None),
        (Y.astype("float32"), None),
    ],
)
def test_labels_in_other_forms(labels, said, tmp_path, caplog):
    parts = {"y_train": labels[:20], "y_test": labels[20:]}
    found, line = read(tmp_path, caplog, **MNIST | parts)
    assert line == (said and f"converted: y_train, y_test: {said}")
    assert_mnist(found)


@pytest.mark.parametrize(
    "names",
    [
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("training-data", "train-target", "testing_image", "test.label"),
    ],
)
def test_other_names_are_understood_and_said(names, tmp_path, caplog):
    renamed = dict(zip(names, MNIST.values(), strict=True))
    # As some data sets have it; it is nobody's.
    found, line = read(tmp_path, caplog, **renamed, val_images=X, train_rows=X)
    said = zip(names, MNIST, strict=True)
    assert line == "converted: " + ", ".join(f"{name} as {key}" for name, key in said)
    assert_mnist(found)


def test_names_as_kerass_come_first(tmp_path, caplog):
    found, line = read(tmp_path, caplog, **MNIST, train_images=X[:3], X_train=X[:4])
    assert line is None
    assert_mnist(found)


def test_images_that_mnist_has_are_not_touched(tmp_path, caplog):
    found, line = read(tmp_path, caplog, **MNIST)
    assert line is None
    assert_mnist(found)


def test_memory_for_wide_numbers_is_bounded():
    count = arrays.MAX_IMAGES
    labels = ((count,), np.dtype("uint8"))
    arrays.check_headers("train", ((count, 28, 28), np.dtype("uint8")), labels)
    with pytest.raises(UserError, match="x_train has 1,000,000 images of float16: save it"):
        arrays.check_headers("train", ((count, 784), np.dtype("float16")), labels)


def test_grey_paper_is_not_inverted(tmp_path, caplog):
    """Inverted, its paper would not be 0."""
    with pytest.raises(UserError, match="x_test is dark on light; the background must be"):
        read(tmp_path, caplog, **MNIST | {"x_test": 240 - X[20:] // 2})
    found, _ = read(tmp_path, caplog, **MNIST | {"x_test": 252 - X[20:] // 2})
    assert (found["x_test"][:, 0] == 3).all()
