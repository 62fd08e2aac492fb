"""Files that are given for MNIST's: each is read whole, or refused in one line."""

import gzip
import os
import pickle
import re
import struct
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

from keras_pairs.data import npz_files
from keras_pairs.errors import UserError
from tests.npz import (
    ARRAYS,
    Bomb,
    X,
    Y,
    encrypted,
    fields,
    header,
    members,
    npy,
    npz,
    packed_by,
    shaped,
    wrong_checksum,
)


@pytest.fixture
def read(tmp_path):
    """A function of a file's content: what `npz_files.read` makes of it."""

    def read(content):
        path = tmp_path / "digits.npz"
        path.write_bytes(content)
        return npz_files.read(path)

    return read


@pytest.fixture
def refusal(read, tmp_path):
    """A function of a file's content: the line that refuses it, without the path."""

    def refusal(content):
        with pytest.raises(UserError) as error:
            read(content)
        start, line = f"{tmp_path / 'digits.npz'}: ", str(error.value)
        assert line.startswith(start) and "\n" not in line
        return line.removeprefix(start)

    return refusal


def assert_arrays(found):
    assert list(found) == list(npz_files.KEYS)
    for key, array in ARRAYS.items():
        assert found[key].dtype == np.uint8
        np.testing.assert_array_equal(found[key], array)


@pytest.mark.parametrize(
    "content",
    [
        npz(),
        npz(np.savez_compressed),
        npz(more=np.zeros(3)),
        members(zipfile.ZIP_DEFLATED),
        npz(x_train=np.asfortranarray(X)),
        npz(y_train=Y.astype(">i8"), y_test=ARRAYS["y_test"].astype("uint16")),
        members(x_train=npy(X, version=(2, 0)), y_train=npy(Y, version=(3, 0))),
        # Python 2 wrote long integers; numpy warns of them.
        members(x_train=shaped("(12L, 28, 28)", content=X.tobytes())),
    ],
)
def test_what_numpy_may_write_is_read(read, content):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_arrays(read(content))


