"""Clients of a server, many in one process: what `benchmarks.load` sends and counts.

HTTP/1.1 on sockets that stay open, as thin as it goes, so that the clients take little of
the machine that the server runs on.
"""

import asyncio
import itertools
import json
import time

import numpy as np

# Until a connection stops to wait for the last version.
PATIENCE_S = 600


def request(path, body):
    """The bytes of a POST of a dict as JSON."""
    body = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: load\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def ask(port, message, clients, seconds, least=0, expected=None):
    """Asks from several connections at once, each as soon as it has its answer.

    Args:
      port: int.
      message: bytes, see `request`; of rows.
      clients: int, connections.
      seconds: float, for how long.
      least: int, requests that are sent however long it takes.
      expected: float [versions, rows], what each version answers for `comparison`. Each
        connection then asks until the last one answers. None: no answer is looked at.

    Returns:
      dict: seconds (list of float, each request's), failed (int), wall (float), and, with
      `expected`, versions: for each connection the versions that answered, as
      [[version, requests], …] in order; -1 is an answer of none of them, or of two.
    """
    return asyncio.run(_ask(port, message, clients, seconds, least, expected))


async def _ask(port, message, clients, seconds, least, expected):
    begun = time.perf_counter()
    asked, took, failed = itertools.count(), [], []

    def goes_on(found):
        number, wall = next(asked), time.perf_counter() - begun
        waits = expected is not None and (not found or found[-1][0] < len(expected) - 1)
        return wall < seconds or number < least or (waits and wall < PATIENCE_S)

    async def client():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        found = []
        while goes_on(found):
            start = time.perf_counter()
            writer.write(message)
            status, body = await _answer(reader)
            took.append(time.perf_counter() - start)
            if status != 200:
                failed.append(body)
            elif expected is not None:
                version = _version(body, expected)
                if not found or found[-1][0] != version:
                    found.append([version, 0])
                found[-1][1] += 1
        writer.close()
        return found

    versions = await asyncio.gather(*(client() for _ in range(clients)))
    wall = time.perf_counter() - begun
    return {"seconds": took, "failed": len(failed), "wall": wall, "versions": versions}


async def _answer(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].split(b"\r", 1)[0])
    return int(head.split(None, 2)[1]), await reader.readexactly(length)


def _version(body, expected):
    """Which version gave an answer."""
    rows = json.loads(body)["predictions"]
    found = np.array([row["comparison"][0] for row in rows])
    right = np.abs(expected - found).max(1) < 1e-4
    return int(right.argmax()) if right.sum() == 1 else -1
