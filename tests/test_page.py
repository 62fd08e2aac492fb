"""The page, on the project's own server, in headless Chromium that Playwright drives."""

import base64
import importlib
import io
import os
import re
import struct

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.browsers import PHONE, SEVEN, THREE, Square, chromium, pen, touch
from tests.helpers import ROOT

pytest.importorskip("uvicorn", reason="needs pip install 'keras_pairs[serve]'")
servers = importlib.import_module("tests.servers")
pytestmark = pytest.mark.slow

MODEL = os.environ.get("KERAS_PAIRS_MODEL", "saved_models/digit_pairs")
DRAWINGS = ROOT / "docs" / "drawings"
PREDICT = "**/v1/models/*:predict"
# Wraps what asks the server: how many of each signature are on their way, and a gate.
FLYING = """
const real = window.fetch;
window.most = {};
window.flying = {};
window.gate = Promise.resolve();
window.fetch = async (address, options) => {
  if (!options?.body) return real(address, options);
  const name = JSON.parse(options.body).signature_name;
  window.flying[name] = (window.flying[name] ?? 0) + 1;
  window.most[name] = Math.max(window.most[name] ?? 0, window.flying[name]);
  try {
    const answer = await real(address, options);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await window.gate;
    return answer;
  } finally {
    window.flying[name] -= 1;
  }
};
"""


@pytest.fixture(scope="module")
def address():
    with servers.running(ROOT / MODEL) as server:
        yield f"http://{server.address}/"


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import expect

    # The machine may be busy with other tests.
    expect.set_options(timeout=30_000)
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser, address):
    """Opens the page; afterwards: nothing was asked elsewhere, and no script failed."""
    contexts, requests, errors = [], [], []

    def visit(script=None, query="", **options):
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 800}} | options
        )
        contexts.append(context)
        context.on("request", lambda request: requests.append(request.url))
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        if script:
            page.add_init_script(script)
        page.goto(address + query)
        return page

    visit.errors = errors
    yield visit
    for context in contexts:
        context.unroute_all(behavior="ignoreErrors")
        context.close()
    assert requests
    elsewhere = [url for url in requests if not url.startswith((address, "blob:"))]
    assert not elsewhere and not errors


@pytest.fixture
def squares(visit):
    page = visit()
    return Square(page, "First digit"), Square(page, "Second digit")


def expects(*arguments):
    from playwright.sync_api import expect

    return expect(*arguments)


def sentence(page):
    return expects(page.locator("#sentence"))


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


def sent(request):
    """(width, height) of the PNG that a request to `prepare` holds."""
    (instance,) = request.post_data_json["instances"]
    png = base64.b64decode(instance["png_bytes"]["b64"])
    assert png.startswith(b"\x89PNG")
    return struct.unpack(">II", png[16:24])


def asks(signature):
    """Whether a request asks a signature, for `page.expect_request`."""
    return lambda request: f'"{signature}"' in (request.post_data or "")


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
    first = Square(page, "First digit")
    expects(first.button("Camera")).to_be_visible()
    expects(page.locator("#keys")).to_be_hidden()
    touch(page, first.places(SEVEN))
    expects(first.note).to_have_text(re.compile("read as 7"))
    assert page.evaluate("scrollY") == 0
    # One stroke, not two.
    first.button("Undo").click()
    expects(first.hint).to_be_visible()


def test_a_pen_pressed_harder_draws_wider(squares):
    covered = []
    for square, force in zip(squares, (0.1, 1.0), strict=True):
        pen(square.page, square.places(SEVEN), force)
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
    assert sent(asked.value) == (819, 1024)
    sentence(first.page).to_have_text("Now the first one.")


def test_pictures_are_pasted_and_opened(squares):
    first, second = squares
    first.pad.focus()
    first.give("paste", picture("PNG"), "image.png", "image/png")
    expects(first.note).to_have_text(re.compile("read as 7"))
    with first.page.expect_file_chooser() as chosen:
        second.button("Open").click()
    chosen.value.set_files(DRAWINGS / "three.png")
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
    for name in ("First digit", "Second digit"):
        expects(Square(page, name).hint).to_be_hidden()


