"""The page and the server, in headless Chromium: what is asked when, and what is said."""

import re

import numpy as np
import pytest

from tests.browsers import SEVEN, THREE, asks, expects, sent, sentence, squares

pytestmark = pytest.mark.slow

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


def test_one_request_at_a_time_and_the_last_state_is_asked(visit):
    page = visit(FLYING)
    first, second = squares(page)
    second.draw(SEVEN)
    expects(second.note).to_have_text(re.compile("read as 7"))
    # Until its last answer is there.
    while any(page.evaluate("flying").values()):
        page.wait_for_timeout(100)
    page.evaluate("() => { most = {} }")
    last = []
    page.on("request", lambda r: last.append(r) if asks("prepare")(r) else None)
    first.draw(THREE)
    expects(first.note).to_have_text(re.compile("read as 3"))
    sentence(page).to_have_text(re.compile("3 ≤ 7"))
    assert page.evaluate("window.most") == {"prepare": 1, "images": 1}
    # Fewer than there were moves, and the last one has the whole 3: its end lies low.
    assert len(last) < 40
    png = sent(last[-1]).convert("L")
    rows = np.where((np.asarray(png) < 128).any(1))[0]
    assert rows[0] < 0.25 * png.height and rows[-1] > 0.75 * png.height


def test_stale_answers_are_dropped(visit):
    page = visit(FLYING)
    first, second = squares(page)
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


def answering(comparison, first, second, certain=1.0):
    """A route's handler that says this of every pair, whatever it shows.

    `certain` is the first digit's probability.
    """
    row = {"comparison": [comparison]}
    row["first_digit"], row["second_digit"] = np.eye(10)[[first, second]].tolist()
    row["first_digit"][first] = certain

    def handle(route):
        if asks("images")(route.request):
            route.fulfill(json={"predictions": [row]})
        else:
            route.continue_()

    return handle


def standing_in(row):
    """A route's handler: one digit in every picture, and this of every pair."""
    seen = {"count": 1, "image": [[9] * 28] * 28, "boxes": []}

    def handle(route):
        signature = route.request.post_data_json["signature_name"]
        route.fulfill(json={"predictions": [seen if signature == "prepare" else row]})

    return handle


@pytest.mark.parametrize(
    ("comparison", "certain", "said", "unsure"),
    [
        (0.64, 1.0, r"^3 ≤ 7: not sure, 64\.0\s% for yes$", True),
        (1.0, 1.0, r"^3 ≤ 7: yes, 99\.9\s%$", False),
        (0.02, 1.0, r"^3 ≤ 7: no, 98\.0\s%, although it reads 3 and 7$", False),
        (0.97, 0.29, r"^3\? ≤ 7: yes, 97\.0\s%$", False),
    ],
)
def test_what_is_said_of_a_probability(visit, comparison, certain, said, unsure):
    page = visit()
    page.route(PREDICT, answering(comparison, 3, 7, certain))
    first, second = squares(page)
    for square, digit in ((first, THREE), (second, SEVEN)):
        square.draw(digit)
    sentence(page).to_have_text(re.compile(said))
    mark = r"\?, 29\.0" if certain < 1 else r", 99\.9"
    expects(first.note).to_have_text(re.compile(rf"^read as 3{mark}\s%$"))
    expects(second.note).to_have_text(re.compile(r"^read as 7, 99\.9\s%$"))
    marked = "unsure" in page.locator("#verdict").get_attribute("class")
    assert marked == unsure


def test_a_server_that_is_away_is_asked_again(visit):
    page = visit()
    first, second = squares(page)
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


def until_quiet(page, requests):
    """How many requests there are when no more come: a stroke asks for a while."""
    for _ in range(20):
        count = len(requests)
        page.wait_for_timeout(500)
        if len(requests) == count:
            break
    return count


