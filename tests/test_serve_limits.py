"""What a client may take: time, bytes, connections; and what it is told beyond."""

import contextlib
import errno
import http.client
import json
import select
import socket
import time

import pytest

from keras_pairs.server import limits, rest
from tests.servers import head, raw


@pytest.fixture
def fake(fake_server):
    return fake_server


@pytest.fixture
def small(monkeypatch):
    """Limits that a test reaches in a moment."""
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(limits, "HEADER_SECONDS", 0.3)


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
    with raw(fake, head(1000) + b"{", read=False) as client:
        for _ in range(500):
            # Once it has answered, it no longer listens.
            if select.select([client], [], [], 0.02)[0]:
                break
            client.sendall(b" ")
        assert status_of(client) == 408
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


@pytest.mark.parametrize(
    ("path", "field", "status"),
    [
        ("/v1/models/other:predict", b"", 404),
        ("/v1/models/digit_pairs:predict", b"Content-Encoding: gzip\r\n", 415),
    ],
)
def test_a_refused_requests_body_is_dropped_and_the_connection_kept(
    fake, small, path, field, status
):
    """It comes behind its headers, as http.client sends it, and gets no other answer."""
    body = b" " * 300_000
    start = head(len(body), path)[:-2] + field + b"\r\n"
    with raw(fake, start, read=False) as client:
        assert status_of(client) == status
        client.sendall(body)
        time.sleep(0.6)
        client.sendall(REQUEST)
        assert status_of(client) == 200
        # One that does not come is not waited for.
        client.sendall(start + b" ")
        assert status_of(client) == status
        client.sendall(b" ")
        assert client.recv(1) == b""
    assert fake.ask("GET", "/healthz")[0] == 200


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


def test_who_sends_no_request_and_hangs_up_is_not_a_fault_of_ours(fake, caplog):
    """As clients of HTTP/2 do: the second part of their greeting is no request."""

    def hung_up():
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    with raw(fake, REQUEST, read=False) as client:
        assert status_of(client) == 200
        (connection,) = fake.state.connections
        connection.transport.write_eof = hung_up
        client.sendall(REQUEST + b"SM\r\n\r\n")
        with client.makefile("rb") as answers:
            assert answers.read().count(b"HTTP/1.1 ") == 2
    assert fake.ask("GET", "/healthz")[0] == 200
    assert not [record for record in caplog.records if record.exc_info]


def test_large_headers_are_400(fake):
    answer = raw(fake, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 10**6 + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400") and b"headers are too large" in answer
    _, _, text = answer.partition(b"\r\n\r\n")
    assert set(json.loads(text)) == {"error"}
