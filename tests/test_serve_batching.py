"""Requests that wait together are answered together, and each gets its own answer."""

import concurrent.futures
import threading
import types

import numpy as np
import pytest

from keras_pairs.server import rest
from keras_pairs.server.batching import Batcher
from keras_pairs.server.json_tensors import Spec
from keras_pairs.server.refusals import Refusal

SPEC = Spec("x", "float32", (None, 1))
SIGNATURE = rest.Signature("s", {"x": SPEC}, {"y": SPEC})
OTHER = rest.Signature("other", {"x": SPEC}, {"y": SPEC})
WHOLE = rest.Signature("s", {"x": SPEC}, {"y": Spec("y", "float32", ())})


class Version:
    """Doubles its input; refuses a batch with a negative number in it."""

    def __init__(self):
        self.open = threading.Event()
        self.begun = threading.Semaphore(0)
        self.batches = []

    def run(self, signature, inputs):
        x = inputs["x"]
        self.batches.append((signature, x[:, 0].tolist()))
        self.begun.release()
        self.open.wait(10)
        if (x < 0).any():
            raise Refusal(400, "negative")
        if (x == 13).any():
            raise ZeroDivisionError("thirteen")
        return {"y": 2 * x}


@pytest.fixture
def version():
    return Version()


@pytest.fixture
def batcher():
    with Batcher(workers=1, batch_rows=8, queue_rows=16) as batcher:
        yield batcher


def request(*values, signature=SIGNATURE, cost=None):
    x = np.array(values, "float32").reshape(-1, 1)
    return rest.Request(signature, {"x": x}, True, len(x), cost or len(x))


def result(future):
    return future.result(10)["y"][:, 0].tolist()


def held(batcher, version):
    """A request that keeps the only worker busy, so that others wait."""
    first = batcher.submit(version, request(100))
    assert version.begun.acquire(timeout=10)
    return first


def test_a_lone_request_is_answered_at_once(batcher, version):
    version.open.set()
    assert result(batcher.submit(version, request(2, 3))) == [4, 6]
    assert version.batches == [("s", [2, 3])]


def test_what_waits_together_is_one_batch(batcher, version):
    first = held(batcher, version)
    futures = [batcher.submit(version, request(i, i + 0.5)) for i in range(2, 5)]
    version.open.set()
    assert result(first) == [200]
    assert [result(f) for f in futures] == [[4, 5], [6, 7], [8, 9]]
    assert version.batches[1:] == [("s", [2, 2.5, 3, 3.5, 4, 4.5])]


def test_a_batch_has_only_so_many_rows(batcher, version):
    held(batcher, version)
    sizes = (5, 2, 4, 1)
    futures = [batcher.submit(version, request(*[i + 2] * n)) for i, n in enumerate(sizes)]
    version.open.set()
    assert [len(result(f)) for f in futures] == list(sizes)
    # The third did not fit, and the fourth did.
    assert [len(rows) for _, rows in version.batches[1:]] == [8, 4]


def test_pictures_count_by_their_cost(batcher, version):
    held(batcher, version)
    futures = [batcher.submit(version, request(i, cost=5)) for i in (2, 3)]
    version.open.set()
    assert [result(f) for f in futures] == [[4], [6]]
    assert [rows for _, rows in version.batches[1:]] == [[2], [3]]


def test_signatures_and_versions_do_not_mix(batcher, version):
    held(batcher, version)
    other = Version()
    other.open.set()
    futures = [
        batcher.submit(version, request(2)),
        batcher.submit(version, request(3, signature=OTHER)),
        batcher.submit(other, request(4)),
        batcher.submit(version, request(5)),
    ]
    version.open.set()
    assert [result(f) for f in futures] == [[4], [6], [8], [10]]
    assert version.batches[1:] == [("s", [2, 5]), ("other", [3])]
    assert other.batches == [("s", [4])]


def test_a_bad_request_fails_alone(batcher, version):
    held(batcher, version)
    futures = [batcher.submit(version, request(i)) for i in (2, -1, 3, 13, 4)]
    version.open.set()
    for i in (0, 2, 4):
        assert result(futures[i]) == [2 * [2, -1, 3, 13, 4][i]]
    with pytest.raises(Refusal, match="negative"):
        futures[1].result(10)
    with pytest.raises(ZeroDivisionError):
        futures[3].result(10)


@pytest.mark.parametrize(
    ("alone", "why"),
    [
        (request(1, 0.5), "as if scaled, which the largest pixel of a batch hides"),
        (request(), "no rows, which the graph refuses"),
        (request(5, signature=WHOLE), "an output without rows"),
    ],
)
def test_what_has_to_be_judged_alone(batcher, version, alone, why):
    held(batcher, version)
    futures = [batcher.submit(version, r) for r in (request(2), alone, request(3))]
    version.open.set()
    assert result(futures[1]) == (2 * alone.inputs["x"][:, 0]).tolist()
    assert [rows for _, rows in version.batches[1:]] == [
        [2, 3],
        alone.inputs["x"][:, 0].tolist(),
    ]


def test_an_output_with_other_rows_is_asked_for_singly(batcher):
    version = Version()
    version.run = lambda signature, inputs: {"y": inputs["x"][:1]}
    gate = held(batcher, blocked := Version())
    futures = [batcher.submit(version, request(i)) for i in (2, 3)]
    blocked.open.set()
    assert [result(f) for f in futures] == [[2], [3]] and result(gate) == [200]


def test_too_many_waiting_rows_are_refused(batcher, version):
    held(batcher, version)
    futures = [batcher.submit(version, request(*[2] * 8)) for _ in range(2)]
    with pytest.raises(Refusal, match="too many requests") as error:
        batcher.submit(version, request(3))
    assert error.value.status == 503
    version.open.set()
    assert [len(result(f)) for f in futures] == [8, 8]
    assert result(batcher.submit(version, request(3))) == [6]


def test_a_request_larger_than_the_queue_is_taken_where_nothing_waits(batcher, version):
    version.open.set()
    assert len(result(batcher.submit(version, request(*[2] * 50)))) == 50


def test_who_has_gone_is_not_answered(batcher, version):
    held(batcher, version)
    futures = [batcher.submit(version, request(i)) for i in (2, 3)]
    assert futures[0].cancel()
    version.open.set()
    assert result(futures[1]) == [6]
    assert version.batches[1:] == [("s", [3])]


def test_the_end_answers_what_waits(version):
    with Batcher(workers=1) as batcher:
        held(batcher, version)
        futures = [batcher.submit(version, request(i)) for i in (2, 3)]
        version.open.set()
    assert [result(f) for f in futures] == [[4], [6]]
    with pytest.raises(Refusal) as error:
        batcher.submit(version, request(4))
    assert error.value.status == 503


def test_many_clients_get_their_own_answers():
    version = types.SimpleNamespace(run=lambda signature, inputs: {"y": 2 * inputs["x"]})
    with Batcher(workers=2) as batcher:

        def client(i):
            values = [1000 * i + j + 2 for j in range(1 + i % 5)]
            return result(batcher.submit(version, request(*values))) == [
                2 * value for value in values
            ]

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            assert all(pool.map(client, range(500)))
