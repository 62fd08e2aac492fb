"""Images by name, from a file, Keras' cache or the network."""

import dataclasses
import functools
import hashlib
import http.server
import shutil
import threading

import numpy as np
import pytest

from keras_pairs import data
from keras_pairs.commands import flags
from keras_pairs.config import FIELDS
from keras_pairs.data import mnist, sources
from keras_pairs.errors import UserError
from keras_pairs.training import identity
from tests import drawings, helpers
from tuner import processes, search


def test_embedded_digits_are_in_mnists_form(digits):
    assert digits.name == "digits" and digits.reuse
    assert digits.x_train.shape == (1297, 28, 28) and digits.x_test.shape == (500, 28, 28)
    assert digits.x_train.dtype == digits.y_train.dtype == np.uint8
    assert set(digits.y_train) == set(digits.y_test) == set(range(10))
    assert digits.x_train.max() > 240 and (digits.x_train[:, :4] == 0).all()


def test_a_file_gives_the_data_its_name(npz, tmp_path, digits):
    shutil.copy(npz, tmp_path / "kuzushiji.v2.npz")
    images = data.load_images("mnist", str(tmp_path / "kuzushiji.v2.npz"))
    found = images.describe()
    assert found.pop("name") == "kuzushiji.v2" and not images.reuse
    assert found.pop("source") == str(tmp_path / "kuzushiji.v2.npz")
    original = data.load_images("auto", npz)
    assert original.name == "mnist"
    # The digest does not depend on where the images lie, or on their name.
    assert original.describe() | found == original.describe()
    assert original.digest != digits.digest


def test_a_path_goes_with_some_sources_only(npz, tmp_path):
    for name, given, message in (
        (
            "digits",
            [f"--data_path={npz}"],
            "--data_path goes with --dataset=auto, mnist, idx, f",
        ),
        ("folder", [], "--dataset=folder needs --data_path, as drawings/"),
        ("idx", [], "--dataset=idx needs --data_path"),
        ("npz", [], "--dataset=npz needs --data_path"),
    ):
        done = helpers.call("train", f"--dataset={name}", *given, cwd=tmp_path)
        helpers.assert_one_line(done, 2, message)
    assert not list(tmp_path.iterdir())
    with pytest.raises(
        UserError, match="dataset must be one of auto, mnist.*dataset='cifar'"
    ):
        data.load_images("cifar")


def test_a_row_is_all_that_a_source_needs(monkeypatch, digits, tmp_path):
    field = FIELDS["dataset"].metadata
    assert field["kind"].choices == tuple(data.SOURCES)
    assert all(source.about in field["help"] for source in data.SOURCES.values())
    row = dataclasses.replace(
        data.SOURCES["npz"],
        load=lambda path, verbose: digits,
        recognises=lambda path: path.suffix == ".mine",
    )
    rows = {"auto": data.SOURCES["auto"], "mine": row} | data.SOURCES
    monkeypatch.setattr(sources, "SOURCES", rows)
    assert data.load_images("auto", tmp_path / "a.mine") is digits
    assert data.load_images("mine", tmp_path) is digits


@pytest.mark.parametrize("dataset", ["auto", "mnist"])
def test_what_lies_at_a_path_is_seen(npz, tmp_path, monkeypatch, dataset):
    asked = []
    for name in ("idx", "folder", "npz"):
        row = data.SOURCES[name]
        load = functools.partial(lambda name, path, verbose: asked.append(name), name)
        monkeypatch.setitem(data.SOURCES, name, dataclasses.replace(row, load=load))
    monkeypatch.setattr(sources, "_warn_of_missing_digits", lambda images: None)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "t10k-labels-idx1-ubyte.gz").touch()
    (tmp_path / "labels").write_bytes(b"\0\0\x08\x01\0\0\0\x01\x05")
    (tmp_path / "text").write_text("hello")
    for path, name in (
        (npz, "npz"),
        (tmp_path, "folder"),
        (tmp_path / "raw", "idx"),
        (tmp_path / "labels", "idx"),
        # To say what these are not.
        (tmp_path / "text", "npz"),
        (tmp_path / "none", "npz"),
    ):
        data.load_images(dataset, path)
        assert asked.pop() == name


def test_an_evaluation_of_before_goes_on_under_the_new_name(config, npz):
    """Every file's data used to be called mnist; the digest tells that it is the same."""
    now = data.load_images("mnist", npz).describe() | {"name": "kuzushiji"}
    before = now | {"name": "mnist", "source": "/elsewhere/mnist.npz"}
    identities = [
        identity.of({"configs": [config.to_dict()], "dataset": dataset})
        for dataset in (now, before, now | {"sha256": "another"})
    ]
    assert identities[0] == identities[1] != identities[2]