def test_every_digit_is_written_so_that_it_is_read(visit):
    page = visit(reduced_motion="reduce")
    first = Square(page, "First digit")
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
    first = Square(page, "First digit")
    with page.expect_request(asks("prepare")) as asked:
        first.draw(THREE)
    expects(first.note).to_have_text(re.compile("read as 3"))
    brightness = """(element, name) => getComputedStyle(element)[name]
      .match(/\\d+/g).slice(0, 3).reduce((sum, x) => sum + Number(x), 0) / 3"""
    ink = first.pad.evaluate(brightness, "color")
    paper = first.pad.evaluate(brightness, "backgroundColor")
    assert (ink < 90 and paper > 200) if scheme == "light" else (ink > 200 and paper < 60)
    # What is sent is black on white by night too.
    (instance,) = asked.value.post_data_json["instances"]
    png = base64.b64decode(instance["png_bytes"]["b64"])
    assert Image.open(io.BytesIO(png)).convert("L").getpixel((0, 0)) == 255


@pytest.mark.parametrize("width", [320, 390, 700, 1000])
def test_no_width_scrolls_sideways(visit, width):
    page = visit(viewport={"width": width, "height": 800}, **PHONE)
    page.get_by_role("button", name="Random pair").click()
    sentence(page).to_have_text(re.compile(r"\d ≤ \d"))
    assert page.evaluate("document.documentElement.scrollWidth") == width
    boxes = [
        Square(page, name).pad.bounding_box() for name in ("First digit", "Second digit")
    ]
    below = boxes[1]["y"] > boxes[0]["y"] + boxes[0]["height"]
    assert below == (width <= 704)
    assert all(box["width"] == pytest.approx(box["height"]) for box in boxes)


def test_one_request_at_a_time_and_the_last_state_is_asked(visit):
    page = visit(FLYING)
    first, second = Square(page, "First digit"), Square(page, "Second digit")
    second.draw(SEVEN)
    expects(second.note).to_have_text(re.compile("read as 7"))
    assert servers.until(lambda: not any(page.evaluate("flying").values()))
    page.evaluate("() => { most = {} }")
    last = []
    page.on("request", lambda r: last.append(r) if asks("prepare")(r) else None)
    first.draw(THREE)
    expects(first.note).to_have_text(re.compile("read as 3"))
    sentence(page).to_have_text(re.compile("3 ≤ 7"))
    assert page.evaluate("window.most") == {"prepare": 1, "images": 1}
    # Fewer than there were moves, and the last one has the whole 3: its end lies low.
    assert len(last) < 40
    (instance,) = last[-1].post_data_json["instances"]
    png = Image.open(io.BytesIO(base64.b64decode(instance["png_bytes"]["b64"]))).convert(
        "L"
    )
    rows = np.where((np.asarray(png) < 128).any(1))[0]
    assert rows[0] < 0.25 * png.height and rows[-1] > 0.75 * png.height


def test_stale_answers_are_dropped(visit):
    page = visit(FLYING)
    first, second = Square(page, "First digit"), Square(page, "Second digit")
    page.evaluate("() => { gate = new Promise((resolve) => (window.openGate = resolve)) }")
    with page.expect_request(asks("prepare")):
        first.draw(THREE)
    first.button("Clear").click()
    second.draw(SEVEN)
    page.evaluate("openGate()")
    expects(second.note).to_have_text(re.compile("read as 7"))
    expects(first.hint).to_be_visible()
    expects(first.note).to_have_text("")
    assert first.seen() is None


def answering(comparison, first, second):
    """A route's handler that says this of every pair, whatever it shows."""
    row = {"comparison": [comparison]}
    row["first_digit"], row["second_digit"] = np.eye(10)[[first, second]].tolist()

    def handle(route):
        if asks("images")(route.request):
            route.fulfill(json={"predictions": [row]})
        else:
            route.continue_()

    return handle


