"""The project's own server in a thread of the test, on a real socket."""

import contextlib
import http.client
import json
import socket
import threading
import time

from keras_pairs.server import app, batching, connections, process, rest, watching
from keras_pairs.server.json_tensors import Spec


@contextlib.contextmanager
def running(model, load=None, batcher=None):
    """Yields `Server`: a model that is served.

    Args:
      model: folder, see `Watched`.
      load: as of `Watched`; default: what the server loads.
      batcher: `Batcher`.
    """
    if load is None:
        from keras_pairs.server.loaded import Loaded as load
    watched = watching.Watched(model, load)
    watched.open()
    with (
        batching.Batcher() if batcher is None else batcher as batcher,
        process.listening("127.0.0.1", 0) as listener,
    ):
        served = process.server(app.build(watched, batcher), connections.Protocol)
        thread = threading.Thread(target=served.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Server(watched, listener.getsockname()[1], served.server_state)
        finally:
            served.should_exit = True
            thread.join()


class Server:
    """Where a server is, and a client of it."""

    def __init__(self, watched, port, state=None):
        self.watched, self.port, self.state = watched, port, state
        self.address = f"127.0.0.1:{port}"

    def ask(self, method, path, body=None, **headers):
        """(status, headers, body: of JSON what it stands for, otherwise bytes)."""
        # A pair of pictures takes half a second where TensorFlow does without oneDNN.
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        with contextlib.closing(client):
            if body is not None and not isinstance(body, bytes):
                body = json.dumps(body).encode()
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            client.request(method, path, body, names)
            answer = client.getresponse()
            text = answer.read()
        is_json = answer.headers.get("Content-Type") == "application/json"
        return answer.status, answer.headers, json.loads(text) if is_json else text

    def predict(self, body, where="digit_pairs"):
        """(status, answer) of a prediction."""
        status, _, answer = self.ask("POST", f"/v1/models/{where}:predict", body)
        return status, answer


class FakeVersion:
    """Stands for a `Loaded`: doubles `x`, and waits for `open` before."""

    number = 1
    reads_digits = True
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


def until(condition, seconds=20):
    """Whether a condition comes true within some seconds."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def raw(server, data, read=True):
    """Sends bytes; returns what came until the server closed, or the open socket."""
    client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    client.sendall(data)
    if not read:
        return client
    with client:
        chunks = []
        while chunk := client.recv(65536):
            chunks.append(chunk)
    return b"".join(chunks)


def head(length, path="/v1/models/digit_pairs:predict", method="POST"):
    return (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()
    )
