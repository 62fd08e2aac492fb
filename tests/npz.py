""".npz files of digits, whole, odd and broken; `BAD` in test_npz_files says what for."""

import io
import os
import struct
import zipfile

import numpy as np

from keras_pairs.data import npz_files


def digits(count, seed):
    """Something like digits: ink in the middle, uint8 [count, 28, 28], and labels."""
    rng = np.random.default_rng(seed)
    x = np.zeros((count, 28, 28), "uint8")
    x[:, 8:20, 8:20] = rng.integers(0, 256, (count, 12, 12))
    return x, rng.integers(0, 10, count, "uint8")


ARRAYS = dict(zip(npz_files.KEYS, (*digits(12, 0), *digits(6, 1)), strict=True))
X, Y = ARRAYS["x_train"], ARRAYS["y_train"]


def npz(save=np.savez, **changes):
    """The bytes of an .npz of `ARRAYS` with changes; None leaves an array out."""
    buffer = io.BytesIO()
    arrays = ARRAYS | changes
    save(buffer, **{key: x for key, x in arrays.items() if x is not None})
    return buffer.getvalue()


def members(compression=zipfile.ZIP_STORED, **changes):
    """The same, with members of any content (bytes)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for key in npz_files.KEYS:
            archive.writestr(f"{key}.npy", changes.get(key) or npy(ARRAYS[key]))
    return buffer.getvalue()


def npy(array, **options):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, **options)
    return buffer.getvalue()


def header(text, content=b"", version=1):
    """A member with that text for a header."""
    text = text.encode("latin1")
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + content


def shaped(shape, descr="'|u1'", **options):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"
    return header(text, **options)


def encrypted():
    """As `zip --encrypt` marks its members, in both places where it does."""
    content = npz()
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        parts = content.split(start)
        at = flags - len(start)
        parts[1:] = [p[:at] + bytes([p[at] | 1]) + p[at + 1 :] for p in parts[1:]]
        content = start.join(parts)
    return content


def packed_by(method):
    """All members with another number for their compression."""
    content = npz()
    for start, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        parts = content.split(start)
        at = place - len(start)
        parts[1:] = [p[:at] + struct.pack("<H", method) + p[at + 2 :] for p in parts[1:]]
        content = start.join(parts)
    return content


def wrong_checksum():
    content = bytearray(npz())
    content[content.index(X.tobytes()) + 5000] ^= 1
    return bytes(content)


def fields():
    return npy(np.zeros(12, [("a", "u1"), ("b", "f4")]))


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)