@pytest.mark.parametrize(
    ("comparison", "said", "unsure"),
    [
        (0.64, r"^3 ≤ 7: not sure, 64\.0\s% for yes$", True),
        (1.0, r"^3 ≤ 7: yes, 99\.9\s%$", False),
        (0.02, r"^3 ≤ 7: no, 98\.0\s%, although it reads 3 and 7$", False),
    ],
)
def test_what_is_said_of_a_probability(visit, comparison, said, unsure):
    page = visit()
    page.route(PREDICT, answering(comparison, 3, 7))
    Square(page, "First digit").draw(THREE)
    Square(page, "Second digit").draw(SEVEN)
    sentence(page).to_have_text(re.compile(said))
    marked = "unsure" in page.locator("#verdict").get_attribute("class")
    assert marked == unsure


def test_a_server_that_is_away_is_asked_again(visit):
    page = visit()
    first, second = Square(page, "First digit"), Square(page, "Second digit")
    page.route(PREDICT, lambda route: route.abort())
    first.draw(THREE)
    trouble = page.get_by_role("alert")
    expects(trouble).to_have_text("The server does not answer; trying again.")
    page.unroute(PREDICT)
    busy = {"error": "too many requests wait; try later"}
    page.route(PREDICT, lambda route: route.fulfill(status=503, json=busy))
    expects(trouble).to_have_text("The server is busy; trying again.")
    second.draw(SEVEN)
    page.unroute(PREDICT)
    sentence(page).to_have_text(re.compile("3 ≤ 7: yes"))
    expects(trouble).to_have_text("")
    # The browser's own words about the requests.
    assert all("Failed to load resource" in error for error in visit.errors)
    visit.errors.clear()


def test_what_the_server_refuses_is_told_and_not_asked_again(visit):
    page = visit()
    first = Square(page, "First digit")
    requests = []

    def refuse(route):
        requests.append(route.request)
        route.fulfill(status=400, json={"error": "png_bytes: an image is animated"})

    page.route(PREDICT, refuse)
    first.draw(SEVEN)
    expects(first.note).to_have_text("png_bytes: an image is animated")
    page.wait_for_timeout(500)
    count = len(requests)
    page.wait_for_timeout(1500)
    assert len(requests) == count
    page.unroute(PREDICT)
    first.button("Clear").click()
    first.draw(SEVEN)
    expects(first.note).to_have_text(re.compile("read as 7"))
    visit.errors.clear()


@pytest.mark.parametrize("query", ["", "?model=mnist-paper"])
def test_a_model_of_another_name(visit, query):
    """That the address names, or that the project's own server says it has."""

    def answer(route):
        signature = route.request.post_data_json["signature_name"]
        seen = {"count": 1, "image": [[9] * 28] * 28, "boxes": []}
        pair = {"comparison": [0.9], "first_digit": [1.0] * 10, "second_digit": [1.0] * 10}
        route.fulfill(json={"predictions": [seen if signature == "prepare" else pair]})

    page = visit(query=query)
    gone = {"error": "Could not find any versions of model digit_pairs"}
    page.route("**/v1/models/digit_pairs", lambda r: r.fulfill(status=404, json=gone))
    page.route("**/healthz", lambda route: route.fulfill(json={"model": "mnist-paper"}))
    page.route("**/v1/models/mnist-paper:predict", answer)
    page.reload()
    first = Square(page, "First digit")
    first.draw(SEVEN)
    expects(first.note).to_have_text(re.compile("read as 0"))
    visit.errors.clear()


def test_the_screenshots_in_docs_are_small_and_of_their_sizes():
    for name, size in {"desktop": (1280, 800), "phone": (390, 844)}.items():
        path = ROOT / "docs" / "page" / f"{name}.png"
        assert path.stat().st_size < 150_000
        with Image.open(path) as image:
            assert image.width % size[0] == 0 and image.height % size[1] == 0
