"""What is prepared of pictures, that it is done once, and what a damaged cache does."""

import functools
import shutil

import numpy as np
import pytest
import tensorflow as tf

from keras_pairs import data
from keras_pairs.data import preparation
from keras_pairs.errors import UserError
from keras_pairs.pictures import drawing, image_files, prepare
from tests import drawings


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Keras' folder, in which prepared pictures are kept."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


@pytest.fixture(scope="module")
def original(digits, tmp_path_factory):
    return drawings.write(tmp_path_factory.mktemp("data") / "drawings", digits, 5)


@pytest.fixture
def folder(original, tmp_path):
    """A folder of fifty pictures that may be changed, with the times of the originals."""
    return shutil.copytree(original, tmp_path / "drawings")


@pytest.fixture
def asked(monkeypatch):
    return drawings.prepare_quickly(monkeypatch)


def state(folder):
    return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.rglob("*.*")}


def kept(home):
    """The one file that is kept."""
    (path,) = home.rglob("*.npz")
    return path


@functools.cache
def graph():
    spec = tf.TensorSpec([], tf.string)
    return tf.function(drawing.mnist_form, input_signature=[spec], autograph=False)


def by_hand(path):
    """As a client of the served model would prepare a picture, in float."""
    return graph()(tf.constant(image_files.read_png(path))).numpy()


def test_pictures_are_prepared_as_when_they_are_asked_about(folder, home, capsys):
    """In a process of its own; with one that the graph refuses, and one that is none."""
    drawings.drawn(np.zeros((28, 28), "uint8")).save(folder / "3" / "blank.png")
    (folder / "3" / "text.jpg").write_text("no picture")
    before = state(folder)
    images = data.load_images("folder", folder)
    assert capsys.readouterr().out.endswith("52/52 pictures prepared\n")
    assert state(folder) == before
    found = np.concatenate([images.x_train, images.x_test])
    paths = [p for p in folder.rglob("*.*") if p.stem not in ("blank", "text")]
    expected, refused = [], ["3/blank.png", "3/text.jpg"]
    for path in paths:
        try:
            expected.append(by_hand(path))
        except tf.errors.InvalidArgumentError:
            # The embedded digits are blurred, and a few are not found.
            refused.append(f"{path.parent.name}/{path.name}")
    assert len(found) == len(expected) >= 30
    for image in expected:
        # Rounded; the other process may have another path through its processor.
        assert np.abs(found - image).mean((1, 2)).min() < 0.5
    # What was refused is told as `predict` tells it.
    reasons = preparation._load(kept(home), preparation._version())
    reasons = {file.name: r for file, r in reasons.items() if isinstance(r, str)}
    assert sorted(reasons) == sorted(refused)
    with pytest.raises(UserError, match=f"text.jpg: {reasons['3/text.jpg']}$"):
        image_files.read_png(folder / "3" / "text.jpg")
    with pytest.raises(tf.errors.InvalidArgumentError, match=reasons["3/blank.png"]):
        by_hand(folder / "3" / "blank.png")


def test_a_second_start_prepares_nothing(folder, home, asked, monkeypatch, capsys):
    first = data.load_images("folder", folder)
    assert len(asked) == 50
    capsys.readouterr()
    monkeypatch.setattr(preparation, "_prepared", lambda *_: pytest.fail("again"))
    before = kept(home).stat().st_mtime_ns
    monkeypatch.chdir(folder)
    for path in (folder, ".", "../drawings"):
        assert data.load_images("folder", path).digest == first.digest
    assert kept(home).stat().st_mtime_ns == before
    assert capsys.readouterr().out == ""


def test_only_what_changed_is_prepared(folder, asked, digits):
    data.load_images("folder", folder)
    del asked[:]
    (folder / "3" / "0.png").touch()
    drawings.drawn(digits.x_train[0]).save(folder / "4" / "new.png")
    (folder / "5" / "0.png").unlink()
    data.load_images("folder", folder)
    assert asked == ["3/0.png", "4/new.png"]
    # Another folder of the same name is another one.
    other = shutil.copytree(folder, folder.parent / "other" / "drawings")
    del asked[:]
    data.load_images("folder", other)
    assert len(asked) == 50


