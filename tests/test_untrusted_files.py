"""Models and arrays of strangers: no code of theirs runs, and none fills the memory."""

import concurrent.futures
import contextlib
import importlib
import io
import json
import os
import struct
import tracemalloc
import zipfile

import h5py
import keras
import numpy as np
import pytest

from keras_pairs.data import npz_files
from keras_pairs.errors import UserError
from keras_pairs.networks.build import build_model
from keras_pairs.serving import checks, keras_file
from tests import networks
from tests.helpers import BOX, assert_one_line, call
from tests.npz import header, members

MEMORY = 100 * 2**20


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """{name: content} of the members of a small network's file."""
    path = tmp_path_factory.mktemp("model") / "model.keras"
    build_model(networks.config(nb_f=2)).save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def refusal(tmp_path):
    """A function of a file's members: the line that refuses it, without the path.

    Loading it must take less memory than `MEMORY`, and run nothing.
    """

    def refusal(parts, compression=zipfile.ZIP_STORED):
        path = tmp_path / "model.keras"
        if not isinstance(parts, bytes):
            with zipfile.ZipFile(path, "w", compression) as archive:
                for name, content in parts.items():
                    archive.writestr(name, content)
        else:
            path.write_bytes(parts)
        tracemalloc.start()
        try:
            with pytest.raises(UserError) as error:
                keras_file.load(path)
            assert tracemalloc.get_traced_memory()[1] < MEMORY
        finally:
            tracemalloc.stop()
        line = str(error.value)
        assert line.startswith(f"{path}: ") and "\n" not in line
        assert sorted(tmp_path.iterdir()) == [path]
        return line.removeprefix(f"{path}: ")

    return refusal


def edited(parts, change):
    """The members with another configuration: `change` gets it as a dict."""
    config = json.loads(parts["config.json"])
    change(config)
    return parts | {"config.json": json.dumps(config).encode()}


def layer(config, class_name):
    """The first layer of a class."""
    return next(x for x in config["config"]["layers"] if x["class_name"] == class_name)


def weights(change):
    """An HDF5 file to which `change` did something, as bytes."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        change(file)
    return buffer.getvalue()


@pytest.mark.parametrize("path", [BOX / "model.keras", None])
def test_whole_files_are_opened(path, tmp_path):
    if path is None:
        path = tmp_path / "model.keras"
        build_model(networks.config(nb_f=2, committee=3, trunk="padded")).save(path)
    answers = checks.of_network(keras_file.load(path), networks.some_pairs(2))
    assert answers["comparison"].shape == (2, 1)


def test_a_function_of_python_is_not_run(refusal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = keras.Input((2, 14, 14), name="pair")
    evil = keras.layers.Lambda(lambda x: os.mkdir("exploded") or x)
    with monkeypatch.context() as quiet:
        quiet.setattr(os, "mkdir", lambda path: None)
        model = keras.Model(x, evil(x))
    model.save(tmp_path / "model.keras")
    content = (tmp_path / "model.keras").read_bytes()
    assert refusal(content) == "it holds a layer Lambda, which runs code"
    assert not (tmp_path / "exploded").exists()


def renamed(module, name):
    def change(config):
        where = layer(config, "Flatten")
        where.update(module=module, class_name=name, registered_name=None)
        where["config"] = {"path": "exploded"}

    return change


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "mkdir"),
        ("builtins", "exec"),
        ("subprocess", "Popen"),
        ("keras.utils", "get_file"),
        ("keras.config", "enable_unsafe_deserialization"),
        ("keras.layers", "TFSMLayer"),
        ("keras.layers", "Lambda"),
        ("keras.layers", "TorchModuleWrapper"),
        ("tests.npz", "Bomb"),
    ],
)
def test_no_function_of_python_is_called_by_its_name(
    refusal, parts, module, name, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    home, calls = importlib.import_module(module), []
    real = getattr(home, name)

    def spy(*arguments, **named):
        if "exploded" in str((arguments, named)):
            calls.append(name)
        return real(*arguments, **named)

    monkeypatch.setattr(home, name, spy)
    assert refusal(edited(parts, renamed(module, name)))
    assert not calls
    # The spy would have seen it.
    with contextlib.suppress(Exception):
        getattr(home, name)(path="exploded")
    assert calls == [name]


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_what_is_compressed_may_be_of_any_size(refusal, parts, method):
    bomb = parts | {"config.json": b" " * 10**8}
    assert "its metadata.json is compressed" in refusal(bomb, method)


def claiming(parts, name, size):
    """The file of `parts` whose directory claims another size of a member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member, content in parts.items():
            archive.writestr(member, content)
    content = bytearray(buffer.getvalue())
    at = content.rindex(b"PK\x01\x02", 0, content.rindex(name.encode()))
    content[at + 20 : at + 28] = struct.pack("<II", size, size)
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("model.weights.h5", 2**30, "it has 1,024 MiB; no more than 512 are opened"),
        ("config.json", 2**24, "its config.json has 16 MiB; no more than 8 are opened"),
    ],
)
def test_what_a_header_claims_is_not_read(refusal, parts, name, size, said):
    assert refusal(claiming(parts, name, size)) == said