BAD = [
    ("an array less", npz(y_test=None), "has no array named y_test"),
    ("an empty zip", b"PK\x05\x06" + bytes(18), "has no array named x_train"),
    ("pooled", npz(x_train=X[:, ::2, ::2]), "x_train must be uint8 .*, not uint8 .12, 14"),
    ("coloured", npz(x_test=np.zeros((6, 28, 28, 3), "u1")), "x_test must be uint8.*, 3"),
    ("complex", npz(x_test=X[:6] * 1j), "x_test must be uint8.*, not complex128"),
    ("beyond bytes", npz(x_test=X[:6] * 9.0), "x_test must hold pixels 0 to 255.* to 2"),
    ("centred", npz(x_train=X / 128 - 1), "x_train must hold pixels 0 .*not -1 to 0.99"),
    ("above one", npz(x_train=X / 254), "or all 0 to 1, not 0 to 1.0039"),
    ("no number", npz(x_train=X * np.nan), "x_train must hold pixels 0 to 255.*nan"),
    ("strings", npz(x_test=np.zeros((6, 28, 28), "U3")), "x_test must be uint8.*, not <U3"),
    ("structs", members(x_train=fields()), "x_train must be uint8"),
    ("one number", npz(x_train=np.uint8(3)), r"x_train must be uint8.*, not uint8 \[\]"),
    (
        "no images",
        npz(x_test=X[:0], y_test=Y[:0]),
        "x_test must have 1 to 1,000,000 images, not 0",
    ),
    ("a label less", npz(y_train=Y[:-1]), r"y_train must be integers \[12\], not .*\[11\]"),
    ("real labels", npz(y_train=Y + 0.5), "y_train must hold digits 0 to 9, not .*\\.5"),
    ("labels of no number", npz(y_train=Y * np.nan), "y_train must hold digits .* not nan"),
    ("yes and no", npz(y_train=Y > 4), "y_train must be integers .*bool"),
    ("two hot", npz(y_train=np.eye(10)[Y] + np.eye(10)[0]), "y_train must be one-hot"),
    ("none hot", npz(y_train=np.zeros((12, 10), "u1")), "y_train must be one-hot"),
    ("twice", npz(x_test=None, test_x=X, X_test=X), "several arrays for x_test: test_x, X"),
    (
        "one part",
        npz(x_test=None, y_test=None, x=X),
        "no array named x_test .*it holds 'x_",
    ),
    ("times", npz(y_train=Y.astype("m8[s]")), "y_train must be integers"),
    ("label 10", npz(y_test=np.full(6, 10)), "y_test must hold digits 0 to 9, not 10"),
    ("label -1", npz(y_test=np.arange(6) - 1), "y_test must hold digits 0 to 9, not -1"),
    ("objects", npz(y_test=np.array([Bomb()] * 6)), "y_test holds .*content is not read"),
    ("black", npz(x_train=X * 0), "x_train is all black"),
    ("white", npz(x_train=X | 255), "x_train is all white"),
    ("on grey paper", npz(x_test=np.minimum(X[:6], 54) + 201), "x_test is dark on light"),
    ("a pickled member", members(y_test=pickle.dumps(Bomb())), "y_test is not an array"),
    ("a text member", members(y_test=b"7 2 1 0"), "y_test is not an array"),
    ("an empty member", members(y_test=b" "), "y_test is not an array"),
    ("encrypted", encrypted(), "an encrypted archive"),
    ("bzip2", members(zipfile.ZIP_BZIP2), "x_train is packed in a way that numpy never"),
    ("lzma", members(zipfile.ZIP_LZMA), "x_train is packed in a way that numpy never"),
    ("deflate64", packed_by(9), "x_train is packed in a way that numpy never"),
    ("zstandard", packed_by(93), "x_train is packed in a way that numpy never"),
    ("wrong checksum", wrong_checksum(), "a damaged"),
    ("cut", npz()[:-500], "a damaged"),
    ("a local header alone", b"PK\x03\x04 cut short", "a damaged"),
    ("cut before packing", members(x_train=npy(X)[:-1]), "x_train is shorter or longer"),
    ("too long", members(x_train=npy(X) + b"x"), "x_train is shorter or longer"),
    (
        "huge",
        members(x_train=shaped("(1099511627776, 28, 28)")),
        "1,000,000 images, not 1,099,511",
    ),
    (
        "endless",
        members(x_train=shaped(f"({10**300}, 28, 28)")),
        "1,000,000 images, not 1,000,",
    ),
    ("negative", members(x_train=shaped("(-1, 28, 28)")), "1,000,000 images, not -1"),
    ("text for a shape", members(x_train=shaped("'12'")), "a damaged"),
    ("no shape", members(x_train=header("{'descr': '|u1'}\n")), "a damaged"),
    ("no dict", members(x_train=header("[[[[(\n")), "a damaged"),
    ("deep", members(x_train=header("(" * 900)), "a damaged"),
    (
        "a call",
        members(x_train=header("__import__('os').mkdir('exploded')\n")),
        "a damaged",
    ),
    ("no dtype", members(x_train=shaped("(1,)", "'elephant'")), "a damaged"),
    (
        "recursive dtype",
        members(x_train=shaped("(1,)", "[" * 300 + "]" * 300)),
        "a damaged",
    ),
    ("no text", members(x_train=header("\xff\xfe\x00\xd8")), "a damaged"),
    ("version 9", members(x_train=shaped("(12, 28, 28)", version=9)), "a damaged|shorter"),
    ("header of 1 GiB", members(x_train=header(" " * 2**16, version=2)), "a damaged"),
]


