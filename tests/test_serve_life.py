"""Requests of a running server: log, faults, versions that change, clients that go."""

import concurrent.futures
import itertools
import logging
import threading
import time

from keras_pairs.server import watching
from keras_pairs.server.batching import Batcher
from tests.helpers import BOX
from tests.servers import FakeVersion, head, raw, running, until


def test_a_fault_of_the_servers_own_is_500_and_in_the_log(fake_server, caplog):
    status, answer = fake_server.predict({"instances": [13]})
    assert status == 500 and answer == {"error": "an error inside the server; see its log"}
    # The log follows the answer.
    assert until(lambda: "ZeroDivisionError" in caplog.text)
    assert fake_server.predict({"instances": [4]}) == (200, {"predictions": [8]})


def lines_of(caplog):
    return [r.message for r in caplog.records if r.name == "keras_pairs.serve"]


def test_a_line_for_each_request(fake_server, caplog):
    with caplog.at_level(logging.INFO, "keras_pairs.serve"):
        fake_server.predict({"instances": [2, 3]})
        fake_server.ask("GET", "/v1/models/none%0a%1b")
        fake_server.ask("GET", "/healthz?a=b")
        fake_server.predict({"instances": ["x"]})
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
