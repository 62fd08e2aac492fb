"""The line that says how far a preparation is."""

import sys

import pytest

from keras_pairs import progress as progress_module
from keras_pairs.progress import Progress
from tests.helpers import stopped_clock


@pytest.fixture
def clock(monkeypatch):
    return stopped_clock(monkeypatch, progress_module)


def test_a_log_has_a_line_now_and_then(clock, capsys):
    progress = Progress(5000, "pictures prepared")
    for done in range(1, 5001):
        # The first takes five seconds, the others ten milliseconds.
        clock[0] += 5 if done == 1 else 0.01
        progress.show(done)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "501/5,000 pictures prepared  0:45 to go"
    assert lines[-1] == "5,000/5,000 pictures prepared" and len(lines) == 6


def test_a_terminal_has_one_line(clock, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    progress = Progress(3, "pictures")
    for done in (1, 2):
        clock[0] += 60
        progress.show(done)
    progress.stop()
    shown = capsys.readouterr().out
    assert (
        shown.replace("\r\033[K", "|")
        == "|0/3 pictures|1/3 pictures|2/3 pictures  1:00 to go\n"
    )
    Progress(3, "pictures", verbose=False).show(3)
    assert capsys.readouterr().out == ""