@pytest.mark.parametrize(("content", "line"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_bad_npz_files_get_one_line(refusal, tmp_path, monkeypatch, content, line):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = refusal(content)
    assert re.search(line, found), found
    assert not (tmp_path / "exploded").exists()


def text(lines):
    return "\n".join(lines).encode()


OTHERS = [
    ("an empty file", b""),
    ("an HTML page", b"\n<!DOCTYPE html>\n<title>404</title>"),
    ("an HTML page", b"\xef\xbb\xbf<HTML lang='fr'><p>r\xe9ponse"),
    ("an HTML page", b"<?xml version='1.0'?>\n<html></html>"),
    ("a CSV file", text(["label,1x1,1x2", "7,0,0", "2,0,0"])),
    ("a CSV file", text(["7;0;0", "2;0;0"])),
    ("a text file", "hello, é, \N{GRINNING FACE}".encode()),
    ("a text file", text(["one, two", "three, four, five"])),
    ("a text file", ("a" + "é" * 5000).encode()),
    ("an IDX file", b"\0\0\x08\x03" + struct.pack(">3I", 12, 28, 28) + X.tobytes()),
    ("an IDX file", b"\0\0\x08\x01" + struct.pack(">I", 12) + Y.tobytes()),
    ("an IDX file in gzip", gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 12))),
    ("a gzip file", gzip.compress(b"hello")),
    ("a gzip file", b"\x1f\x8bno gzip at all"),
    ("a single array (.npy)", npy(X)),
    ("a PNG picture", b"\x89PNG\r\n\x1a\n"),
    ("a JPEG picture", b"\xff\xd8\xff\xe0"),
    ("a PDF", b"%PDF-1.7"),
    ("an HDF5 file", b"\x89HDF\r\n\x1a\n"),
    ("a Python pickle (pickled content is not read)", pickle.dumps(Bomb())),
    ("not an .npz archive", bytes(range(256))),
    ("not an .npz archive", bytes(5000)),
]


# By default the names would hold the bytes, and gzip's the time.
@pytest.mark.parametrize(("noun", "content"), OTHERS, ids=[noun for noun, _ in OTHERS])
def test_what_another_file_is(refusal, tmp_path, monkeypatch, noun, content):
    monkeypatch.chdir(tmp_path)
    found = refusal(content)
    assert found.startswith(noun) and found.endswith("not an .npz archive")
    assert not (tmp_path / "exploded").exists()


def test_what_is_no_file(tmp_path):
    for name, message in (
        ("none.npz", "none.npz: No such file or directory"),
        ("", "a folder, not an .npz archive"),
        ("a\0b", "null"),
    ):
        with pytest.raises(UserError, match=message):
            npz_files.read(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe: not a file"):
        npz_files.read(tmp_path / "pipe")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_no_damage_is_a_traceback_or_other_numbers(read, save):
    """Cut anywhere, with any bits turned: the arrays as they were, or one line."""
    content = npz(save)
    rng = np.random.default_rng(0)
    cut = [content[:length] for length in rng.integers(len(content), size=40)]
    # Half of the damage where it is worst: in the headers and the directory.
    places = np.flatnonzero(np.frombuffer(content, "uint8"))
    ends = np.r_[:300, len(content) - 400 : len(content)]
    turned = []
    for i in range(160):
        damaged = bytearray(content)
        for place in rng.choice(ends if i % 2 else places, rng.integers(1, 4)):
            damaged[place] ^= 1 << rng.integers(8)
        turned.append(bytes(damaged))
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for damaged in cut + turned:
            try:
                assert_arrays(read(damaged))
            except UserError as error:
                refused += 1
                assert "\n" not in str(error)
    assert refused > 120


def test_what_a_file_claims_is_not_allocated(refusal):
    many = shaped("(1000001, 28, 28)")
    claims = bytearray(members(x_train=many))
    # The archive's directory agrees: it says so many bytes, packed into a hundred.
    at = claims.index(b"PK\x01\x02") + 24
    claims[at : at + 4] = struct.pack("<I", len(many) + 1_000_001 * 784)
    header_bomb = members(
        zipfile.ZIP_DEFLATED,
        x_train=b"\x93NUMPY\x02\x00" + struct.pack("<I", 10**8) + b" " * 10**7,
    )
    tracemalloc.start()
    try:
        assert "images, not 1,000,001" in refusal(bytes(claims))
        assert "a damaged" in refusal(header_bomb)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_noise_and_faint_marks_are_accepted(read):
    noise = np.random.default_rng(0).integers(0, 256, (6, 28, 28), "uint8")
    marks = np.zeros((12, 28, 28), "uint8")
    marks[0, 3, 3] = 2
    found = read(npz(x_train=marks, x_test=noise))
    np.testing.assert_array_equal(found["x_train"], marks)
    np.testing.assert_array_equal(found["x_test"], noise)
