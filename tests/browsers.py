"""A browser for the tests: what is installed, its pages, hands and files."""

import base64
import contextlib
import io
import os
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PHONE = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}
# As a hand draws them, within 100 × 100.
THREE = [(25, 18), (42, 10), (62, 15), (68, 28), (60, 40), (44, 46), (62, 51), (73, 64)]
THREE += [(70, 80), (52, 90), (35, 88), (23, 80)]
SEVEN = [(22, 14), (50, 13), (78, 12), (70, 30), (61, 50), (53, 70), (48, 90)]


@contextlib.contextmanager
def chromium():
    """Yields Playwright's browser: KERAS_PAIRS_CHROMIUM, Chromium or Chrome, or its own.

    The test is skipped where there is none.
    """
    api = pytest.importorskip(
        "playwright.sync_api", reason="needs pip install 'keras_pairs[browser]'"
    )
    with api.sync_playwright() as playwright:
        paths = [os.environ.get("KERAS_PAIRS_CHROMIUM"), *map(shutil.which, NAMES)]
        paths.append(playwright.chromium.executable_path)
        path = next((p for p in paths if p and pathlib.Path(p).exists()), None)
        if path is None:
            pytest.skip("no Chromium: apt-get install chromium, or KERAS_PAIRS_CHROMIUM")
        # The machine may be busy with other tests.
        api.expect.set_options(timeout=30_000)
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextlib.contextmanager
def visiting(browser, address):
    """Yields a function that opens the page.

    It takes a script to run before the page's own, the query of the address, and options of
    a Playwright context. Afterwards nothing was asked elsewhere, and the browser reported
    no error but those that a test takes out of `visit.errors`.
    """
    contexts, requests, errors = [], [], []

    def visit(script=None, query="", **options):
        options = {"viewport": {"width": 1280, "height": 800}} | options
        context = browser.new_context(**options)
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
    try:
        yield visit
    finally:
        for context in contexts:
            context.unroute_all(behavior="ignoreErrors")
            context.close()
    elsewhere = [url for url in requests if not url.startswith((address, "blob:"))]
    assert requests and not elsewhere and not errors


def expects(*arguments):
    """Playwright's `expect`, which is there only where Playwright is."""
    from playwright.sync_api import expect

    return expect(*arguments)


def sentence(page):
    """What the page says, to be expected."""
    return expects(page.locator("#sentence"))


def squares(page):
    return Square(page, "First digit"), Square(page, "Second digit")


def asks(signature):
    """Whether a request asks a signature: a function, for `page.expect_request`."""
    return lambda request: f'"{signature}"' in (request.post_data or "")


def sent(request):
    """The picture that a request to `prepare` holds: `PIL.Image`."""
    (instance,) = request.post_data_json["instances"]
    png = base64.b64decode(instance["png_bytes"]["b64"])
    assert png.startswith(b"\x89PNG")
    return Image.open(io.BytesIO(png))


class Square:
    """One of the page's two squares."""

    def __init__(self, page, name):
        self.page, self.name = page, name
        self.section = page.get_by_role("region", name=name, exact=True)
        self.pad = page.get_by_role("application", name=name)
        self.note = self.section.locator(".note")
        self.hint = self.section.get_by_text("draw here")
        self.best = self.section.locator(".best .digit")

    def button(self, name):
        return self.section.get_by_role("button", name=name)

    def places(self, points, x=0.0, y=0.0, size=1.0):
        """Points of 0…100 as places on the screen: in the pad, or a part of it."""
        box = self.pad.bounding_box()
        side = box["width"]
        return [
            (
                box["x"] + side * (x + size * (0.1 + 0.008 * across)),
                box["y"] + side * (y + size * (0.1 + 0.008 * down)),
            )
            for across, down in points
        ]

    def draw(self, points, lift=True, **part):
        """One stroke by mouse."""
        mouse = self.page.mouse
        first, *others = self.places(points, **part)
        mouse.move(*first)
        mouse.down()
        for place in others:
            mouse.move(*place, steps=4)
        if lift:
            mouse.up()

    def give(self, event, content, name, kind):
        """Drops or pastes a file, as an event with a `DataTransfer`."""
        self.pad.evaluate(
            """(pad, [event, content, name, type]) => {
              const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
              const data = new DataTransfer();
              data.items.add(new File([bytes], name, { type }));
              const options = { bubbles: true, cancelable: true };
              pad.dispatchEvent(event === "paste"
                ? new ClipboardEvent(event, { ...options, clipboardData: data })
                : new DragEvent(event, { ...options, dataTransfer: data }));
            }""",
            [event, base64.b64encode(content).decode(), name, kind],
        )

    def seen(self):
        """The 28×28 pixels: a list of 0…255, or None where none are shown."""
        return self.section.locator(".seen").evaluate(
            """(canvas) => {
              const { data } = canvas.getContext("2d").getImageData(0, 0, 28, 28);
              const shown = data.some((value, i) => i % 4 === 3 && value);
              return shown ? Array.from(data).filter((_, i) => i % 4 === 0) : null;
            }"""
        )

    def pixels(self):
        """What the pad shows: uint8 [h, w, 4]."""
        url = self.pad.evaluate("(canvas) => canvas.toDataURL()")
        with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
            return np.array(image.convert("RGBA"))

    def ink(self):
        """Share of the pad's pixels that strokes cover."""
        return self.pad.evaluate(
            """(canvas) => {
              const { width, height } = canvas;
              const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
              return data.filter((value, i) => i % 4 === 3 && value > 127).length
                / (width * height);
            }"""
        )


def touch(page, places):
    """One stroke by finger."""
    session = page.context.new_cdp_session(page)

    def send(kind, *points):
        points = [{"x": x, "y": y} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", places[0])
    for place in places[1:]:
        send("touchMove", place)
    send("touchEnd")


def pen(page, places, force):
    """One stroke by a pen that is pressed with a force of 0…1."""
    session = page.context.new_cdp_session(page)

    def send(kind, place, buttons=1):
        event = {"type": kind, "x": place[0], "y": place[1], "button": "left"}
        event |= {"buttons": buttons, "clickCount": 1, "pointerType": "pen", "force": force}
        session.send("Input.dispatchMouseEvent", event)

    send("mousePressed", places[0])
    for place in places[1:]:
        send("mouseMoved", place)
    send("mouseReleased", places[-1], 0)
