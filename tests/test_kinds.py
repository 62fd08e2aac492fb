"""The pictures by which a reader of digits is judged, and the study that judges."""

import io
import types

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from benchmarks import kinds, kinds_refused, pictures_study
from benchmarks.kinds_ink import draw, row, skeleton
from keras_pairs import files
from keras_pairs.pictures import image_files
from tests import helpers

ALL = (*kinds.KINDS, *kinds.REFUSED)
# One of each group is tried always.
FEW = {kinds.name(functions[0]) for functions in kinds.GROUPS.values()} | {"blank"}


def each(names):
    """All names for `parametrize`, most of them in slow tests."""
    return [pytest.param(n, marks=[] if n in FEW else pytest.mark.slow) for n in names]


@pytest.fixture(scope="module")
def glyph(digits):
    """A four."""
    return digits.x_test[list(digits.y_test).index(4)]


def seen(function, *arguments, seed=3):
    """The picture that a kind gives, float32 [h, w, 3], as a viewer shows it."""
    content = kinds.as_file(function(*arguments, np.random.default_rng(seed)))
    return np.asarray(kinds.viewed(content), "float32")


def test_there_are_kinds_enough():
    assert len(kinds.KINDS) >= 36
    assert len(kinds.KINDS) == sum(map(len, kinds.GROUPS.values()))
    assert not kinds.KINDS.keys() & kinds.REFUSED.keys()


@pytest.mark.parametrize("kind", each(ALL))
def test_a_kind_gives_the_same_files_again(kind, digits, tmp_path):
    made, again, other = (
        list(kinds.samples(kind, digits.x_test, 1, seed)) for seed in (1, 1, 2)
    )
    assert made == again and made != other
    for content, index in made:
        assert 0 <= index < len(digits.x_test)
        image = Image.open(io.BytesIO(content))
        image.load()
        assert image.format in ("PNG", "JPEG")
        assert (
            28 <= min(image.size) and image.width * image.height <= image_files.MAX_PIXELS
        )
        path = tmp_path / f"picture.{image.format.lower()}"
        path.write_bytes(content)
        assert image_files.read_png(path).startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("kind", each(kinds.KINDS))
def test_the_digit_is_there_and_neither_tiny_nor_cut(kind, glyph):
    function = kinds.KINDS[kind]
    drawn = seen(function, glyph)
    if kind == "cropped tightly":
        # The crop is the digit's.
        assert np.ptp(drawn) > 90
        return
    empty = seen(function, kinds_refused.EMPTY)
    assert drawn.shape == empty.shape
    changed = abs(drawn - empty).max(-1) > 40
    if kind == "fax":
        # A dot moves all dots after it.
        changed = ndimage.median_filter(changed, 7)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    share = (np.ptp(rows) + 1) / min(changed.shape)
    assert 0.1 < share < 0.95
    if "mnist" not in kind:
        assert rows[0] > 0 and rows[-1] < changed.shape[0] - 1
        assert columns[0] > 0 and columns[-1] < changed.shape[1] - 1


def test_a_digit_has_the_height_and_the_place_that_were_asked_for(glyph):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        cover = draw(glyph, rng, (200, 300), (0.3, 0.3), (0.1, 0.1), (0.5, 0.5, 1, 1))
        assert cover.dtype == np.float32 and cover.min() >= 0 and cover.max() <= 1
        rows, columns = (np.flatnonzero((cover > 0.2).any(axis)) for axis in (1, 0))
        assert np.ptp(rows) == pytest.approx(60, abs=3)
        assert rows[0] >= 100 and columns[0] >= 150
    # Of a stroke of a tenth of the height, about this much is ink.
    assert 0.1 < cover.sum() / 60**2 < 0.4


def test_a_broad_pen_closes_no_loop():
    ring = np.zeros((28, 28), "uint8")
    ring[4:24, 9:19] = 255
    ring[8:20, 12:16] = 0
    for width in (0.04, 0.1, 0.3):
        cover = draw(ring, np.random.default_rng(0), (200, 200), pen=(width, width))
        assert ndimage.label(cover < 0.5)[1] == 2, width
        assert ndimage.label(cover > 0.5)[1] == 1, width


def test_an_empty_glyph_draws_nothing_and_as_many_numbers(glyph):
    rngs = [np.random.default_rng(0) for _ in range(2)]
    for image, rng in zip((glyph, kinds_refused.EMPTY), rngs, strict=True):
        cover = draw(image, rng, (100, 100), pen=(0.1, 0.1))
        assert cover.any() == image.any()
    assert rngs[0].random() == rngs[1].random()


def test_a_row_keeps_its_digits_apart():
    digit = np.zeros((28, 28), "uint8")
    digit[4:24, 9:19] = 255
    for count in (2, 3, 4):
        image = row([digit] * count, np.random.default_rng(count))
        parts, found = ndimage.label(image > 40)
        assert found == count
        columns = [part[1] for part in ndimage.find_objects(parts)]
        columns.sort(key=lambda part: part.start)
        for left, right in zip(columns, columns[1:], strict=False):
            assert right.start - left.stop >= 0.2 * 10


def test_a_skeleton_is_thin_and_whole():
    mask = np.zeros((40, 40), bool)
    mask[5:35, 5:35] = True
    mask[12:28, 12:28] = False
    line = skeleton(mask)
    assert not (line & ~mask).any()
    # One part around one hole, as before; nowhere a square of four.
    assert ndimage.label(line, np.ones((3, 3)))[1] == 1 and ndimage.label(~line)[1] == 2
    assert not (line[1:, 1:] & line[:-1, 1:] & line[1:, :-1] & line[:-1, :-1]).any()


