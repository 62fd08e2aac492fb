"""`model.keras`: the network in plain Keras, of a run and of each published version.

It may be a stranger's. Keras' safe mode runs no code of it; what it claims is checked
before anything is read, so that a small file cannot fill the memory.
"""

import contextlib
import math
import pathlib
import threading
import zipfile

import h5py
import keras

from keras_pairs import files
from keras_pairs.errors import UserError, first_line
from keras_pairs.serving import versions

NAME = versions.NETWORK
CONFIG, WEIGHTS = "config.json", "model.weights.h5"
# A hundred times what the preset `best` has with a committee of five.
MAX_BYTES = 2**29
MAX_CONFIG_BYTES = 2**23
_MIB = 2**20
# `_at_most` changes every layer while a file is opened: one thread at a time.
LOADING = threading.Lock()
# Layers that run what a file names: Python, other files' graphs, pickles.
CODE = ("FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper")


def load(path):
    """Opens a .keras file.

    Args:
      path: str or Path.

    Returns:
      `keras.Model`, not compiled.

    Raises:
      UserError: if there is no Keras model that can be read: missing, damaged, with code in
        it, or larger than `MAX_BYTES` or than it says.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise UserError(
            f"{path}: no such file (a run folder holds {NAME}, and so does a version "
            "that no older keras_pairs published)"
        )
    try:
        with LOADING, _at_most(_count_weights(path)):
            return keras.models.load_model(path, compile=False, safe_mode=True)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except MemoryError as error:
        raise UserError(f"{path}: too large for this machine's memory") from error
    except Exception as error:
        # Keras raises whatever its reader met: ValueError, KeyError, BadZipFile, …
        if "keras_pairs" in str(error):
            raise UserError(
                f"{path}: of an older keras_pairs, which had layers of its own; train it "
                "again"
            ) from error
        raise UserError(f"{path}: not a Keras model: {first_line(error)}") from error


def _count_weights(path):
    """How many numbers the file holds, from its headers.

    Raises:
      UserError: if it is no .keras file, or claims more than it holds.
    """
    if not zipfile.is_zipfile(path):
        raise UserError("not a Keras model, or a damaged one")
    with zipfile.ZipFile(path) as archive:
        sizes = {}
        for member in archive.infolist():
            name = member.filename
            # Packed, it could be a thousand times as large, and not what its header says.
            if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
                raise UserError(
                    f"its {name[:40]} is compressed, which Keras does not do; only what "
                    "`model.save` wrote is opened"
                )
            if member.file_size != member.compress_size:
                raise UserError("a damaged Keras model: its parts are not as long as said")
            sizes[name] = sizes.get(name, 0) + member.file_size
        for name in (CONFIG, WEIGHTS):
            if name not in sizes:
                raise UserError(f"not a Keras model: it holds no {name}")
        for what, size, most in (
            ("it", sum(sizes.values()), MAX_BYTES),
            (f"its {CONFIG}", sizes[CONFIG], MAX_CONFIG_BYTES),
        ):
            if size > most:
                raise UserError(
                    f"{what} has {size / _MIB:,.0f} MiB; no more than {most // _MIB} are "
                    "opened"
                )
        _refuse_code(files.from_json(archive.read(CONFIG)))
        with archive.open(WEIGHTS) as packed, h5py.File(packed, "r") as file:
            return _count_numbers(file)


def _refuse_code(config):
    """Keras refuses it, too, but not in all its versions."""
    parts = [config]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            if part.get("class_name") in CODE:
                raise UserError(f"it holds a layer {part['class_name']}, which runs code")
            parts += part.values()
        elif isinstance(part, list):
            parts += part


def _count_numbers(file):
    counts = []

    def look(name, item):
        """Why an item is refused: an error within a visit would keep the item open."""
        if isinstance(item, h5py.Group):
            links = (item.get(each, getlink=True) for each in item)
            elsewhere = any(not isinstance(link, h5py.HardLink) for link in links)
        else:
            elsewhere = item.is_virtual or item.external
        if elsewhere:
            return f"its weights {name[:80]} lie in other files"
        if isinstance(item, h5py.Dataset):
            if item.nbytes > item.id.get_storage_size():
                return f"its weights {name[:80]} are larger than what the file holds"
            counts.append(item.size)
        return None

    refusal = look("", file) or file.visititems(look)
    if refusal:
        raise UserError(refusal)
    return sum(counts)


@contextlib.contextmanager
def _at_most(count):
    """Refuses layers, made in the block, that want more weights than the file holds.

    Keras makes them before it looks at the file's own.
    """
    create, owner = keras.layers.Layer.add_weight, threading.get_ident()
    wanted, refusals = [], []

    def add_weight(self, *arguments, **options):
        shape = arguments[0] if arguments else options.get("shape")
        if threading.get_ident() == owner:
            wanted.append(math.prod((shape,) if isinstance(shape, int) else shape or ()))
            if sum(wanted) > count:
                refusals.append(UserError("it asks for more weights than it holds"))
                raise refusals[0]
        return create(self, *arguments, **options)

    keras.layers.Layer.add_weight = add_weight
    try:
        yield
    except Exception as error:
        # Keras may have made another error of it.
        raise (refusals or [error])[0] from error
    finally:
        keras.layers.Layer.add_weight = create