def test_what_the_server_refuses_is_told_and_not_asked_again(visit):
    page = visit()
    first, _ = squares(page)
    requests = []

    def refuse(route):
        requests.append(route.request)
        route.fulfill(status=400, json={"error": "png_bytes: an image is animated"})

    page.route(PREDICT, refuse)
    first.draw(SEVEN)
    expects(first.note).to_have_text("png_bytes: an image is animated")
    count = until_quiet(page, requests)
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
    pair = {"comparison": [0.9], "first_digit": [1.0] * 10, "second_digit": [1.0] * 10}
    page = visit(query=query)
    page.route("**/healthz", lambda route: route.fulfill(json={"model": "mnist-paper"}))
    page.route("**/v1/models/mnist-paper:predict", standing_in(pair))
    page.reload()
    first, _ = squares(page)
    first.draw(SEVEN)
    expects(first.note).to_have_text(re.compile("read as 0"))


def test_a_server_without_health_has_the_usual_model(visit):
    """As TF-Serving behind a web server that hands out the page."""
    page = visit()
    lost = "<html>404 Not Found</html>"
    page.route("**/healthz", lambda r: r.fulfill(status=404, body=lost))
    page.reload()
    first, _ = squares(page)
    with page.expect_request("**/v1/models/digit_pairs:predict"):
        first.draw(SEVEN)
    expects(first.note).to_have_text(re.compile("read as 7"))
    expects(first.section.locator(".untaught")).to_be_hidden()
    # The browser's own word about the page that is not there.
    assert all("404" in error for error in visit.errors)
    visit.errors.clear()


def test_digits_that_nobody_taught_are_not_shown(visit):
    page = visit()
    taught = {"model": "digit_pairs", "reads_digits": False}
    page.route("**/healthz", lambda route: route.fulfill(json=taught))
    page.route(PREDICT, answering(0.03, 3, 7))
    page.reload()
    first, second = squares(page)
    for square, digit in ((first, THREE), (second, SEVEN)):
        square.draw(digit)
    sentence(page).to_have_text(re.compile(r"^first ≤ second: no, 97\.0\s%$"))
    for square in (first, second):
        expects(square.note).to_have_text("")
        expects(square.section.locator(".bars")).to_be_hidden()
        expects(square.section.get_by_text("not trained (w_a = 0)")).to_be_visible()
        assert square.seen()


def test_a_model_that_answers_the_comparison_alone(visit):
    """A single output comes without its name."""
    page = visit()
    page.route(PREDICT, standing_in([0.97]))
    first, second = squares(page)
    first.draw(THREE)
    second.draw(SEVEN)
    sentence(page).to_have_text(re.compile(r"^first ≤ second: yes, 97\.0\s%$"))
    for square in (first, second):
        expects(square.note).to_have_text("")


def test_a_model_that_could_not_be_found_is_looked_for_again(visit):
    page = visit()
    full = {"error": "too many connections"}
    pair = {"comparison": [0.9], "first_digit": [1.0] * 10, "second_digit": [1.0] * 10}
    page.route("**/healthz", lambda route: route.fulfill(status=503, json=full))
    page.route("**/v1/models/mnist-paper:predict", standing_in(pair))
    page.reload()
    first, _ = squares(page)
    first.draw(THREE)
    trouble = page.get_by_role("alert")
    expects(trouble).to_have_text("The server is busy; trying again.")
    page.unroute("**/healthz")
    page.route("**/healthz", lambda route: route.fulfill(json={"model": "mnist-paper"}))
    expects(first.note).to_have_text(re.compile("read as 0"))
    expects(trouble).to_have_text("")
    visit.errors.clear()


def test_a_refusal_in_html_is_told_and_not_asked_again(visit):
    """As of a web server in front, which finds a photo too large."""
    page, requests = visit(), []

    def refuse(route):
        requests.append(route.request)
        route.fulfill(status=413, body="<html>413 Request Entity Too Large</html>")

    page.route(PREDICT, refuse)
    first, _ = squares(page)
    first.draw(SEVEN)
    expects(first.note).to_have_text("the server answers 413")
    expects(page.get_by_role("alert")).to_have_text("")
    count = until_quiet(page, requests)
    page.wait_for_timeout(1500)
    assert len(requests) == count
    visit.errors.clear()


def test_a_key_that_is_held_writes_one_digit(visit):
    page = visit()
    first, _ = squares(page)
    first.pad.focus()
    for _ in range(5):
        page.keyboard.down("3")
    page.keyboard.up("3")
    expects(first.note).to_have_text(re.compile("read as 3"))
    page.keyboard.press("Backspace")
    expects(first.note).to_have_text("")
