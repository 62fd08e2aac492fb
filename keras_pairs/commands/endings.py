"""Ends that come from outside: Ctrl-C, SIGTERM, a terminal that is closed."""

import contextlib
import os
import signal
import sys

from keras_pairs import files, machine

# What ends a process at once, unless it asks for a say: then nothing is tidied up.
SIGNALS = ("SIGTERM", "SIGHUP")
# As a shell's exit status of what a signal ended.
OF_SIGNALS = 128


class Ended(BaseException):
    """A signal asked for the end. Like KeyboardInterrupt it is no error.

    Attributes:
      number: int, the signal's.
    """

    def __init__(self, number):
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def raised():
    """In the block the signals raise `Ended` or KeyboardInterrupt; `nohup`'s are ignored.

    They may come while a library calls back into Python, which prints what is raised there
    or makes an error of its own of it, or while Python lets go of something, where it
    raises nothing. All of these still end the block. A second signal ends the process at
    once.
    """
    asked = machine.asked_to_end
    hooks = sys.unraisablehook, sys.excepthook

    def end(number, frame):
        error = KeyboardInterrupt() if number == signal.SIGINT else Ended(number)
        if asked:
            leave(error)
        asked.append(error)
        raise error

    def lost(unraisable):
        if any(error in asked for error in _chain(unraisable.exc_value)):
            leave(asked[0])
        # What else goes wrong on the way out is nobody's question.
        if not asked:
            hooks[0](unraisable)

    def printed(*error):
        if asked:
            leave(asked[0])
        hooks[1](*error)

    usual = {signal.SIGINT: signal.default_int_handler}
    usual |= {getattr(signal, n): signal.SIG_DFL for n in SIGNALS if hasattr(signal, n)}
    taken = {n: before for n, before in usual.items() if signal.getsignal(n) is before}
    for number in taken:
        signal.signal(number, end)
    sys.unraisablehook, sys.excepthook = lost, printed
    try:
        yield
    except Exception:
        if asked:
            raise asked[0] from None
        raise
    finally:
        asked.clear()
        sys.unraisablehook, sys.excepthook = hooks
        for number, before in taken.items():
            signal.signal(number, before)


def _chain(error):
    """An exception and those that it was made of; others have only come before it."""
    while error is not None:
        yield error
        error = error.__cause__


def status(error):
    """The exit status after a KeyboardInterrupt or `Ended`."""
    number = error.number if isinstance(error, Ended) else signal.SIGINT
    return OF_SIGNALS + number


def leave(error):
    """Says what ended the process, and ends it.

    It waits for no threads: TensorFlow's may be in the middle of a step, and where Python
    takes itself apart under them, one in ten interrupted trainings ended with a
    segmentation fault. Nor does it let Python choose the exit status: after Ctrl-C in code
    that a library runs from a string, Python ends itself by the signal.

    Args:
      error: KeyboardInterrupt or `Ended`.
    """
    files.remove_unfinished()
    machine.hold_nothing_back()
    why = "interrupted"
    if isinstance(error, Ended):
        why = f"ended by {signal.Signals(error.number).name}"
    # Behind the ^C that a terminal shows.
    line = "\n" if sys.stderr.isatty() else ""
    # Its writing may be what was interrupted.
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        print(f"{line}error: {why}", file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            stream.flush()
    # Whoever waits for them may not come to end them.
    if "multiprocessing" in sys.modules:
        for child in sys.modules["multiprocessing"].active_children():
            child.kill()
    os._exit(status(error))