def test_a_search_hands_its_images_on(npz, tmp_path, monkeypatch, digits):
    """What a search starts its parts with leads to the same images, whatever their name."""
    handed_on = []
    monkeypatch.setattr(processes, "end_with_parent", lambda: None)
    monkeypatch.setattr(processes, "supervise", lambda flags, _: handed_on.append(flags))
    shutil.copy(npz, tmp_path / "digits.npz")
    shutil.copy(npz, tmp_path / "my kuzushiji.npz")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    drawings.prepare_quickly(monkeypatch)
    drawings.write(tmp_path / "drawings", digits, 10)
    monkeypatch.chdir(tmp_path)
    for i, given in enumerate(
        (
            ["--dataset=digits"],
            [f"--data_path={tmp_path}/digits.npz"],
            ["--dataset=mnist", f"--data_path={tmp_path}/my kuzushiji.npz"],
            ["--data_path=drawings/"],
        )
    ):
        argv = ["search", *given, "--num_pairs=60", f"--run_dir={tmp_path}/run{i}"]
        monkeypatch.setattr("sys.argv", argv)
        values = flags.define(search.FLAGS)
        values(argv)
        search.main(values)
        part = flags.define(search.FLAGS)
        part(["search", *handed_on.pop()])
        found = data.load_images(part["dataset"].value, part["data_path"].value)
        expected = data.load_images(values["dataset"].value, values["data_path"].value)
        where = {"source": None}
        assert found.describe() | where == expected.describe() | where


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Where Keras keeps MNIST's file; it is not there, and nothing answers for it."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(mnist, "MNIST_URL", "http://127.0.0.1:9/mnist.npz")
    path = tmp_path / "datasets" / "mnist.npz"
    path.parent.mkdir()
    return path


@pytest.fixture
def server(monkeypatch):
    """A server of MNIST's file: a function that sets what it answers.

    Its arguments: bytes; a status; how many bytes it promises, all of them by default.
    """
    answer = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(answer["status"])
            self.send_header("Content-Length", str(answer["promised"]))
            self.end_headers()
            self.wfile.write(answer["content"])

        def log_message(self, *_):
            pass

    def set_answer(content, status=200, promised=None):
        promised = len(content) if promised is None else promised
        answer.update(content=content, status=status, promised=promised)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{running.server_port}/mnist.npz"
        yield set_answer, lambda: monkeypatch.setattr(mnist, "MNIST_URL", url)
        running.shutdown()
        thread.join()


@pytest.fixture
def answers(cache, server):
    """`server`'s function, with the server in the place of MNIST's."""
    set_answer, connect = server
    connect()
    return set_answer


def one_warning(caplog):
    (record,) = caplog.records
    assert record.levelname == "WARNING" and "\n" not in record.getMessage()
    caplog.clear()
    return record.getMessage()


def test_the_cache_is_used(npz, cache):
    shutil.copy(npz, cache)
    images = data.load_images("auto")
    assert (images.name, images.source) == ("mnist", str(cache))


@pytest.mark.parametrize(
    "content", [None, b"", b"half a download", b"PK\x03\x04half", "cut"]
)
def test_a_broken_cache_is_not_used(npz, cache, caplog, content):
    if content is not None:
        cache.write_bytes(npz.read_bytes()[:-99] if content == "cut" else content)
    with pytest.raises(UserError, match="cannot be downloaded: .*refused") as error:
        data.load_images("mnist")
    assert str(cache) in str(error.value) and "\n" not in str(error.value)
    assert str(error.value).endswith(
        "; give --data_path=mnist.npz or connect to the network"
    )
    assert data.load_images("auto").name == "digits"
    assert "--data_path" in one_warning(caplog)


def test_what_is_broken_is_downloaded_again(npz, cache, answers, monkeypatch):
    content = npz.read_bytes()
    monkeypatch.setattr(mnist, "MNIST_BYTES", len(content))
    monkeypatch.setattr(mnist, "MNIST_SHA256", hashlib.sha256(content).hexdigest())
    cache.write_bytes(b"half a download")
    answers(content)
    images = data.load_images("mnist")
    assert (images.name, images.source) == ("mnist", str(cache))
    assert cache.read_bytes() == content
    assert [path.name for path in cache.parent.iterdir()] == ["mnist.npz"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((b"<!DOCTYPE html><p>log in to this hotel",), "gave an HTML page"),
        ((b"PK\x03\x04" + bytes(996),), "gave 1,000 of 11,490,434 bytes"),
        ((b"PK\x03\x04" + bytes(996), 200, 5000), "gave 1,000 of 11,490,434 bytes"),
        ((b"",), "gave an empty file"),
        ((b"<html>no", 404), "HTTP Error 404: Not Found"),
    ],
)
def test_a_bad_download_is_one_line_and_leaves_nothing(
    cache, answers, caplog, answer, message
):
    answers(*answer)
    with pytest.raises(UserError, match=f"No such file.*cannot be downloaded: .*{message}"):
        data.load_images("mnist")
    assert not list(cache.parent.iterdir())
    assert data.load_images("auto").name == "digits"
    assert message in one_warning(caplog)


def test_more_than_mnist_is_not_read(cache, answers, monkeypatch):
    monkeypatch.setattr(mnist, "MNIST_BYTES", 1000)
    answers(b"PK\x03\x04" + bytes(10**6))
    with pytest.raises(UserError, match="gave another file"):
        data.load_images("mnist")


def test_a_silent_name_server_is_not_waited_for(cache, monkeypatch):
    asleep = threading.Event()
    monkeypatch.setattr(mnist, "PATIENCE_S", 0.05)
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: asleep.wait())
    with pytest.raises(UserError, match="cannot be downloaded: no answer"):
        data.load_images("mnist")
    asleep.set()


def test_a_cache_that_cannot_be_written_is_one_line(npz, cache, answers, monkeypatch):
    content = npz.read_bytes()
    monkeypatch.setattr(mnist, "MNIST_SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setenv("KERAS_HOME", str(npz))
    answers(content)
    with pytest.raises(UserError, match="MNIST cannot be kept: .*mnist.npz: "):
        data.load_images("mnist")
