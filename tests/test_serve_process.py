"""The server as a process: start, log, foreign client, new versions, end."""

import base64
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from keras_pairs.server.process import run
from tests import helpers
from tests.helpers import BOX, BOX_NUMBER, assert_one_line, drawn_zero, png
from tests.servers import Server, until

WINDOWS = sys.platform == "win32"
IMAGE = np.zeros((14, 14), "int")
IMAGE[3:11, 6:8] = 200
GOOD = {"instances": [[IMAGE.tolist()] * 2]}


class Process(Server):
    """`python -m keras_pairs.serve`, once it answers."""

    def __init__(self, *arguments, **options):
        self.process = helpers.start("serve", "--port=0", *arguments, **options)
        self.log = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.first = self.process.stdout.readline()
        found = re.search(r"http://[\d.]+:(\d+)", self.first)
        assert found, (self.first, self.log)
        super().__init__(None, int(found[1]))

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip())

    def wait(self):
        """The exit code; the log is whole then."""
        code = self.process.wait(60)
        self._reader.join(60)
        return code

    def close(self):
        self.process.kill()
        self.wait()
        self.process.stdout.close()
        self.process.stderr.close()


@contextlib.contextmanager
def process(*arguments, **options):
    server = Process(*arguments, **options)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The model in the box, from another folder."""
    with process(cwd=tmp_path_factory.mktemp("elsewhere")) as server:
        yield server


def test_the_first_line_says_where_and_what(server):
    expected = f"http://127.0.0.1:{server.port} serves digit_pairs, version {BOX_NUMBER} "
    assert server.first.startswith(f"{expected}(Ctrl-C ends")
    assert server.predict(GOOD)[0] == 200
    assert until(lambda: any("200" in line for line in server.log))
    (line,) = [line for line in server.log if ":predict" in line]
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d [\d:,]+ POST /v1/models/digit_pairs:predict 200 [\d.]+ ms, "
        f"1 rows, version {BOX_NUMBER}",
        line,
    )


def test_it_writes_nothing(server, tmp_path_factory):
    server.predict(GOOD)
    folders = [p for p in tmp_path_factory.getbasetemp().glob("elsewhere*") if p.is_dir()]
    assert folders and not [x for folder in folders for x in folder.iterdir()]


OVMS = """
import sys, json
import numpy as np
from ovmsclient import InvalidInputError, ModelNotFoundError, make_http_client

client = make_http_client(sys.argv[1])
BOX = int(sys.argv[3])
status = client.get_model_status("digit_pairs", model_version=BOX)
pairs = np.array(json.loads(sys.argv[2]), "float32")
answer = client.predict({"pair": pairs}, "digit_pairs", model_version=BOX)
metadata = client.get_model_metadata("digit_pairs", model_version=BOX)
errors = []
for name, version, value in (
    ("another", BOX, pairs), ("digit_pairs", 7, pairs), ("digit_pairs", BOX, -pairs)
):
    try:
        client.predict({"pair": value}, name, model_version=version)
    except (InvalidInputError, ModelNotFoundError) as error:
        errors.append([type(error).__name__, str(error)])
