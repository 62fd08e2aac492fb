"""The page's files as the server hands them out: types, headers, and no other file."""

import contextlib

from keras_pairs.server import app
from tests.helpers import BOX
from tests.servers import FakeVersion, running


def test_the_page(box_server):
    status, headers, text = box_server.ask("GET", "/")
    assert status == 200 and text.startswith(b"<!doctype html>")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "connect-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer" and "Server" not in headers
    status, again, text = box_server.ask("GET", "/", If_None_Match=headers["ETag"])
    assert status == 304 and text == b""
    assert box_server.ask("HEAD", "/")[0] == 200


def test_the_types_are_those_of_the_pages_files():
    files = [path for path in app.PAGE.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == set(app.TYPES)


def test_the_pages_files(tmp_path, monkeypatch):
    (tmp_path / "static" / "deep").mkdir(parents=True)
    (tmp_path / "index.html").write_text("<!doctype html>")
    kinds = {
        "page.js": "text/javascript; charset=utf-8",
        "page.css": "text/css; charset=utf-8",
        "icon.svg": "image/svg+xml",
        "deep/icon.png": "image/png",
        "app.webmanifest": "application/manifest+json",
    }
    for name in kinds:
        (tmp_path / "static" / name).write_text("x")
    (tmp_path.parent / "secret.txt").write_text("secret")
    with contextlib.suppress(OSError, NotImplementedError):
        (tmp_path / "link.txt").symlink_to(tmp_path.parent / "secret.txt")
    monkeypatch.setattr(app, "PAGE", tmp_path)
    with running(BOX, lambda path, number: FakeVersion()) as server:
        for name, kind in kinds.items():
            status, headers, _ = server.ask("GET", f"/static/{name}")
            assert (status, headers["Content-Type"]) == (200, kind)
        for path in (
            "/static",
            "/static/",
            "/static/deep",
            "/link.txt",
            "/none",
            "/static/../../secret.txt",
            "/static/%2e%2e/%2e%2e/secret.txt",
            "/static/..%2f..%2fsecret.txt",
            "/..%5csecret.txt",
            "//etc/passwd",
            "/%2fetc/passwd",
            "/static/page.js%00",
            f"/static/{'x' * 5000}",
            "/C:/Windows/win.ini",
            "/static//page.js/x",
        ):
            status, _, answer = server.ask("GET", path)
            assert status == 404 and "there is no" in answer["error"], path
        status, headers, answer = server.ask("POST", "/", b"x")
        assert status == 405 and set(headers["Allow"].split(", ")) == {"GET", "HEAD"}
        assert "error" in answer
