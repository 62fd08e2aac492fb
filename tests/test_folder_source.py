"""A folder of pictures as a source: its parts, its name, and what it is refused for."""

import os
import shutil
import types

import numpy as np
import pytest

from keras_pairs import data
from keras_pairs.commands import flags
from keras_pairs.data import folders
from keras_pairs.errors import UserError
from tests import drawings, helpers


@pytest.fixture(autouse=True)
def asked(tmp_path, monkeypatch):
    """Names of the pictures that were prepared; quickly, and kept in a cache of its own."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return drawings.prepare_quickly(monkeypatch)


@pytest.fixture(scope="module")
def hundred(digits, tmp_path_factory):
    return drawings.write(tmp_path_factory.mktemp("data") / "drawings", digits, 10)


@pytest.fixture
def copy(hundred, tmp_path):
    """A folder of a hundred pictures that may be changed."""
    return shutil.copytree(hundred, tmp_path / "drawings")


def test_a_folder_is_images_named_by_it(hundred, caplog):
    images = data.load_images("folder", str(hundred))
    assert (images.name, images.source) == ("drawings", str(hundred))
    assert images.x_train.shape == (80, 28, 28) and images.x_test.shape == (20, 28, 28)
    assert images.x_train.dtype == images.y_train.dtype == np.uint8
    assert images.reuse and not caplog.records
    for part, count in ((images.y_train, 8), (images.y_test, 2)):
        np.testing.assert_array_equal(np.bincount(part), [count] * 10)
    assert data.load_images("auto", hundred).describe() == images.describe()


def test_labels_go_with_pictures(hundred, digits):
    images = data.load_images("folder", hundred)
    found = np.concatenate([images.x_train, images.x_test]).reshape(100, -1)
    labels = np.concatenate([images.y_train, images.y_test])
    known = [digits.x_train[digits.y_train == digit][:10] for digit in range(10)]
    known = np.concatenate(known).reshape(100, -1)
    nearest = np.corrcoef(found, known)[:100, 100:].argmax(1)
    np.testing.assert_array_equal(labels, nearest // 10)
    # A pen's sharp strokes make a few of the soft digits alike.
    assert len(set(nearest)) > 90


def for_testing(folder, digit):
    """Names of a digit's pictures that are for testing."""
    names = folders._tests(folders.scan(folder))
    return {name for name in names if name.startswith(f"{digit}/")}


def test_the_split_depends_on_a_digits_own_files_alone(hundred, copy, digits, tmp_path):
    before = data.load_images("folder", hundred).digest
    sevens = for_testing(copy, 7)
    assert len(sevens) == 2
    # Written in another order, in another place, at another time.
    other = tmp_path / "other"
    for path in sorted(copy.rglob("*.*"), reverse=True):
        target = other / path.relative_to(copy)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    assert data.load_images("folder", other).digest == before
    drawings.write(copy / "3", digits, 5, first=20, place="more{number}{suffix}")
    assert for_testing(copy, 7) == sevens and len(for_testing(copy, 3)) == 3
    # A picture more takes or gives at most one place.
    threes = for_testing(copy, 3)
    drawings.drawn(digits.x_train[0]).save(copy / "3" / "another.png")
    assert len(for_testing(copy, 3) ^ threes) <= 2


@pytest.mark.parametrize(
    ("train", "test"), [("train", "test"), ("Training", "Testing"), ("train", "testing")]
)
def test_the_folder_may_say_what_is_for_testing(train, test, digits, tmp_path):
    folder = tmp_path / "drawings"
    drawings.write(folder, digits, 4, place=train + "/{digit}/{number}.png")
    drawings.write(folder, digits, 1, first=4, place=test + "/{digit}/{number}.png")
    drawings.write(folder, digits, 1, first=5, place="validation/{digit}/{number}.png")
    images = data.load_images("auto", folder)
    assert images.name == "drawings"
    assert len(images.x_train) == 40 and len(images.x_test) == 10
    part = data.load_images("auto", folder / train)
    assert part.name == "drawings" and len(part.x_train) + len(part.x_test) == 40


def test_the_current_folder_has_a_name_too(hundred, monkeypatch):
    monkeypatch.chdir(hundred)
    assert data.load_images("folder", ".").name == "drawings"


def test_what_lies_elsewhere_is_not_looked_at(copy, asked):
    for name in (".DS_Store", "3/.hidden.png", "3/.git/4.png", "notes.txt", "10/a.png"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).touch()
    (copy / "3" / "by anna").mkdir()
    (copy / "3" / "0.png").rename(copy / "3" / "by anna" / "0.png")
    assert len(folders.scan(copy)) == 100
    data.load_images("folder", copy)
    assert len(asked) == 100 and "3/by anna/0.png" in asked


def test_files_that_cannot_be_used_are_told(copy, asked, caplog):
    for number in range(12):
        (copy / "5" / f"note{number:02}.txt").write_text("no picture")
    images = data.load_images("folder", copy)
    assert len(images.x_train) + len(images.x_test) == 100
    (record,) = caplog.records
    first, *lines, last = record.getMessage().splitlines()
    assert first == f"{copy}: 12 of 112 files cannot be used:"
    assert lines == [f"  5/note{number:02}.txt: not an image" for number in range(10)]
    listing = last.removeprefix("  … all of them in ")
    with open(listing) as file:
        assert len(file.read().splitlines()) == 12
    assert not listing.startswith(str(copy))
    # As told again at the next start, without trying again.
    del asked[:]
    data.load_images("folder", copy)
    assert not asked and caplog.records[1].getMessage() == record.getMessage()
    # Few need no list, and there is none of before.
    for path in list((copy / "5").glob("note0*")):
        path.unlink()
    data.load_images("folder", copy)
    assert len(caplog.records[2].getMessage().splitlines()) == 3
    assert not os.path.exists(listing)


