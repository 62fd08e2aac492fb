"""The page in headless Chromium: drawing, pictures, keyboard, looks."""

import io
import os
import pathlib
import re

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests import browsers
from tests.browsers import PHONE, SEVEN, THREE, asks, expects, sent, sentence
from tests.helpers import ROOT

pytestmark = pytest.mark.slow


def picture(kind, size=(600, 400), **options):
    """A file of a 7 with a felt pen on grey paper."""
    image = Image.new("RGB", size, (196, 190, 178))
    unit = min(size) / 100
    places = [(x * unit, y * unit) for x, y in SEVEN]
    ImageDraw.Draw(image).line(places, (35, 40, 70), int(6 * unit), "curve")
    buffer = io.BytesIO()
    turned = options.pop("turned", None)
    image = image.transpose(turned) if turned else image
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_a_three_and_a_seven_by_mouse(squares):
    first, second = squares
    page = first.page
    sentence(page).to_have_text("Draw a digit in each square.")
    first.draw(THREE)
    expects(first.note).to_have_text(re.compile(r"read as 3, \d\d\.\d\s%"))
    sentence(page).to_have_text("Now the second one.")
    expects(page.locator("#probability")).to_have_text("")
    second.draw(SEVEN)
    sentence(page).to_have_text(re.compile(r"3 ≤ 7: yes, 9\d\.\d\s%"))
    probability = page.locator("#probability").inner_text()
    assert probability in page.locator("#sentence").inner_text()
    expects(page.locator("#verdict")).to_have_attribute("data-relation", "at-most")
    expects(first.best).to_have_text("3")
    expects(second.best).to_have_text("7")
    bars = second.section.get_by_role("img", name=re.compile(r"^Second digit: 7: 9\d"))
    assert bars.locator(".bar").count() == 10
    # White ink on black, where MNIST has it.
    pixels = np.array(second.seen()).reshape(28, 28)
    assert pixels.max() > 200 and (pixels == 0).mean() > 0.6 and not pixels[0].any()
    # And the other way round.
    first.button("Clear").click()
    first.draw(SEVEN)
    second.button("Clear").click()
    second.draw(THREE)
    sentence(page).to_have_text(re.compile(r"7 ≤ 3: no, 9\d\.\d\s%"))
    expects(page.locator("#verdict")).to_have_attribute("data-relation", "greater")


def test_it_answers_while_the_pen_is_down(squares):
    first, _ = squares
    first.draw(SEVEN, lift=False)
    expects(first.note).to_have_text(re.compile("read as 7"))
    assert first.seen()
    first.page.mouse.up()


def test_one_stroke_by_finger(visit):
    page = visit(viewport={"width": 390, "height": 844}, **PHONE)
    first, _ = browsers.squares(page)
    expects(first.button("Camera")).to_be_visible()
    expects(page.locator("#keys")).to_be_hidden()
    browsers.touch(page, first.places(SEVEN))
    expects(first.note).to_have_text(re.compile("read as 7"))
    assert page.evaluate("scrollY") == 0
    # One stroke, not two.
    first.button("Undo").click()
    expects(first.hint).to_be_visible()


def test_a_pen_pressed_harder_draws_wider(squares):
    covered = []
    for square, force in zip(squares, (0.1, 1.0), strict=True):
        browsers.pen(square.page, square.places(SEVEN), force)
        expects(square.hint).to_be_hidden()
        covered.append(square.ink())
    assert covered[1] > 1.5 * covered[0] > 0


def test_a_photo_is_dropped_turned_upright_and_reduced(squares):
    first, second = squares
    # As a camera that was held upright stores it: on its side, with a note.
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.Transpose.ROTATE_90
    photo = picture("JPEG", (2400, 3000), turned=turned, exif=exif, quality=90)
    assert Image.open(io.BytesIO(photo)).size == (3000, 2400)
    with first.page.expect_request(asks("prepare")) as asked:
        second.give("drop", photo, "IMG_1.jpg", "image/jpeg")
    expects(second.note).to_have_text(re.compile("read as 7"))
    assert sent(asked.value).size == (819, 1024)
    sentence(first.page).to_have_text("Now the first one.")