def test_a_contact_sheet(digits, npz, tmp_path):
    few = ("ruled paper", "transparent background", "blank")
    sheet = kinds.contact_sheet(digits.x_test, kinds=few)
    assert sheet.width > 12 * 100 and len(sheet.getcolors(1 << 24)) > 1000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "contact_sheet", lambda images: sheet)
        path = tmp_path / "contact.png"
        done = helpers.call("benchmarks.kinds", f"--data_path={npz}", f"--output={path}")
    assert done.returncode == 0, done.stderr
    assert str(path) in done.stdout
    with Image.open(path) as written:
        assert written.size == sheet.size


@pytest.mark.parametrize("name", ["kinds", "pictures_study"])
def test_an_output_that_cannot_be_written_is_known_at_once(name, tmp_path):
    for path in (tmp_path / "none" / "x.png", tmp_path):
        done = helpers.call(f"benchmarks.{name}", f"--output={path}")
        helpers.assert_one_line(done, 2, "in an existing folder")


class Reader:
    """Reads in a file what the test wrote there; refuses what is "?"."""

    name = "reader"

    def compare_files(self, pairs):
        self.asked = len(pairs)
        texts = [[path.read_text() for path in pair] for pair in pairs]
        errors = {k: "bad" for k, pair in enumerate(texts) if "?" in pair}
        found = [
            (-1, -1) if k in errors else [int(text) for text in pair]
            for k, pair in enumerate(texts)
        ]
        return types.SimpleNamespace(digits=np.array(found), errors=errors)

    def compare(self, first, second):
        digits = first[:, 0, 0]
        return types.SimpleNamespace(digits=np.stack([digits, digits], 1))


@pytest.mark.parametrize("text", ["7", "3?", "?41", "12?45", "??", "123?56?8"])
def test_each_picture_is_read_or_refused_by_itself(text, tmp_path):
    paths = [tmp_path / str(i) for i in range(len(text))]
    for path, character in zip(paths, text, strict=True):
        path.write_text(character)
    expected = [-1 if character == "?" else int(character) for character in text]
    assert pictures_study.read(Reader(), paths).tolist() == expected


def test_shares_are_of_all_pictures(monkeypatch):
    """Eight pictures: six read right, one wrong, one refused; seven right as MNIST's."""
    images = types.SimpleNamespace(
        x_test=np.arange(8, dtype="uint8")[:, None, None] * np.ones((1, 28, 28), "uint8"),
        y_test=np.array([0, 1, 2, 3, 4, 5, 6, 9]),
    )
    texts = "0123487?"
    monkeypatch.setattr(
        kinds,
        "samples",
        lambda kind, x, count, seed: [(texts[i].encode(), i) for i in range(count)],
    )
    found = pictures_study.measure("pencil", [Reader()], images, 8, 0)
    shares = {"refused": 1 / 8, "read": 5 / 8, "mnist_form": 7 / 8, "lost": 2 / 8}
    models = {"reader": shares}
    assert found == {"kind": "pencil", "group": "hard", "n": 8, "models": models}
    found = pictures_study.measure("blank", [Reader()], images, 8, 0)
    assert found["models"] == {"reader": {"refused": 1 / 8}}


def test_the_table_has_means_and_numbers_several_models():
    def rows(*names):
        return [
            {"kind": kind, "group": pictures_study.group(kind), "n": 9}
            | {"models": {n: {"refused": 0.5} | read for n in names}}
            for kind, read in (
                ("large", {"read": 1.0, "mnist_form": 0.9}),
                ("pencil", {"read": 0.5, "mnist_form": 0.7}),
                ("noise", {}),
            )
        ]

    lines = pictures_study.tabulate(rows("a"))
    assert lines[0] == ("kind", "read (%)", "refused (%)", "MNIST's form (%)")
    assert lines[1:] == [
        ("large", "100.0", "50.0", "90.0"),
        ("mean of plain", "100.0", "50.0", "90.0"),
        ("pencil", "50.0", "50.0", "70.0"),
        ("mean of hard", "50.0", "50.0", "70.0"),
        ("noise", "", "50.0", ""),
        ("mean of all with a digit", "75.0", "50.0", "80.0"),
    ]
    header, *_ = pictures_study.tabulate(rows("a", "b"))
    titles = "1: read (%)", "1: refused (%)", "2: read (%)", "2: refused (%)"
    assert header == ("kind", *titles, "2: MNIST's form (%)")
    header, *_ = pictures_study.tabulate(rows("a", "b"), ["old", "new"])
    assert header[1] == "old: read (%)" and header[-1] == "new: MNIST's form (%)"


@pytest.mark.slow
def test_the_study_from_flags_to_results(published, digits, tmp_path):
    path, npz = tmp_path / "results.json", tmp_path / "digits.npz"
    parts = ("x_train", "y_train", "x_test", "y_test")
    np.savez(npz, **{part: getattr(digits, part) for part in parts})
    done = helpers.command(
        *("benchmarks.pictures_study", f"--model={published},{helpers.BOX}"),
        *(f"--data_path={npz}", "--pictures=2", f"--output={path}"),
    )
    assert done.returncode == 0, done.stderr
    found = files.read_json(path)
    assert [row["kind"] for row in found["rows"]] == list(ALL)
    assert all(len(row["models"]) == 2 and row["n"] == 2 for row in found["rows"])
    assert found["seed"] == 0 and "commit" in found and found["versions"]["numpy"]
    assert f"model 2: {found['rows'][0]['models'].popitem()[0]}" in done.stdout
    flags = (f"--model={tmp_path}", f"--data_path={npz}")
    done = helpers.command("benchmarks.pictures_study", *flags)
    assert done.returncode == 1
    assert "neither a SavedModel" in done.stderr.splitlines()[-1]
