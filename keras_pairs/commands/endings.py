"""Ends that come from outside: Ctrl-C, SIGTERM, a terminal that is closed."""

import contextlib
import os
import signal
import sys

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
    """In the block the signals raise `Ended`; what nohup ignores stays ignored."""

    def end(number, frame):
        raise Ended(number)

    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    before = {n: signal.getsignal(n) for n in numbers}
    default = [n for n, handler in before.items() if handler is signal.SIG_DFL]
    for number in default:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in default:
            signal.signal(number, before[number])


def status(error):
    """The exit status after a KeyboardInterrupt or `Ended`."""
    number = error.number if isinstance(error, Ended) else signal.SIGINT
    return OF_SIGNALS + number


def leave(error):
    """Says what ended the process, and ends it without waiting for anybody's threads.

    TensorFlow's may be in the middle of a step: where Python takes itself apart under
    them, one in ten interrupted trainings ended with a segmentation fault.
    """
    why = "interrupted"
    if isinstance(error, Ended):
        why = f"ended by {signal.Signals(error.number).name}"
    # Behind the ^C that a terminal shows.
    line = "\n" if sys.stderr.isatty() else ""
    print(f"{line}error: {why}", file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    _exit(status(error))


def _exit(code):
    if "tensorflow" in sys.modules:
        os._exit(code)
    sys.exit(code)
