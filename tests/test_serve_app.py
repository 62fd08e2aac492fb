"""The server on a real socket in this process: answers, page, headers, limits, log."""

import base64
import concurrent.futures
import contextlib
import http.client
import itertools
import json
import logging
import socket
import threading
import time

import numpy as np
import pytest

from keras_pairs.server import app, limits, rest, watching
from keras_pairs.server.batching import Batcher
from keras_pairs.server.json_tensors import Spec
from tests.helpers import BOX, drawn_zero, png
from tests.servers import head, raw, running, until


@pytest.fixture
def server(box_server):
    return box_server


@pytest.fixture
def small(monkeypatch):
    """Limits that a test reaches in a moment."""
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(limits, "HEADER_SECONDS", 0.3)


def pairs(count):
    images = np.zeros((count, 2, 14, 14), "int")
    images[:, :, 3:11, 6:8] = 200
    return images.tolist()


def test_status(server):
    expected = {
        "version": "1",
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    for path in ("", "/versions/1"):
        status, headers, answer = server.ask("GET", f"/v1/models/digit_pairs{path}")
        assert status == 200 and headers["Content-Type"] == "application/json"
        assert answer == {"model_version_status": [expected]}
    assert server.ask("GET", "/healthz")[2] == {
        "status": "ok",
        "model": "digit_pairs",
        "version": 1,
    }


def test_metadata_is_protobufs_json(server):
    """What TF-Serving makes of the messages, by protobuf's own writer."""
    from google.protobuf.json_format import ParseDict
    from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

    _, _, answer = server.ask("GET", "/v1/models/digit_pairs/metadata")
    spec = {"name": "digit_pairs", "signature_name": "", "version": "1"}
    assert answer["model_spec"] == spec
    found = answer["metadata"]["signature_def"]["signature_def"]
    model = saved_model_pb2.SavedModel.FromString((BOX / "saved_model.pb").read_bytes())
    expected = model.meta_graphs[0].signature_def
    assert found.keys() == expected.keys() >= {"serving_default", "images", "png"}
    for name, signature in found.items():
        message = ParseDict(signature, meta_graph_pb2.SignatureDef())
        assert message == expected[name]
    pair = found["serving_default"]["inputs"]["pair"]
    assert pair["dtype"] == "DT_FLOAT" and pair["tensor_shape"]["unknown_rank"] is False
    assert [dim["size"] for dim in pair["tensor_shape"]["dim"]] == ["-1", "2", "14", "14"]


def test_every_signature_answers(server):
    image = np.zeros((28, 28), "uint8")
    image[6:22, 12:16] = 200
    file = {"b64": base64.b64encode(png(image)).decode()}
    pooled = image.reshape(14, 2, 14, 2).mean((1, 3)).tolist()
    answers = [
        server.predict({"signature_name": name, "instances": [[value, value]]})[1]
        for name, value in (
            ("serving_default", pooled),
            ("images", image.tolist()),
            ("png", file),
        )
    ]
    probabilities = [answer["predictions"][0]["comparison"][0] for answer in answers]
    np.testing.assert_allclose(probabilities, probabilities[0], atol=1e-5)
    assert set(answers[0]["predictions"][0]) == {
        "comparison",
        "first_digit",
        "second_digit",
    }


def test_a_signature_is_served_by_its_own_specs(tmp_path):
    """One picture in, several outputs of other dtypes and shapes; two inputs."""
    import tensorflow as tf

    from keras_pairs.server.loaded import Loaded

    module = tf.Module()
    strings = tf.TensorSpec([None], tf.string, "png_bytes")
    numbers = tf.TensorSpec([None, 2], tf.int32, "boxes")

    @tf.function(input_signature=[strings])
    def prepare(png_bytes):
        count = tf.shape(png_bytes)[0]
        return {
            "image": tf.zeros([count, 28, 28], tf.uint8),
            "count": tf.strings.length(png_bytes),
            "png_bytes": png_bytes,
        }

    @tf.function(input_signature=[strings, numbers])
    def both(png_bytes, boxes):
        return {"sum": tf.reduce_sum(boxes)}

    module.prepare, module.both = prepare, both
    tf.saved_model.save(module, str(tmp_path / "7"), {"prepare": prepare, "both": both})
    with running(tmp_path, Loaded) as server:
        name = tmp_path.name
        rows = [{"b64": base64.b64encode(b"\0ab").decode()}, "x"]
        body = {"signature_name": "prepare", "instances": rows}
        status, answer = server.predict(body, name)
        assert status == 200, answer
        assert [row["count"] for row in answer["predictions"]] == [3, 1]
        assert answer["predictions"][0]["png_bytes"] == rows[0]
        assert np.shape(answer["predictions"][1]["image"]) == (28, 28)
        columns = {"png_bytes": ["a"], "boxes": [[1, 2], [3, 4]]}
        body = {"signature_name": "both", "inputs": columns}
        assert server.predict(body, name) == (200, {"outputs": 10})
        status, answer = server.predict({"instances": [1]}, name)
        assert status == 400 and "there are both, prepare" in answer["error"]


def test_the_graph_says_what_it_refuses(server):
    for value, message in (
        (np.full((1, 2, 14, 14), 256).tolist(), "pair: pixels must be 0 to 255"),
        (np.full((1, 2, 14, 14), 0.5).tolist(), "pair: pixels must be 0 to 255; these se"),
    ):
        status, answer = server.predict({"inputs": value})
        assert status == 400 and answer["error"].startswith(message), answer
    blank = {"b64": base64.b64encode(png(np.zeros((50, 50), "uint8"))).decode()}
    body = {"signature_name": "png", "inputs": [[blank, blank]]}
    assert server.predict(body) == (
        400,
        {"error": "png_bytes: an image shows no digit that can be found"},
    )
    cut = {"b64": base64.b64encode(png(drawn_zero())[:-30]).decode()}
    body = {"signature_name": "png", "inputs": [[cut, cut]]}
    assert server.predict(body) == (400, {"error": "a damaged PNG image"})


def test_one_bad_picture_fails_no_other(server):
    """Also where they were joined."""
    good = {"b64": base64.b64encode(png(drawn_zero())).decode()}

    def ask(i):
        picture = "no picture" if i % 4 == 3 else good
        body = {"signature_name": "png", "instances": [[picture, good]]}
        return server.predict(body)[0]

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(48))) == [200, 200, 200, 400] * 12