@pytest.mark.parametrize("damage", ["cut", "turned", "empty", "text", "version", "shape"])
def test_a_cache_that_cannot_be_used_is_made_anew(folder, home, asked, monkeypatch, damage):
    first = data.load_images("folder", folder)
    path = kept(home)
    content = path.read_bytes()
    if damage == "version":
        monkeypatch.setattr(preparation, "_version", lambda: "another")
    elif damage == "shape":
        with np.load(path) as archive:
            arrays = {"index": archive["index"], "images": archive["images"][1:]}
        np.savez(path, **arrays)
    else:
        middle = len(content) // 2
        turned = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        new = {"cut": content[:-99], "turned": turned, "empty": b"", "text": b"hello"}
        path.write_bytes(new[damage])
    del asked[:]
    assert data.load_images("folder", folder).digest == first.digest
    assert len(asked) == 50
    del asked[:]
    data.load_images("folder", folder)
    assert not asked and kept(home) == path


def test_the_version_is_of_code_weights_and_decoders(tmp_path, monkeypatch):
    version = preparation._version()
    assert version == preparation._version()
    room = shutil.copytree(preparation._PACKAGE / "pictures", tmp_path / "pictures")
    monkeypatch.setattr(preparation, "_PACKAGE", tmp_path)
    assert preparation._version() == version
    found = [version]
    for content in (b"1", b"2"):
        (room / "weights.bin").write_bytes(content)
        found.append(preparation._version())
    monkeypatch.setattr(preparation, "_DECODERS", ("tensorflow", "numpy"))
    found.append(preparation._version())
    assert len({*found}) == 4


def test_what_an_interrupted_preparation_has_done_is_kept(folder, asked, monkeypatch):
    whole = preparation._prepared

    def interrupted(*arguments):
        for number, answer in enumerate(whole(*arguments)):
            if number == 20:
                raise KeyboardInterrupt
            yield answer

    monkeypatch.setattr(preparation, "_prepared", interrupted)
    with pytest.raises(KeyboardInterrupt):
        data.load_images("folder", folder)
    first = asked[:20]
    del asked[:]
    monkeypatch.setattr(preparation, "_prepared", whole)
    data.load_images("folder", folder)
    assert len(asked) == 30 and not {*asked} & {*first}


def test_what_may_be_another_time_is_tried_again(folder, monkeypatch):
    asked = drawings.prepare_quickly(monkeypatch, again=True)
    (folder / "3" / "0.png").write_bytes(b"on a disk that does not answer")
    for count in (50, 1, 1):
        del asked[:]
        data.load_images("folder", folder)
        assert len(asked) == count


def test_what_cannot_be_kept_is_used_all_the_same(folder, home, asked, caplog):
    home.write_text("no folder")
    images = data.load_images("folder", folder)
    assert len(images.x_train) == 40
    (record,) = caplog.records
    assert "cannot be kept, and are prepared anew next time: " in record.getMessage()
    data.load_images("folder", folder)
    assert len(asked) == 100


def test_a_process_that_ends_early_is_one_line(folder, home, monkeypatch):
    for module, message in (
        ("keras_pairs.none", "with code 1: .*No module named keras_pairs.none"),
        ("keras_pairs.errors", "with code 0$"),
    ):
        monkeypatch.setattr(preparation, "MODULE", module)
        with pytest.raises(UserError, match=message) as error:
            data.load_images("folder", folder)
        assert "0.png: the preparation ended at this picture or" in str(error.value)
        assert "\n" not in str(error.value)


def test_a_picture_that_fails_otherwise_ends_nothing(folder, monkeypatch):
    paths = [str(folder / "3" / "0.png"), str(folder / "0"), str(folder / "none.png")]
    monkeypatch.setattr(prepare, "AHEAD", 0)
    answers = list(prepare.answers(paths))
    assert ["image" in answer for answer in answers] == [True, False, False]
    assert answers[1] == {"refused": "a folder", "again": False}
    assert answers[2] == {"refused": "No such file or directory", "again": True}

    def failing(path):
        raise MemoryError("no room")

    monkeypatch.setattr(image_files, "read_png", failing)
    (answer,) = prepare.answers(paths[:1])
    assert answer == {"refused": "MemoryError: no room", "again": True}


def test_pictures_are_not_read_far_ahead(folder, monkeypatch):
    """However many there are, a few are in memory."""
    paths = [str(path) for path in folder.rglob("*.png")]
    read, whole = [], image_files.read_png
    monkeypatch.setattr(image_files, "read_png", lambda p: read.append(p) or whole(p))
    monkeypatch.setattr(prepare.machine, "cores", lambda: 2)
    answers = prepare.answers(iter(paths * 30))
    for count in range(1, 100):
        next(answers)
        assert len(read) <= count + 2 * prepare.AHEAD + 2
    answers.close()