print(json.dumps({
    "state": status[BOX]["state"], "error_code": int(status[BOX]["error_code"]),
    "comparison": answer["comparison"].tolist(), "shape": answer["first_digit"].shape,
    "signatures": sorted(metadata["metadata"]["signature_def"]["signature_def"]),
    "errors": errors,
}))
"""


def test_ovmsclient(server):
    """Intel's client of the dialect: status, predict, errors. In a process without
    TensorFlow, whose message types are not the client's.
    """
    pytest.importorskip("ovmsclient", reason="needs pip install ovmsclient")
    pairs = json.dumps(GOOD["instances"] * 3)
    arguments = (server.address, pairs, str(BOX_NUMBER))
    command = [sys.executable, "-c", OVMS, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["state"] == "AVAILABLE" and found["error_code"] == 0
    expected = server.predict(GOOD)[1]["predictions"][0]["comparison"]
    np.testing.assert_allclose(found["comparison"], [expected] * 3, atol=1e-5)
    assert found["shape"] == [3, 10]
    assert {"images", "png", "serving_default"} <= set(found["signatures"])
    kinds = [kind for kind, _ in found["errors"]]
    assert kinds == ["ModelNotFoundError", "ModelNotFoundError", "InvalidInputError"]
    assert "Servable not found for request: Latest" not in found["errors"][1][1]
    assert "pixels must be 0 to 255" in found["errors"][2][1]


def test_curl_commands_of_predict(server, tmp_path):
    """What `predict --request` prints is a request."""
    (tmp_path / "a.png").write_bytes(png(drawn_zero()))
    body = helpers.call("predict", "a.png", "a.png", "--request", cwd=tmp_path).stdout
    status, answer = server.predict(body.encode())
    assert status == 200 and len(answer["predictions"]) == 1


def test_a_port_in_use_is_one_line(server, tmp_path):
    done = helpers.command("serve", f"--port={server.port}", cwd=tmp_path, timeout=60)
    assert_one_line(done, 1, f"127.0.0.1, port {server.port}: ")


@pytest.mark.parametrize(
    ("argument", "code", "message"),
    [
        ("--model=/no/such/folder", 2, "must be an existing file or folder"),
        ("--model=.", 1, "neither a SavedModel nor a folder of versions"),
        ("--port=70000", 2, "port"),
        ("--port=http", 2, "must be an integer, 0 to 65535"),
        ("--host=", 2, "host"),
        ("--host=no.such.host.invalid", 1, "no.such.host.invalid, port 8501: "),
        ("--host=203.0.113.1", 1, "203.0.113.1, port 8501: "),
        ("--nothing", 2, "nothing"),
        ("stray", 2, "stray"),
    ],
)
def test_what_cannot_be_served_is_one_line(argument, code, message, tmp_path):
    assert_one_line(helpers.call("serve", argument, cwd=tmp_path), code, message)
    assert not list(tmp_path.iterdir())


def test_a_model_that_cannot_be_loaded_is_one_line(tmp_path):
    (tmp_path / "bad" / "1").mkdir(parents=True)
    (tmp_path / "bad" / "1" / "saved_model.pb").write_bytes(b"no model")
    done = helpers.command("serve", "--model=bad", "--port=0", cwd=tmp_path, timeout=120)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "not a SavedModel that can be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_its_packages_it_says_which(tmp_path):
    for name in ("uvicorn", "starlette", "orjson"):
        (tmp_path / f"{name}.py").write_text(f"raise ImportError(name={name!r})")
        environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(helpers.ROOT)])}
        done = helpers.command("serve", environment=environment, cwd="/", timeout=60)
        assert_one_line(done, 1, f"{name} is missing, or another version than the server's")
        assert done.stderr.endswith(": pip install 'keras_pairs[serve]'\n")
        (tmp_path / f"{name}.py").unlink()


def test_a_fault_of_ours_is_not_taken_for_a_missing_package(monkeypatch):
    monkeypatch.delattr("keras_pairs.server.watching", raising=False)
    monkeypatch.setitem(sys.modules, "keras_pairs.server.watching", None)
    with pytest.raises(ImportError, match=r"keras_pairs\.server\.watching"):
        run(None, "127.0.0.1", 0, print)


def copy(source, target):
    """Publishes as `publishing` does: under a name that is no number, then renamed."""
    shutil.copytree(source, target.with_name(".copy"))
    os.rename(target.with_name(".copy"), target)


@pytest.mark.skipif(WINDOWS, reason="sends SIGTERM and Ctrl-C as POSIX does")
class TestLife:
    def test_new_versions_and_sigterm(self, tmp_path):
        folder = tmp_path / "mine"
        copy(BOX, folder / "1")
        with process("--model=mine", cwd=tmp_path) as server:
            assert server.predict(GOOD, "mine")[0] == 200
            # What is broken is reported, and the version before stays.
            (folder / "2").mkdir()
            (folder / "2" / "saved_model.pb").write_bytes(b"no model")
            states = "/v1/models/mine"
            assert until(lambda: len(state(server, states)) == 2, 60)
            assert until(lambda: state(server, states)["2"][0] == "END", 60)
            assert "not a SavedModel" in state(server, states)["2"][1]
            assert server.predict(GOOD, "mine/versions/1")[0] == 200
            assert server.predict(GOOD, "mine/versions/2")[0] == 404
            copy(BOX, folder / "3")
            assert until(lambda: state(server, states).get("3", "?")[0] == "AVAILABLE", 60)
            assert server.predict(GOOD, "mine/versions/3")[0] == 200
            assert server.predict(GOOD, "mine/versions/1")[0] == 404
            assert server.ask("GET", "/healthz")[2]["version"] == 3
            server.process.terminate()
            assert server.wait() == 0
            assert any("version 2 cannot be served" in line for line in server.log)
            assert any("version 3 is served instead" in line for line in server.log)
            assert not any("Traceback" in line for line in server.log)
            assert server.process.stdout.read() == ""

    @pytest.mark.parametrize(
        ("how", "code"),
        [
            ("SIGTERM", 0),
            pytest.param("SIGHUP", 0, marks=pytest.mark.slow),
            pytest.param("SIGINT", 130, marks=pytest.mark.slow),
        ],
    )
    def test_running_requests_are_answered_before_the_end(self, tmp_path, how, code):
        """One whose body is half sent when the signal comes, and one that computes."""
        with process(cwd=tmp_path) as server:
            body = json.dumps(GOOD).encode()
            client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            client.putrequest("POST", "/v1/models/digit_pairs:predict")
            client.putheader("Content-Length", str(len(body)))
            client.endheaders()
            client.send(body[:100])
            picture = base64.b64encode(png(drawn_zero(300))).decode()
            slow = {"signature_name": "png", "instances": [[{"b64": picture}] * 2] * 4}
            answers = []
            thread = threading.Thread(target=lambda: answers.append(server.predict(slow)))
            thread.start()
            time.sleep(0.3)
            server.process.send_signal(getattr(signal, how))
            assert until(lambda: refuses(server.port))
            assert server.process.poll() is None
            client.send(body[100:])
            answer = client.getresponse()
            assert answer.status == 200 and b"predictions" in answer.read()
            client.close()
            thread.join(60)
            assert answers[0][0] == 200
            assert server.wait() == code
            errors = [line for line in server.log if "POST" not in line and line]
            assert errors == []


def state(server, path):
    """{version: (state, error message)}."""
    found = server.ask("GET", path)[2]["model_version_status"]
    return {x["version"]: (x["state"], x["status"]["error_message"]) for x in found}


def refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return True
    return False