def test_the_page(server):
    status, headers, text = server.ask("GET", "/")
    assert status == 200 and text.startswith(b"<!doctype html>")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "connect-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer" and "Server" not in headers
    status, again, text = server.ask("GET", "/", If_None_Match=headers["ETag"])
    assert status == 304 and text == b""
    assert server.ask("HEAD", "/")[0] == 200


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


class FakeVersion:
    """Doubles `x`; waits for `open` before."""

    number = 1
    metadata = {}
    signatures = {
        "serving_default": rest.Signature(
            "serving_default",
            {"x": Spec("x", "float32", (None,))},
            {"y": Spec("y", "float32", (None,))},
        )
    }

    def __init__(self):
        self.open, self.asked = threading.Event(), threading.Semaphore(0)
        self.answered = []
        self.open.set()

    def run(self, signature, inputs):
        self.asked.release()
        assert self.open.wait(30)
        if (inputs["x"] == 13).any():
            raise ZeroDivisionError("a fault of the server's own")
        self.answered += inputs["x"].tolist()
        return {"y": 2 * inputs["x"]}


@pytest.fixture
def fake():
    version = FakeVersion()
    with running(BOX, lambda path, number: version) as server:
        yield server
        version.open.set()


def test_a_fault_of_the_servers_own_is_500_and_in_the_log(fake, caplog):
    status, answer = fake.predict({"instances": [13]})
    assert status == 500 and answer == {"error": "an error inside the server; see its log"}
    # The log follows the answer.
    assert until(lambda: "ZeroDivisionError" in caplog.text)
    assert fake.predict({"instances": [4]}) == (200, {"predictions": [8]})


def lines_of(caplog):
    return [r.message for r in caplog.records if r.name == "keras_pairs.serve"]


