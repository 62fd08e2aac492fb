"""How a command ends when a signal asks it to, wherever its work is."""

import os
import signal
import subprocess
import sys

import pytest

from keras_pairs.commands import endings
from tests.helpers import ROOT

# A command that asks itself to end in the middle of its work.
COMMAND = """
import contextlib, os, pathlib, signal, sys, time
from unittest import mock

from keras_pairs import files, machine, startup
from keras_pairs.commands import runner
from keras_pairs.errors import UserError

def ask():
    os.kill(os.getpid(), signal.{name})
    # Python calls handlers between two of its own steps.
    for _ in range(1000):
        time.sleep(0.001)

def lost():
    with contextlib.suppress(BaseException):
        ask()
    return mock.MagicMock(__version__="99.9")

class Held:
    def __del__(self):
        ask()

def main(values):
    {work}

runner.run(main, "", {{}}, keras=False)
"""
WORK = {
    "it works": "ask()",
    "a library makes an error of it": """
    try:
        ask()
    except BaseException:
        raise ValueError("a library's")""",
    "a library makes an error of it, and was noisy": """
    with machine.noise_held_back():
        os.write(2, b"a library's log")
        try:
            ask()
        except BaseException:
            raise ValueError("a library's")""",
    # An import may, and Python then wants to end by the signal itself.
    "it runs code from a string": 'exec("ask()")',
    "it is told as the user's error": """
    try:
        ask()
    except BaseException as error:
        raise UserError("the model fails") from error""",
    "a library prints it": """
    try:
        ask()
    except BaseException:
        # As C's PyErr_Print.
        sys.excepthook(SystemError, SystemError("a library's"), None)
    print("it went on")""",
    "Python lets go of something": """
    held = Held()
    del held
    print("it went on")""",
    "Python lets go of something while noise is held back": """
    with machine.noise_held_back():
        held = Held()
        del held
    print("it went on")""",
    "it is asked twice while noise is held back": """
    with machine.noise_held_back():
        try:
            ask()
        finally:
            os.write(2, b"a library's log")
            ask()""",
    "another error is lost while it tidies up": """
    class Bad:
        def __del__(self):
            raise OSError("of something else")
    bad, draft = Bad(), pathlib.Path("draft")
    draft.touch()
    try:
        ask()
    finally:
        del bad
        draft.unlink()""",
    "the import of TensorFlow goes on without it": """
    with mock.patch("importlib.import_module", lambda name: lost()):
        startup.import_tensorflow()
    print("it went on")""",
    "it writes": """
    with files.atomic_write("a.txt") as temporary:
        temporary.write_text("half")
        ask()""",
    "it tidies up, and is asked again": """
    with files.atomic_write("a.txt") as temporary:
        temporary.write_text("half")
        try:
            ask()
        finally:
            ask()""",
    "it is asked again, and a library makes nothing of it": """
    try:
        ask()
    finally:
        try:
            ask()
        except BaseException:
            pass
        print("it went on")""",
    "it has a folder for a while": """
    with files.temporary_folder() as folder:
        (folder / "a").write_text("b")
        try:
            ask()
        finally:
            ask()""",
}
SAYS = {
    "SIGINT": "error: interrupted\n",
    "SIGTERM": "error: ended by SIGTERM\n",
    "SIGHUP": "error: ended by SIGHUP\n",
}


def test_without_a_signal_what_is_lost_is_shown(capsys):
    class Bad:
        def __del__(self):
            raise ValueError("a real one")

    hooks = sys.unraisablehook, sys.excepthook
    sys.unraisablehook = sys.__unraisablehook__
    try:
        with endings.raised():
            bad = Bad()
            del bad
            sys.excepthook(TypeError, TypeError("another"), None)
        assert sys.unraisablehook is sys.__unraisablehook__ and sys.excepthook is hooks[1]
    finally:
        sys.unraisablehook, sys.excepthook = hooks
    told = capsys.readouterr().err
    assert "a real one" in told and "TypeError: another" in told


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize("name", SAYS)
@pytest.mark.parametrize("work", WORK)
def test_one_sentence_and_nothing_left(work, name, tmp_path, monkeypatch):
    code, here = tmp_path / "code", tmp_path / "here"
    code.mkdir()
    here.mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(code)]))
    monkeypatch.setenv("TMPDIR", str(here))
    script = COMMAND.format(name=name, work=WORK[work].strip())
    # A shell's background job would ignore Ctrl-C, and so would its child.
    usual = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    (code / "command_that_ends.py").write_text(usual + script)
    done = subprocess.run(
        # As commands are run: how Python ends depends on it.
        [sys.executable, "-m", "command_that_ends"],
        cwd=here,
        capture_output=True,
        text=True,
    )
    assert done.stderr == SAYS[name] and not done.stdout
    assert done.returncode == 128 + getattr(signal, name)
    assert not list(here.iterdir())