@pytest.mark.skipif(os.name != "posix", reason="names are text here")
def test_names_need_not_be_text(copy, caplog):
    for name in (b"caf\xe9.png", b"two\nlines.png"):
        (copy / "5" / os.fsdecode(name)).write_text("no picture")
    images = data.load_images("folder", copy)
    assert len(images.x_train) + len(images.x_test) == 100
    found = caplog.records[0].getMessage()
    assert "5/caf\\udce9.png: not an image\n" in found
    assert "5/two\\nlines.png: not an image" in found and "2 of 102 files" in found


def test_a_link_to_nothing_is_one_of_them(copy, caplog):
    (copy / "5" / "gone.png").symlink_to(copy / "nothing.png")
    data.load_images("folder", copy)
    assert "1 of 101 files cannot be used" in caplog.records[0].getMessage()


def refusal(folder, dataset="folder"):
    with pytest.raises(UserError) as error:
        data.load_images(dataset, folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_no_folder_of_digits_gets_one_line(copy, tmp_path):
    (tmp_path / "empty" / "3").mkdir(parents=True)
    assert "empty: no pictures in folders named 0 to 9" in refusal(tmp_path / "empty")
    assert "none: no such folder" in refusal(tmp_path / "none")
    assert "0.png: not a folder" in refusal(copy / "3" / "0.png")
    assert "0.png: a PNG picture, not an .npz" in refusal(copy / "3" / "0.png", "auto")
    parts = "have to lie in train/ and test/, in both, or in neither; it holds"
    (copy / "train").mkdir()
    assert f"{parts} 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, train/" in refusal(copy)
    for digit in range(10):
        (copy / str(digit)).rename(copy / "train" / str(digit))
    assert f"{parts} train/" in refusal(copy)
    (copy / "test").mkdir()
    assert f"{parts} test/, train/" in refusal(copy)
    for path in copy.rglob("*.*"):
        path.write_text("no picture")
    shutil.copytree(copy / "train" / "3", copy / "test" / "3")
    first = "test/3/0.png: not an image"
    assert f"none of 110 files can be used; {first}" in refusal(copy)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no such permissions here")
def test_a_folder_that_may_not_be_read_is_one_line(copy, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied", os.fspath(path))

    monkeypatch.setattr(os, "scandir", denied)
    assert "Permission denied" in refusal(copy)


def test_few_pictures_are_used_again_and_too_few_refused(hundred, caplog):
    images = data.load_images("folder", hundred)
    # 80 for training and validation, 20 for testing: 20 make 190 different pairs.
    splits = data.sample_pairs(images, 190)
    assert len(splits.train) == len(splits.validation) == len(splits.test) == 190
    with pytest.raises(UserError) as error:
        data.check_enough(images, 1000)
    assert str(error.value) == (
        f"1000 pairs need 138 training images; {hundred} has 80 (it has enough for "
        "--num_pairs=190)"
    )
    with pytest.raises(UserError, match="200 pairs need 21 test images; .* has 20 .it has"):
        data.sample_pairs(images, 200)


def test_enough_pictures_are_not_used_again(hundred, monkeypatch):
    monkeypatch.setattr(folders, "NUM_PAIRS", 10)
    images = data.load_images("folder", hundred)
    assert not images.reuse
    with pytest.raises(UserError, match=r"11 pairs need 22 test images.*--num_pairs=10\)"):
        data.check_enough(images, 11)


def test_a_missing_digit_is_told_and_a_single_one_refused(copy, caplog):
    for digit in (4, 7):
        shutil.rmtree(copy / str(digit))
    images = data.load_images("folder", copy)
    data.check_enough(images, 20)
    (record,) = caplog.records
    line = "no training images of 4, 7, which no network can learn from it"
    assert record.getMessage() == f"{copy}: {line}"
    for digit in set(range(10)) - {3, 4, 7}:
        shutil.rmtree(copy / str(digit))
    images = data.load_images("folder", copy)
    with pytest.raises(
        UserError, match="needs images of 2 digits .*drawings has only the 3"
    ):
        data.check_enough(images, 1)


def test_a_picture_of_each_digit_is_not_enough(digits, tmp_path):
    folder = drawings.write(tmp_path / "ten", digits, 1)
    images = data.load_images("folder", folder)
    assert len(images.x_train) == 10 and len(images.x_test) == 0
    with pytest.raises(UserError) as error:
        data.check_enough(images, 1)
    assert str(error.value) == f"1 pairs need 2 test images; {folder} has 0"


@pytest.mark.parametrize("name", ["train", "evaluate", "search"])
def test_commands_refuse_before_they_begin(name, digits, tmp_path):
    """Too few pictures for the command's own number of pairs, as a user gets it."""
    folder = drawings.write(tmp_path / "few", digits, 1)
    done = helpers.call(name, f"--data_path={folder}", cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "images; " in line and f"{folder} has " in line


def test_scoring_on_too_few_is_refused_too(digits, tmp_path, monkeypatch):
    from keras_pairs.serving import comparer, inspection

    folder = drawings.write(tmp_path / "few", digits, 1)
    model = types.SimpleNamespace(card=None)
    monkeypatch.setattr(comparer, "load", lambda path: model)
    with pytest.raises(UserError, match="1 pairs need 2 test images; .*few has 0"):
        inspection.inspect("model", data.load_images("auto", folder), None, tmp_path)


def test_a_folder_is_a_legal_flag(hundred):
    values = flags.define({"data_path": flags.of_field("data_path")})
    values(["train", f"--data_path={hundred}"])
    assert values["data_path"].value == str(hundred)