def test_a_line_for_each_request(fake, caplog):
    with caplog.at_level(logging.INFO, "keras_pairs.serve"):
        fake.predict({"instances": [2, 3]})
        fake.ask("GET", "/v1/models/none%0a%1b")
        fake.ask("GET", "/healthz?a=b")
        fake.predict({"instances": ["x"]})
        assert until(lambda: len(lines_of(caplog)) == 4)
    lines = lines_of(caplog)
    assert [line.split(" ms")[0].rpartition(" ")[0] for line in lines] == [
        "POST /v1/models/digit_pairs:predict 200",
        "GET /v1/models/none%0a%1b 404",
        "GET /healthz 200",
        "POST /v1/models/digit_pairs:predict 400",
    ]
    assert lines[0].endswith(" ms, 2 rows, version 1")
    assert lines[3].endswith(" ms, version 1")
    assert all(float(line.split(" ms")[0].rpartition(" ")[2]) >= 0 for line in lines)


def test_requests_while_versions_change(tmp_path, monkeypatch):
    """None fails, none is answered by two versions, none by an older one than before."""
    # Going through all that other tests left would take its time.
    monkeypatch.setattr(watching.gc, "collect", lambda: None)

    def publish(number):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "saved_model.pb").touch()

    class Numbered(FakeVersion):
        def __init__(self, path, number):
            super().__init__()
            self.number = number

        def run(self, signature, inputs):
            return {"y": inputs["x"] + 1000 * self.number}

    publish(1)
    done = threading.Event()
    with running(tmp_path, Numbered) as server:

        def client(i):
            seen, rows = [], list(range(2, 4 + i))
            while not done.is_set():
                status, answer = server.predict({"instances": rows}, tmp_path.name)
                assert status == 200, answer
                found = {y - x for x, y in zip(rows, answer["predictions"], strict=True)}
                assert len(found) == 1
                seen += found
            return seen

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            clients = [pool.submit(client, i) for i in range(8)]
            try:
                for number in range(2, 12):
                    time.sleep(0.05)
                    publish(number)
                    server.watched.poll()
            finally:
                time.sleep(0.05)
                done.set()
        for seen in (client.result() for client in clients):
            assert seen == sorted(seen) and {x // 1000 for x in seen} <= set(range(1, 12))
        assert server.predict({"instances": [5]}, tmp_path.name)[1]["predictions"] == [
            11005
        ]


def test_rows_that_wait_are_bounded():
    version = FakeVersion()
    version.open.clear()
    with running(BOX, lambda *a: version, Batcher(1, 1, queue_rows=2)) as server:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            first = pool.submit(server.predict, {"instances": [2]})
            assert version.asked.acquire(timeout=10)
            others = [pool.submit(server.predict, {"instances": [i]}) for i in (3, 4, 5, 6)]
            full = list(itertools.islice(concurrent.futures.as_completed(others, 10), 2))
            assert [f.result()[0] for f in full] == [503, 503]
            assert all("too many" in f.result()[1]["error"] for f in full)
            version.open.set()
            waiting = [f for f in others if f not in full]
            assert {f.result()[0] for f in [first, *waiting]} == {200}


def test_a_client_that_went_away_is_not_answered(caplog):
    caplog.set_level(logging.INFO, "keras_pairs.serve")
    version = FakeVersion()
    version.open.clear()
    with running(BOX, lambda *a: version, Batcher(1, 1)) as server:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            first = pool.submit(server.predict, {"instances": [2]})
            assert version.asked.acquire(timeout=10)
            body = b'{"instances": [3]}'
            gone = raw(server, head(len(body)) + body, read=False)
            time.sleep(0.2)
            gone.close()
            assert until(lambda: any(" 499 " in line for line in lines_of(caplog)))
            last = pool.submit(server.predict, {"instances": [4]})
            time.sleep(0.1)
            version.open.set()
            assert first.result()[0] == last.result()[0] == 200
    assert version.answered == [2, 4]


REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def status_of(client):
    """The status of the next answer on a socket."""
    answer = http.client.HTTPResponse(client)
    answer.begin()
    answer.read()
    return answer.status


def test_a_slow_body_is_408(fake, small):
    begun = time.monotonic()
    answer = raw(fake, head(100) + b'{"instances"')
    assert answer.startswith(b"HTTP/1.1 408") and b"the body did not come within" in answer
    assert time.monotonic() - begun < 10
    assert fake.predict({"instances": [4]})[0] == 200


def test_a_body_that_trickles_is_408(fake, small):
    client = raw(fake, head(100) + b"{", read=False)
    with client, contextlib.suppress(OSError):
        for _ in range(50):
            client.sendall(b" ")
            time.sleep(0.02)
    with client:
        pass
    assert fake.predict({"instances": [4]})[0] == 200


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_slow_headers_are_408(fake, small, sent):
    answer = raw(fake, sent)
    assert answer.startswith(b"HTTP/1.1 408") and b"headers did not come" in answer
    assert fake.ask("GET", "/healthz")[0] == 200


def test_slow_headers_of_a_second_request_are_408(fake, small):
    with raw(fake, REQUEST, read=False) as client:
        assert status_of(client) == 200
        client.sendall(REQUEST[:10])
        assert status_of(client) == 408


def test_an_idle_connection_is_kept(fake, small):
    """Longer than a client may take for its headers."""
    with raw(fake, REQUEST, read=False) as client:
        assert status_of(client) == 200
        time.sleep(0.6)
        client.sendall(REQUEST)
        assert status_of(client) == 200


def test_a_body_that_is_too_large_is_413(fake, monkeypatch):
    monkeypatch.setattr(limits, "BODY_BYTES", 1000)
    for length in (1001, 200_000):
        status, _, answer = fake.ask(
            "POST", "/v1/models/digit_pairs:predict", b" " * length
        )
        assert status == 413 and answer["error"].startswith("the body is larger than")
    body = b'{"instances": [2]}'
    assert fake.predict(body + b" " * (1000 - len(body)))[0] == 200
    # What has no end is cut off; who waits for an answer is told before it sends.
    status = raw(fake, head(10**15)).split()[1]
    assert status == b"413"
    expecting = head(2000).replace(b"Host", b"Expect: 100-continue\r\nHost")
    assert raw(fake, expecting).startswith(b"HTTP/1.1 413")
    chunked = b"POST /v1/models/digit_pairs:predict HTTP/1.1\r\nHost: x\r\n"
    chunked += b"Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + b" " * 2000 + b"\r\n0\r\n\r\n"
    with raw(fake, chunked, read=False) as client:
        assert client.recv(65536).startswith(b"HTTP/1.1 413")
    assert fake.predict({"instances": [4]})[0] == 200


def test_bodies_in_memory_are_bounded(fake, monkeypatch):
    monkeypatch.setattr(limits, "BODIES_BYTES", 1000)
    with raw(fake, head(900) + b" " * 800, read=False) as client:
        time.sleep(0.2)
        status, answer = fake.predict(b" " * 300)
        assert status == 503 and "memory" in answer["error"]
        client.sendall(b" " * 100)
        assert client.recv(65536).startswith(b"HTTP/1.1 400")
    assert fake.predict({"instances": [4]})[0] == 200


def test_answers_do_not_wait_for_acknowledgements(fake):
    with raw(fake, REQUEST, read=False) as client:
        assert status_of(client) == 200
        (connection,) = fake.state.connections
        served = connection.transport.get_extra_info("socket")
        assert served.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_connections_are_bounded(fake, monkeypatch):
    monkeypatch.setattr(limits, "CONNECTIONS", 3)
    time.sleep(0.1)
    clients = [raw(fake, b"", read=False) for _ in range(3)]
    time.sleep(0.1)
    answer = raw(fake, b"")
    assert answer.startswith(b"HTTP/1.1 503") and b"too many connections" in answer
    for client in clients:
        client.close()
    time.sleep(0.1)
    assert fake.ask("GET", "/healthz")[0] == 200


def test_a_client_that_does_not_read_is_cut_off(fake, monkeypatch):
    monkeypatch.setattr(limits, "ANSWER_SECONDS", 0.3)
    text = "x" * 8_000_000
    monkeypatch.setattr(rest, "encode", lambda outputs, by_row: text.encode())
    body = b'{"instances": [2]}'
    client = raw(fake, head(len(body)) + body, read=False)
    with client:
        time.sleep(1.5)
        got = 0
        with contextlib.suppress(ConnectionError):
            while chunk := client.recv(2**20):
                got += len(chunk)
    assert got < len(text)
    assert fake.ask("GET", "/healthz")[0] == 200


def test_large_headers_are_400(fake):
    answer = raw(fake, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 10**6 + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400") and b"headers are too large" in answer
    _, _, text = answer.partition(b"\r\n\r\n")
    assert set(json.loads(text)) == {"error"}