def test_the_frame_around_a_digit_leaves_its_ink_alone(squares):
    first, _ = squares
    first.give("drop", picture("PNG"), "image.png", "image/png")
    expects(first.note).to_have_text(re.compile("read as 7"))
    pixels = first.pixels()
    red, green, blue = pixels[..., :3].astype(int).transpose(2, 0, 1)
    frame = (blue - red > 60) & (green - red > 20)
    ink = (red < 80) & (green < 80) & (pixels[..., 3] > 0) & ~frame
    (left, right), (top, bottom) = (
        np.flatnonzero(frame.any(axis))[[0, -1]] for axis in (0, 1)
    )
    for axis, low, high in ((0, left, right), (1, top, bottom)):
        inked = np.flatnonzero(ink.any(axis))
        inner = np.flatnonzero(frame.sum(axis) > frame.sum(axis).max() / 2)
        width = (np.diff(inner) == 1).argmin() + 1
        assert low + width + 2 <= inked[0] <= inked[-1] <= high - width - 2


def test_pictures_are_pasted_and_opened(squares):
    first, second = squares
    first.pad.focus()
    first.give("paste", picture("PNG"), "image.png", "image/png")
    expects(first.note).to_have_text(re.compile("read as 7"))
    with first.page.expect_file_chooser() as chosen:
        second.button("Open").click()
    chosen.value.set_files(ROOT / "docs" / "drawings" / "three.png")
    expects(second.note).to_have_text(re.compile("read as 3"))
    sentence(first.page).to_have_text(re.compile("7 ≤ 3: no"))
    # Strokes replace a picture, and undo brings it back.
    second.draw(SEVEN)
    expects(second.note).to_have_text(re.compile("read as 7"))
    second.button("Undo").click()
    expects(second.note).to_have_text(re.compile("read as 3"))
    # What is no picture changes nothing.
    second.give("drop", b"no picture", "notes.txt", "text/plain")
    expects(second.note).to_have_text(re.compile("not a picture"))
    sentence(first.page).to_have_text(re.compile("7 ≤ 3: no"))
    expects(first.page.get_by_role("status")).to_have_text(re.compile("not a picture"))


def test_blank_cleared_and_taken_back(squares):
    first, second = squares
    for square in squares:
        expects(square.hint).to_be_visible()
        expects(square.button("Undo")).to_be_disabled()
        expects(square.button("Clear")).to_be_disabled()
        assert square.seen() is None
    first.draw(THREE)
    second.draw(SEVEN)
    sentence(first.page).to_have_text(re.compile("3 ≤ 7"))
    expects(first.hint).to_be_hidden()
    first.button("Clear").click()
    expects(first.hint).to_be_visible()
    sentence(first.page).to_have_text("Now the first one.")
    expects(first.page.locator("#verdict")).to_have_attribute("data-relation", "none")
    assert first.seen() is None and first.ink() == 0
    first.button("Undo").click()
    sentence(first.page).to_have_text(re.compile("3 ≤ 7"))
    first.page.get_by_role("button", name="Clear both").click()
    expects(second.hint).to_be_visible()
    sentence(first.page).to_have_text("Draw a digit in each square.")


def test_two_digits_in_a_pad_are_told(squares):
    first, _ = squares
    first.draw(THREE, x=-0.02, y=0.2, size=0.55)
    expects(first.note).to_have_text(re.compile("read as 3"))
    first.draw(SEVEN, x=0.48, y=0.2, size=0.55)
    expects(first.note).to_have_text("2 digits found: one at a time")
    sentence(first.page).to_have_text("First square: 2 digits found: one at a time.")
    first.button("Undo").click()
    expects(first.note).to_have_text(re.compile("read as 3"))


