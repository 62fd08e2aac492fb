"""The server as a process that is ended while it starts."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests import helpers
from tests.helpers import assert_one_line

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGTERM")
# A server whose model is opened by what takes a signal's end for nothing.
LOST = """
import contextlib, signal
from keras_pairs import serve
from keras_pairs.server import watching

def open(self):
    with contextlib.suppress(BaseException):
        signal.raise_signal(signal.SIGTERM)

watching.Watched.open = open
serve.run()
"""


def test_sigterm_while_it_starts(tmp_path):
    starting = helpers.start("serve", "--port=0", cwd=tmp_path)
    time.sleep(0.7)
    starting.send_signal(signal.SIGTERM)
    out, err = starting.communicate(timeout=60)
    # The signal's own end, then that of every command, then that of a server.
    told = {-signal.SIGTERM: "", 128 + signal.SIGTERM: "error: ended by SIGTERM", 0: ""}
    assert err.strip() == told[starting.returncode]


def test_an_end_that_a_library_loses_while_it_starts(tmp_path):
    command = [sys.executable, "-c", LOST, "--port=0"]
    done = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(helpers.ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert_one_line(done, 128 + signal.SIGTERM, "ended by SIGTERM")
