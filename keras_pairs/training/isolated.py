"""Running a function in a process of its own.

Keras 3.15 never frees the graph of a `fit`, 40 MB of it: without a process that gives all
its memory back, memory would grow with every training.
"""

import contextlib
import multiprocessing
import signal
from multiprocessing import resource_tracker

from keras_pairs import machine
from keras_pairs.errors import UserError


def run(function, *arguments, on_message):
    """Calls `function(send, *arguments)` in a process of its own.

    The process ends with this one. Ctrl-C is for this one alone.

    Args:
      function: importable function. What it hands to `send` arrives at `on_message`.
      arguments: what can be pickled.
      on_message: function of what was sent.

    Returns:
      What the function returns.

    Raises:
      UserError: with the function's error, if it raises; if the process dies.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there,), daemon=True)
    try:
        with _interrupts_wait():
            process.start()
        there.close()
        # Not with its start: images take a while, and an end in the middle of them would
        # leave a process that complains. Where it has died already, `recv` says so.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            here.send((function, arguments))
        while True:
            kind, value = here.recv()
            if kind == "result":
                return value
            if kind == "error":
                raise UserError(value)
            on_message(value)
    except (EOFError, ConnectionResetError):
        process.join()
        raise UserError(f"the training ended with code {process.exitcode}") from None
    finally:
        if process.pid:
            process.kill()
            process.join()


@contextlib.contextmanager
def _interrupts_wait():
    """In the block Ctrl-C waits; for a process that is started there, it goes on waiting.

    A terminal's Ctrl-C is for all its processes, and one in which Python is just starting
    would say a lot before `_serve` can ignore it.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Before: its own start would end the waiting.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Where whoever asked is gone, nobody is left to tell.
    with contextlib.suppress(EOFError, OSError):
        function, arguments = pipe.recv()
        try:
            result = function(lambda value: pipe.send(("message", value)), *arguments)
            pipe.send(("result", result))
        except (BrokenPipeError, ConnectionResetError):
            pass
        except Exception as error:
            pipe.send(("error", _told(error)))


def _told(error):
    if isinstance(error, UserError):
        return str(error)
    return machine.lacking(error) or f"{type(error).__name__}: {error}"
