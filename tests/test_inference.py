"""Comparing from Python."""

import shutil

import numpy as np
import pytest
from PIL import Image

from keras_pairs import files
from keras_pairs.errors import UserError
from keras_pairs.pictures import image_files
from keras_pairs.serving import comparer, given
from tests.helpers import draw


@pytest.fixture(scope="module")
def model(published):
    return comparer.load(published.parent)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, digits):
    """A folder of pictures good and bad."""
    folder = tmp_path_factory.mktemp("pictures")
    digit = draw(2, pen=12, side=140)
    other = Image.fromarray(digits.x_test[1])
    digit.save(folder / "digit.png")
    other.save(folder / "mnist.png")
    for suffix in ("jpg", "gif", "bmp", "tif", "webp", "ppm"):
        digit.convert("RGB").save(folder / f"digit.{suffix}")
    wide = np.asarray(digit).astype("uint16") * 257
    Image.fromarray(wide).save(folder / "sixteen.png")
    Image.fromarray(wide).save(folder / "sixteen.tif")
    Image.fromarray(wide.astype("int32")).save(folder / "thirty-two.tif")
    alpha = Image.new("RGBA", digit.size, (0, 0, 0, 0))
    alpha.putalpha(Image.fromarray(255 - np.asarray(digit)))
    alpha.save(folder / "alpha.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    digit.rotate(90).convert("RGB").save(folder / "camera.jpg", exif=turned)
    digit.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    digit.save(folder / "moving.png", save_all=True, append_images=[digit.rotate(9)])
    digit.save(folder / "moving.gif", save_all=True, append_images=[digit.rotate(9)])
    large = digit.resize((1100, 1100))
    for suffix in ("png", "jpg"):
        large.save(folder / f"large.{suffix}")
    Image.new("1", (20000, 20000)).save(folder / "bomb.gif")
    Image.new("L", (90, 90), 255).save(folder / "blank.png")
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("hello")
    (folder / "cut.png").write_bytes((folder / "digit.png").read_bytes()[:300])
    (folder / "cut.jpg").write_bytes((folder / "digit.jpg").read_bytes()[:900])
    with open(folder / "long.png", "wb") as file:
        file.truncate(image_files.MAX_BYTES + 1)
    return folder


def test_arrays_and_files_get_the_same_answers(model, digits, answers, tmp_path):
    requests, expected = answers
    images, pairs = requests["images"][1], requests["serving_default"][1]
    paths = np.empty((7, 2), object)
    for i, j in np.ndindex(7, 2):
        paths[i, j] = tmp_path / f"{i}{j}.png"
        paths[i, j].write_bytes(requests["png"][1][i, j])
    for form in (images, pairs, paths, requests["png"][1], paths.astype(str)):
        found = model.compare(list(form[:, 0]), list(form[:, 1]))
        for name in ("first_digit", "second_digit"):
            np.testing.assert_allclose(getattr(found, name), expected[name], atol=1e-5)
        probability = expected["comparison"][:, 0]
        np.testing.assert_allclose(found.probability, probability, atol=1e-5)
        np.testing.assert_array_equal(found.verdict, probability >= 0.5)
        np.testing.assert_array_equal(
            found.digits[:, 1], expected["second_digit"].argmax(1)
        )
        assert not found.errors
    one = model.compare(images[0, 0], images[0, 1])
    np.testing.assert_allclose(one.probability, expected["comparison"][0], atol=1e-5)


def test_more_than_a_batch(model, digits):
    x = digits.x_train[: given.BATCH + 9]
    many = model.compare(x, x[::-1])
    few = model.compare(x[-5:], x[::-1][-5:])
    assert many.probability.shape == (given.BATCH + 9,)
    np.testing.assert_allclose(many.probability[-5:], few.probability, atol=1e-5)


GOOD = ("digit.jpg", "digit.gif", "digit.bmp", "digit.tif", "digit.webp", "digit.ppm")
GOOD += ("sixteen.png", "sixteen.tif", "alpha.png", "camera.jpg", "cmyk.jpg")
GOOD += ("thirty-two.tif", "large.png", "large.jpg")


def test_all_formats_show_the_same_digit(model, pictures):
    plain = model.compare(pictures / "digit.png", pictures / "mnist.png")
    first = [pictures / name for name in GOOD]
    found = model.compare(first, [pictures / "mnist.png"] * len(GOOD))
    for name, row in zip(GOOD, found.first_digit, strict=True):
        assert row.argmax() == plain.digits[0, 0], name
        np.testing.assert_allclose(row, plain.first_digit[0], atol=0.3, err_msg=name)


BAD = [
    ("none.png", "No such file or directory"),
    ("empty.png", "an empty file"),
    ("text.png", "not an image of a known format, but a text"),
    ("cut.png", "a damaged PNG image"),
    ("cut.jpg", "a damaged image: it ends too early"),
    ("moving.png", "is animated"),
    ("moving.gif", "animated, or of several pages"),
    ("bomb.gif", "more than 50 megapixels"),
    ("long.png", "larger than 256 MiB"),
    ("blank.png", "shows no digit that can be found"),
    ("", "a folder"),
    ("a\0b", "embedded null byte"),
]


def test_bad_files_get_a_line_each_and_stop_no_other(model, pictures):
    good = (pictures / "digit.png", pictures / "mnist.png")
    pairs = [good]
    for i, (name, _) in enumerate(BAD):
        bad = pictures / name
        pairs += [(bad, good[0]) if i % 2 else (good[0], bad), good]
    found = model.compare_files(pairs)
    assert list(found.errors) == list(range(1, len(pairs), 2))
    for error, (name, message) in zip(found.errors.values(), BAD, strict=True):
        assert str(error) == f"{pictures / name}: {message}"
    assert np.isnan(found.probability[1::2]).all() and (found.digits[1::2] == -1).all()
    np.testing.assert_allclose(found.probability[::2], found.probability[0], atol=1e-6)
    with pytest.raises(UserError, match="none.png: No such file"):
        model.compare([p[0] for p in pairs], [p[1] for p in pairs])


def test_a_device_is_not_read(model):
    with pytest.raises(UserError, match="/dev/zero: not a file"):
        model.compare("/dev/zero", "/dev/zero")


X28, X14 = np.zeros((3, 28, 28), "uint8"), np.zeros((3, 14, 14), "float32")


@pytest.mark.parametrize("array", [X28 + 200, X14 + 200])
def test_one_image_is_an_array_of_one(model, array):
    found = model.compare(array[0], array[:1])
    np.testing.assert_array_equal(
        found.probability, model.compare(array[:1], array[:1]).probability
    )


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (X28[0], X28, "1 first images but 3 second ones"),
        (X28, X28[:2], "3 first images but 2 second ones"),
        (X28[:0], X28[:0], "no pairs to compare"),
        ([], [], "no pairs to compare"),
        (X28.astype(float), X28, r"must be uint8 \[n, 28, 28\].*float64"),
        (X28, X14, "first images are uint8"),
        (np.zeros((2, 7, 7)), np.zeros((2, 7, 7)), "must be"),
        (X14.astype(complex), X14, "must be"),
        (X14 + np.nan, X14, "pixels must be 0 to 255"),
        (X14 + 256, X14, "pixels must be 0 to 255"),
        (X14 + 0.5, X14 + 0.5, "scaled to 0 to 1"),
        (X14.astype(int), X14.astype(int) + 1, "scaled to 0 to 1"),
        (X28 + 1, X28, "scaled to 0 to 1"),
        ([np.zeros((28, 28)), np.zeros((3, 3))], X28[:2], "one shape"),
        (None, None, "sequences"),
        (5, X28, "sequences"),
        (["a.png", X28[0]], ["b.png", X28[0]], "must|shape"),
        ("a.png", ["b.png"], "one is a file and the other is not"),
        (b"no PNG", b"no PNG", "<bytes>: is not a PNG file"),
    ],
)
def test_bad_arrays_get_one_line(model, first, second, message):
    with pytest.raises(UserError, match=message) as error:
        model.compare(first, second)
    assert "\n" not in str(error.value)


