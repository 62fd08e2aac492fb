"""MNIST's arrays from an .npz that may be damaged, hostile or no .npz at all."""

import io
import logging
import math
import zipfile

import numpy as np

from keras_pairs.data import arrays, foreign_files
from keras_pairs.data.images import KEYS, Images
from keras_pairs.errors import UserError

# Characters; numpy writes 118 of the arrays that are wanted here.
MAX_HEADER = 1000


def load(path):
    """`Images` of an .npz, named by the file; see `read`."""
    return Images(path.stem, str(path), **read(path))


def read(path):
    """Reads and checks an .npz with MNIST's arrays. Pickled content is never executed.

    What is not in MNIST's form but can be brought to it is converted, which a warning
    says in one line: see `arrays`.

    Args:
      path: `pathlib.Path`.

    Returns:
      dict of arrays by `KEYS`: x uint8 [N, 28, 28], y uint8 [N] of 0…9.

    Raises:
      UserError: one line that begins with the path and says what is wrong.
    """
    with foreign_files.opened(path, "an .npz archive") as file:
        found, text = _read(file)
    if text:
        logging.getLogger(__name__).warning("%s: converted: %s", path, text)
    return found


def _read(file):
    head = file.read(foreign_files.HEAD)
    if not head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        found = foreign_files.kind(head)
        raise UserError(f"{found}, not an .npz archive" if found else "not an .npz archive")
    with zipfile.ZipFile(file) as archive:
        members = {name.removesuffix(".npy"): name for name in archive.namelist()}
        names = arrays.find(list(members))
        members = {key: archive.getinfo(members[name]) for key, name in names.items()}
        # Before any array is unpacked: a header may claim any size.
        headers = {key: _header(archive, key, members[key]) for key in KEYS}
        for part in ("train", "test"):
            arrays.check_headers(part, *(headers[f"{axis}_{part}"][:2] for axis in "xy"))
        for key, (shape, dtype, start) in headers.items():
            if members[key].file_size != start + math.prod(shape) * dtype.itemsize:
                raise UserError(f"{key} is shorter or longer than its header says")
        unpacked = {}
        for key, member in members.items():
            with archive.open(member) as packed:
                unpacked[key] = np.lib.format.read_array(
                    packed, allow_pickle=False, max_header_size=MAX_HEADER
                )
    found, text = arrays.converted(unpacked)
    renamed = [f"{name} as {key}" for key, name in names.items() if name != key]
    return found, "; ".join([", ".join(renamed)] * bool(renamed) + [text] * bool(text))


def _header(archive, key, member):
    """(shape, dtype, where the data begin) of an array; no more than this is unpacked."""
    if member.flag_bits & 1:
        raise UserError("an encrypted archive")
    # Of bzip2 45 bytes may be 45 megabytes, which zipfile unpacks before it counts them.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UserError(f"{key} is packed in a way that numpy never packs arrays")
    with archive.open(member) as packed:
        start = io.BytesIO(packed.read(foreign_files.HEAD))
    try:
        version = np.lib.format.read_magic(start)
    except ValueError as error:
        raise UserError(f"{key} is not an array (.npy)") from error
    # Versions 2 and 3 differ in the names of fields, which no array here has.
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read_header(start, max_header_size=MAX_HEADER)
    if dtype.hasobject:
        raise UserError(f"{key} holds Python objects (pickled content is not read)")
    return shape, dtype, start.tell()
