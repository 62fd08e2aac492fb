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
# A server that a signal ends while it opens its model.
OPENED = """
import contextlib, signal
from keras_pairs import serve
from keras_pairs.server import watching

def open(self):
    {opens}

signal.signal(signal.SIGINT, signal.default_int_handler)
watching.Watched.open = open
serve.run()
"""
OPENS = {
    # What takes a signal's end for nothing.
    "SIGTERM": """
    with contextlib.suppress(BaseException):
        signal.raise_signal(signal.SIGTERM)""",
    # Where Python would end by the signal itself.
    "SIGINT": 'exec("signal.raise_signal(signal.SIGINT)")',
}
SAYS = {"SIGTERM": "ended by SIGTERM", "SIGINT": "interrupted"}


def test_sigterm_while_it_starts(tmp_path):
    starting = helpers.start("serve", "--port=0", cwd=tmp_path)
    time.sleep(0.7)
    starting.send_signal(signal.SIGTERM)
    out, err = starting.communicate(timeout=60)
    # The signal's own end, then that of every command, then that of a server.
    told = {-signal.SIGTERM: "", 128 + signal.SIGTERM: "error: ended by SIGTERM", 0: ""}
    assert err.strip() == told[starting.returncode]


@pytest.mark.parametrize("name", OPENS)
def test_an_end_that_a_library_meets_while_it_starts(name, tmp_path):
    (tmp_path / "opened.py").write_text(OPENED.format(opens=OPENS[name].strip()))
    done = subprocess.run(
        [sys.executable, "-m", "opened", "--port=0"],
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([str(helpers.ROOT), str(tmp_path)])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert_one_line(done, 128 + getattr(signal, name), SAYS[name])