def test_the_newest_version_is_loaded(published, tmp_path):
    for name in ("9", "10", "x11", ".publishing-12"):
        shutil.copytree(published, tmp_path / name)
    (tmp_path / "13").write_text("a file")
    assert comparer.load(tmp_path).path.name == "10"
    assert comparer.load(tmp_path / "9").path.name == "9"
    assert comparer.load(str(tmp_path / "x11")).card["version"] == 1


def test_faint_images_beside_others_are_compared(model):
    for faint, dark in ((X14 + 0.5, X14 + 255), (X28 + 1, X28 + 255), (X28, X28)):
        assert np.isfinite(model.compare(faint, dark).probability).all()


@pytest.mark.parametrize("broken", ["none", "empty", "truncated"])
def test_no_model_is_one_line(published, tmp_path, broken):
    if broken != "none":
        (tmp_path / "models" / "1").mkdir(parents=True)
    if broken == "truncated":
        content = (published / "saved_model.pb").read_bytes()
        (tmp_path / "models" / "1" / "saved_model.pb").write_bytes(content[:5000])
    with pytest.raises(UserError, match=f"{tmp_path}.*(no such|can be read)"):
        comparer.load(tmp_path / "models")


def test_contradictions():
    eye = np.eye(10, dtype="float32")
    nothing = np.full((1, 10), np.nan, "float32")
    outputs = {
        "comparison": np.array([0.9, 0.1, 0.1, 0.9, 0.5, np.nan], "float32"),
        "first_digit": np.concatenate([eye[[3, 3, 7, 7, 4]], nothing]),
        "second_digit": np.concatenate([eye[[7, 7, 3, 3, 4]], nothing]),
    }
    found = comparer.Comparison(outputs)
    assert found.contradicts.tolist() == [False, True, False, True, False, False]
    found = comparer.Comparison(outputs, reads_digits=False)
    assert found.contradicts.tolist() == [False] * 6