def test_a_part_less_or_too_many(refusal, parts):
    for name in ("config.json", "model.weights.h5"):
        rest = {other: parts[other] for other in parts if other != name}
        assert refusal(rest) == f"not a Keras model: it holds no {name}"
    assert "model.weights.h5" in refusal(
        {"config.json": b"{}", "model.weights.npz": b"PK\x05\x06" + bytes(18)}
    )


def huge(file):
    file.create_dataset("a", (2**20, 2**20), "f4", chunks=(1024, 1024))


def packed(file):
    file.create_dataset("a", data=np.zeros((10**4, 10**3)), compression="gzip")


def elsewhere(file):
    file.create_dataset("a", (10,), "u1", external=[("/etc/passwd", 0, 10)])


def virtual(file):
    layout = h5py.VirtualLayout((10,), "u1")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "a", (10,))
    file.create_virtual_dataset("a", layout)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (huge, "its weights a are larger than what the file holds"),
        (packed, "its weights a are larger than what the file holds"),
        (elsewhere, "its weights a lie in other files"),
        (virtual, "its weights a lie in other files"),
        (lambda file: None, "it asks for more weights than it holds"),
    ],
)
def test_weights_that_are_not_there_are_not_made(refusal, parts, change, said):
    assert refusal(parts | {"model.weights.h5": weights(change)}) == said


@pytest.mark.parametrize(("name", "value"), [("units", 2**30), ("units", 10**18)])
def test_a_network_of_more_weights_than_the_file_is_not_made(refusal, parts, name, value):
    def change(config):
        layer(config, "Dense")["config"][name] = value

    assert refusal(edited(parts, change)) == "it asks for more weights than it holds"


def test_a_link_to_other_files_is_not_followed(refusal, parts, tmp_path):
    def link(file):
        with h5py.File(io.BytesIO(parts["model.weights.h5"])) as whole:
            for name in whole:
                whole.copy(name, file)
        first = next(iter(file["layers"]))
        del file["layers"][first]
        file["layers"][first] = h5py.ExternalLink("/etc/other.h5", "/")

    said = "its weights layers lie in other files"
    assert refusal(parts | {"model.weights.h5": weights(link)}) == said


def test_a_refused_file_is_one_line_of_the_command(parts, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(claiming(parts, "model.weights.h5", 2**31 - 1))
    done = call(
        "export", f"--model={path}", "--format=keras", f"--output={tmp_path}/a.keras"
    )
    assert_one_line(done, 1, f"{path}: it has 2,048 MiB")
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_arrays_are_not_unpacked_beyond_what_is_said(tmp_path, method):
    """The archive's directory says 12 images; what is packed there is 150,000."""
    few = header("{'descr': '|u1', 'fortran_order': False, 'shape': (12, 28, 28), }\n")
    content = bytearray(members(method, x_train=few + bytes(150_000 * 784)))
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", len(few) + 12 * 784)
    path = tmp_path / "digits.npz"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="a damaged .npz|is packed in a way"):
            npz_files.read(path)
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()


def test_files_are_opened_in_several_threads(network, tmp_path):
    """What counts a file's weights is every layer's: it ends with each file."""
    path, create = tmp_path / "model.keras", keras.layers.Layer.add_weight
    network.save(path)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for model in pool.map(keras_file.load, [path] * 12):
            assert model.count_params() == network.count_params()
    assert keras.layers.Layer.add_weight is create
