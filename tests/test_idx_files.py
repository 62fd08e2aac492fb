"""MNIST's own format: packed or not, by any of its names, damaged and hostile."""

import gzip
import re
import shutil
import struct
import tracemalloc

import numpy as np
import pytest

from keras_pairs import data
from keras_pairs.data import idx_files
from keras_pairs.errors import UserError

rng = np.random.default_rng(0)
X = np.zeros((30, 28, 28), "uint8")
X[:, 6:22, 4:20] = rng.integers(0, 256, (30, 16, 16))
Y = (np.arange(30) % 10).astype("uint8")
PARTS = {"x_train": X[:20], "y_train": Y[:20], "x_test": X[20:], "y_test": Y[20:]}
NAMES = dict(
    zip(
        PARTS,
        (
            *("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
            *("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
        ),
        strict=True,
    )
)
IMAGES = NAMES["x_train"]


def idx(array, magic=None, shape=None):
    shape = shape or array.shape
    magic = magic or bytes([0, 0, 8, len(shape)])
    return magic + struct.pack(f">{len(shape)}I", *shape) + array.tobytes()


def write(folder, rename=str, pack=bytes, **changes):
    """Writes the four files; `changes` are the contents of some."""
    folder.mkdir(exist_ok=True)
    for key, array in PARTS.items():
        content = changes.get(key, pack(idx(array)))
        (folder / rename(NAMES[key])).write_bytes(content)
    return folder


def assert_read(images):
    for key, array in PARTS.items():
        found = getattr(images, key)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name,
        lambda name: name.replace("-idx", ".idx"),
        lambda name: name.replace("t10k", "test"),
        lambda name: name.upper(),
    ],
    ids=["usual", "dot", "test", "upper"],
)
def test_a_folder_or_one_of_its_files_is_read(pack, rename, tmp_path, caplog):
    ending = ".gz" if pack is gzip.compress else ""
    folder = write(tmp_path / "raw", lambda name: rename(name + ending), pack)
    (folder / "README.txt").touch()
    for path in (folder, *(p for p in folder.iterdir() if p.name != "README.txt")):
        for dataset in ("auto", "mnist", "idx"):
            images = data.load_images(dataset, str(path))
            assert_read(images)
            assert (images.name, images.source) == ("raw", str(path))
            assert not images.reuse
    assert not caplog.records


def test_files_that_are_there_packed_and_not(tmp_path):
    """As torchvision leaves them; and a folder that some unpackers make."""
    folder = write(tmp_path / "raw")
    for name in NAMES.values():
        (folder / f"{name}.gz").write_bytes(b"not looked at")
    (folder / "train-images.idx3-ubyte").mkdir()
    assert_read(data.load_images("auto", folder))


def test_a_set_with_a_name_of_its_own(tmp_path, caplog):
    folder = write(tmp_path / "raw", lambda name: f"mine-{name}")
    assert data.load_images("idx", folder).name == "mine"
    write(folder, lambda name: f"yours-{name}")
    with pytest.raises(UserError, match="several data sets: mine, yours .give one"):
        data.load_images("idx", folder)
    images = data.load_images("idx", folder / f"yours-{IMAGES}")
    assert images.name == "yours"
    assert not caplog.records


def test_emnist_stands_upright(tmp_path, caplog):
    upright = {
        key: idx(np.ascontiguousarray(x.swapaxes(1, 2))) if key[0] == "x" else idx(x)
        for key, x in PARTS.items()
    }
    folder = write(tmp_path / "raw", lambda name: f"emnist-digits-{name}", **upright)
    images = data.load_images("auto", folder)
    assert_read(images)
    assert images.name == "emnist-digits"
    (record,) = caplog.records
    assert "converted: rows and columns exchanged" in record.getMessage()


def test_dark_digits_on_white_are_inverted(tmp_path, caplog):
    folder = write(tmp_path / "raw", x_test=idx(255 - X[20:]))
    assert_read(data.load_images("auto", folder))
    (record,) = caplog.records
    assert record.getMessage() == f"{folder}: converted: x_test: dark on white inverted"