def test_digits_nobody_taught_are_not_told(published, tmp_path):
    shutil.copytree(published, tmp_path / "1")
    assert comparer.load(tmp_path).reads_digits
    untaught = {"training": {"config": {"w_a": 0}}}
    files.write_json(tmp_path / "1" / "model_card.json", untaught)
    assert not comparer.load(tmp_path).reads_digits


def test_an_animation_behind_a_colour_profile_is_refused(model, pictures, tmp_path):
    digit = draw(2, pen=12, side=140)
    profile = np.random.default_rng(0).bytes(5000)
    path = tmp_path / "moving.png"
    digit.save(path, save_all=True, append_images=[digit.rotate(9)], icc_profile=profile)
    content = path.read_bytes()
    assert content.index(b"acTL") > 4000
    with pytest.raises(UserError, match="<bytes>: is animated"):
        model.look(content)
    # Pixels may spell it.
    digit.save(path, icc_profile=profile)
    whole = path.read_bytes()
    assert model.look(whole).count == model.look(whole + b"acTL").count == 1


def test_dark_pairs_among_others_are_answered(model):
    """All pairs together tell whether their pixels are scaled."""
    pairs = np.zeros((given.BATCH + 2, 14, 14), "float32")
    pairs[:, 3:9, 5] = 200
    pairs[-2:] = 0
    pairs[-2:, 4, 4] = 1
    answers = model.compare(pairs, pairs)
    assert np.isfinite(answers.probability).all()
    same = model.compare(pairs[::-1], pairs[::-1])
    np.testing.assert_allclose(same.probability[::-1], answers.probability, atol=1e-5)
    with pytest.raises(UserError, match="scaled to 0 to 1"):
        model.compare(pairs[-2:], pairs[-2:])


def test_pictures_are_refused_by_the_names_that_they_are_given(model, pictures):
    good, blank = ((pictures / f"{n}.png").read_bytes() for n in ("digit", "blank"))
    pairs = [(good, blank), (blank, good), (good, good)]
    found = model.compare_files(pairs, [("a", "b"), ("c", "d"), ("e", "f")])
    said = "shows no digit that can be found"
    assert found.errors == {0: f"b: {said}", 1: f"c: {said}"}


def test_a_model_may_answer_the_comparison_alone():
    answers = comparer.Comparison({"comparison": np.array([0.2, 0.9])}, reads_digits=False)
    assert answers.digits.tolist() == [[-1, -1]] * 2
    assert not answers.unsure_digits.any() and not answers.contradicts.any()