def test_by_keyboard_alone(squares):
    first, second = squares
    page, keyboard = first.page, first.page.keyboard

    def focused():
        return page.evaluate(
            """() => {
              const { activeElement: e } = document;
              const { outlineStyle, outlineWidth } = getComputedStyle(e);
              const name = e.getAttribute("aria-label") ?? e.textContent.trim();
              return [name, outlineStyle !== "none" && outlineWidth !== "0px"];
            }"""
        )

    keyboard.press("Tab")
    assert focused() == ["First digit", True]
    keyboard.press("3")
    expects(first.note).to_have_text(re.compile("read as 3"))
    names = []
    while not names or names[-1] != "Second digit":
        keyboard.press("Tab")
        name, visible = focused()
        assert visible
        names.append(name)
    assert names == ["Undo", "Clear", "Open", "Second digit"]
    keyboard.press("7")
    sentence(page).to_have_text(re.compile("3 ≤ 7: yes"))
    # Told to who does not see it, once it is quiet.
    expects(page.get_by_role("status")).to_have_text(re.compile("^3 ≤ 7: yes"))
    keyboard.press("Backspace")
    expects(second.hint).to_be_visible()
    keyboard.press("Control+z")
    keyboard.press("1")
    expects(second.note).to_have_text(re.compile("read as 1"))
    keyboard.press("Delete")
    expects(second.hint).to_be_visible()
    # A button that is of no use any more hands the keyboard back.
    keyboard.press("Tab")
    assert focused()[0] == "Undo"
    keyboard.press("Enter")
    for _ in range(5):
        if not second.button("Undo").is_disabled():
            second.button("Undo").press("Enter")
    assert focused()[0] == "Second digit"
    page.get_by_role("button", name="Random pair").press("Enter")
    sentence(page).to_have_text(re.compile(r"\d ≤ \d: (yes|no)"))


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_a_random_pair(visit, motion):
    page = visit(reduced_motion=motion)
    page.get_by_role("button", name="Random pair").click()
    sentence(page).to_have_text(re.compile(r"^\d ≤ \d: (yes|no), 9\d\.\d\s%$"))
    for square in browsers.squares(page):
        expects(square.hint).to_be_hidden()


def test_every_digit_is_written_so_that_it_is_read(visit):
    page = visit(reduced_motion="reduce")
    first, _ = browsers.squares(page)
    first.pad.focus()
    right = 0
    for digit in range(10):
        page.keyboard.press("Delete")
        expects(first.note).to_have_text("")
        page.keyboard.press(str(digit))
        expects(first.note).not_to_have_text("")
        right += f"read as {digit}," in first.note.inner_text()
    assert right >= 9


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(visit, scheme):
    page = visit(color_scheme=scheme)
    first, _ = browsers.squares(page)
    with page.expect_request(asks("prepare")) as asked:
        first.draw(THREE)
    expects(first.note).to_have_text(re.compile("read as 3"))
    brightness = """(element, name) => getComputedStyle(element)[name]
      .match(/\\d+/g).slice(0, 3).reduce((sum, x) => sum + Number(x), 0) / 3"""
    ink = first.pad.evaluate(brightness, "color")
    paper = first.pad.evaluate(brightness, "backgroundColor")
    assert (ink < 90 and paper > 200) if scheme == "light" else (ink > 200 and paper < 60)
    # What is sent is black on white by night too.
    assert sent(asked.value).convert("L").getpixel((0, 0)) == 255


@pytest.mark.parametrize("width", [320, 390, 700, 768, 834, 912, 1000])
def test_no_width_scrolls_sideways(visit, width):
    page = visit(viewport={"width": width, "height": 800}, **PHONE)
    page.get_by_role("button", name="Random pair").click()
    sentence(page).to_have_text(re.compile(r"\d ≤ \d"))
    assert page.evaluate("document.documentElement.scrollWidth") == width
    boxes = [square.pad.bounding_box() for square in browsers.squares(page)]
    below = boxes[1]["y"] > boxes[0]["y"] + boxes[0]["height"]
    assert below == (width <= 704)
    assert all(box["width"] == pytest.approx(box["height"]) for box in boxes)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("desktop", {}),
        ("phone", {"viewport": {"width": 390, "height": 844}} | PHONE),
    ],
)
def test_the_screenshots_in_docs(visit, tmp_path, name, options):
    """KERAS_PAIRS_SCREENSHOTS=docs/page makes them anew."""
    page = visit("Math.random = () => 0.5", reduced_motion="reduce", **options)
    for square, digit in zip(browsers.squares(page), "37", strict=True):
        square.pad.press(digit)
    sentence(page).to_have_text(re.compile("3 ≤ 7: yes"))
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(300)
    folder = pathlib.Path(os.environ.get("KERAS_PAIRS_SCREENSHOTS", tmp_path))
    page.screenshot(path=folder / f"{name}.png")
    stored = ROOT / "docs" / "page" / f"{name}.png"
    assert stored.stat().st_size < 150_000
    with Image.open(folder / f"{name}.png") as now, Image.open(stored) as then:
        assert now.size == then.size