PACKED = gzip.compress(idx(X[:20]))
BAD = [
    (
        "a label less",
        {"y_train": idx(Y[:19])},
        "train-images.* has 20 .*-labels.* 19 labels",
    ),
    ("labels for images", {"x_train": idx(Y[:20])}, "does not hold 28×28.*0x00000801"),
    ("images for labels", {"y_train": idx(X[:20])}, "does not hold labels.*0x00000803"),
    ("floats", {"x_train": idx(X[:20], b"\0\0\x0d\3")}, "does not hold 28×28.*0x00000d03"),
    ("pooled", {"x_train": idx(X[:20, :14, :14].copy())}, "28×28 pixels, not 14×14"),
    ("no images", {"x_train": idx(X[:0])}, "must have 1 to 1,000,000 images, not 0"),
    ("cut", {"x_train": idx(X[:20])[:-1]}, "shorter than its header"),
    ("cut in the header", {"x_train": idx(X)[:9]}, "a damaged IDX file"),
    ("too long", {"x_train": idx(X[:20]) + b"x"}, "longer than its header"),
    ("a label more", {"y_train": idx(Y[:20]) + b"x"}, "longer than its header"),
    ("empty", {"x_train": b""}, "an empty file, not an IDX file"),
    ("a picture", {"x_train": b"\x89PNG\r\n\x1a\n"}, "a PNG picture, not an IDX file"),
    ("anything", {"x_train": bytes(range(99))}, "not an IDX file"),
    ("text in gzip", {"x_train": gzip.compress(b"hello")}, "a text file, not an IDX file"),
    ("no gzip", {"x_train": b"\x1f\x8bno gzip at all"}, "a damaged IDX file"),
    ("cut gzip", {"x_train": PACKED[:-9]}, "a damaged IDX file"),
    ("wrong sum", {"x_train": PACKED[:-8] + b"sumsum" + PACKED[-2:]}, "a damaged IDX"),
    ("gzip too long", {"x_train": gzip.compress(idx(X[:20]) + b"x")}, "longer than its"),
    ("gzip too short", {"x_train": gzip.compress(idx(X[:20])[:-1])}, "shorter than its"),
    ("letters", {"y_train": idx(Y[:20] + 11)}, "y_train must hold digits 0 to 9, not 11"),
    ("black", {"x_test": idx(X[20:] * 0)}, "x_test is all black"),
]


@pytest.mark.parametrize(("changes", "line"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_bad_files_get_one_line(changes, line, tmp_path):
    folder = write(tmp_path / "raw", **changes)
    with pytest.raises(UserError) as error:
        data.load_images("idx", folder)
    found = str(error.value)
    assert found.startswith(str(folder)) and "\n" not in found
    assert re.search(line, found), found


def test_what_is_missing_is_named(tmp_path):
    folder = write(tmp_path / "raw")
    (folder / NAMES["y_test"]).unlink()
    with pytest.raises(
        UserError, match="raw: holds no t10k-labels-idx1-ubyte .\\.gz or no"
    ):
        data.load_images("idx", folder)
    with pytest.raises(UserError, match="raw: holds no t10k-labels-idx1-ubyte"):
        data.load_images("idx", folder / IMAGES)
    shutil.copy(folder / IMAGES, tmp_path / "digits.idx")
    with pytest.raises(UserError, match="digits.idx: is not named as MNIST's files are"):
        data.load_images("auto", tmp_path / "digits.idx")
    for path, message in (
        (tmp_path / "none", "none: no such file"),
        (tmp_path, "holds no train"),
    ):
        with pytest.raises(UserError, match=message):
            data.load_images("idx", path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_no_damage_is_a_traceback_or_endless(pack, tmp_path):
    """Cut anywhere, with any bits turned; of gzip the numbers are as they were, too."""
    content = pack(idx(X[:20]))
    damage = np.random.default_rng(0)
    damaged = [content[:length] for length in damage.integers(len(content), size=30)]
    for i in range(90):
        turned = bytearray(content)
        end = 16 if i % 2 else len(content)
        for place in damage.integers(end, size=damage.integers(1, 4)):
            turned[place] ^= 1 << damage.integers(8)
        damaged.append(bytes(turned))
    refused, folder = 0, write(tmp_path / "raw")
    for content in damaged:
        (folder / IMAGES).write_bytes(content)
        try:
            images = data.load_images("idx", folder)
        except UserError as error:
            refused += 1
            assert "\n" not in str(error)
            continue
        assert len(images.x_train) == 20
        if pack is gzip.compress:
            assert_read(images)
    assert refused >= 60


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_what_a_file_claims_is_not_allocated(pack, tmp_path):
    for count in (10**6, 2**32 - 1):
        content = pack(idx(X[:20], shape=(count, 28, 28)))
        folder = write(tmp_path / "raw", x_train=content)
        tracemalloc.start()
        try:
            with pytest.raises(UserError, match=r"shorter than|1,000,000 images, not 4,29"):
                idx_files.load(folder)
            assert tracemalloc.get_traced_memory()[1] < 2**24
        finally:
            tracemalloc.stop()
