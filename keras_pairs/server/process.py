"""The server as a process: socket, threads, signals, log. It writes no file.

uvicorn serves the application of `app` on asyncio, in the main thread. `batching` has the
threads that ask TensorFlow, `watching` the one that looks for new versions.
"""

import gc
import logging
import signal
import socket
import sys
import threading

from keras_pairs import machine, startup
from keras_pairs.errors import UserError
from keras_pairs.server import limits

log = logging.getLogger("keras_pairs.serve")
# Of the extra `serve`, with what its packages bring.
PACKAGES = ("anyio", "h11", "orjson", "starlette", "uvicorn")
# Signals that end the server in good order; the second is Windows' Ctrl-Break.
ENDING = ("SIGTERM", "SIGBREAK")


def run(model, host, port, say):
    """Serves a model until a signal ends it; what was begun is answered before.

    Args:
      model: str, Path or None, see `watching.Watched`.
      host: str, address or name to listen on.
      port: int, 0 for any that is free.
      say: function of a line, called once the server answers.

    Raises:
      UserError: if the packages of the extra `serve` are missing, the address cannot be
        had, or there is no model that can be served.
      KeyboardInterrupt: after Ctrl-C.
      SystemExit: after SIGTERM, or where its terminal is closed, with code 0; while it
        starts, the caller's handlers decide.
    """
    try:
        from keras_pairs.server import app, batching, connections, watching
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        # Any other import that fails is a fault, and shows as one.
        if package not in PACKAGES:
            raise
        message = f"{package} is missing, or another version than the server's"
        raise UserError(f"{message}: pip install 'keras_pairs[serve]'") from error
    watched = watching.Watched(model, _load)
    # Before the model: loading it for an address in use would be in vain.
    with listening(host, port) as listener:
        startup.import_tensorflow(keras=False, onednn=True)
        # Takes TensorFlow's millions of objects out of the collector's sight: it runs each
        # time that a version is let go.
        gc.collect()
        gc.freeze()
        watched.open()
        _end_in_good_order()
        # Until here a library may have lost what a signal's handler raised.
        machine.end_if_asked()
        _log_to_stderr()
        stop = threading.Event()
        watcher = threading.Thread(target=watched.watch, args=(stop, limits.POLL_SECONDS))
        watcher.start()
        try:
            with batching.Batcher() as batcher:
                say(_greeting(watched, listener))
                application = app.build(watched, batcher)
                server(application, connections.Protocol).run(sockets=[listener])
        finally:
            stop.set()
            watcher.join()


def _end_in_good_order():
    """From here on signals are no failure.

    Not before: what a signal's handler raises while TensorFlow is imported may come out as
    an ImportError, which `commands.endings` knows.
    """
    for name in ENDING:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: sys.exit(0))
    hang_up = getattr(signal, "SIGHUP", None)
    # Under nohup it is ignored. uvicorn takes only the others for an end in good order.
    if hang_up and signal.getsignal(hang_up) is not signal.SIG_IGN:
        signal.signal(hang_up, lambda *_: signal.raise_signal(signal.SIGTERM))


def _load(path, number):
    # Imports TensorFlow.
    from keras_pairs.server.loaded import Loaded

    return Loaded(path, number)


def listening(host, port):
    """A listening socket.

    Raises:
      UserError: if the address is in use, or none of this machine's.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=limits.CONNECTIONS)
    except (OSError, UnicodeError) as error:
        # asyncio and Python itself put the address behind it once more.
        reason = str(getattr(error, "strerror", None) or error).partition(" (while")[0]
        raise UserError(f"{host}, port {port}: {reason}") from error


def _greeting(watched, listener):
    host, port = listener.getsockname()[:2]
    host = f"[{host}]" if ":" in host else host
    version = watched.current.number
    return f"http://{host}:{port} serves {watched.name}, version {version} (Ctrl-C ends it)"


def _log_to_stderr():
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def server(application, protocol):
    """A `uvicorn.Server` of the application; `run(sockets=[…])` serves until it is told.

    Args:
      application: see `app.build`.
      protocol: `connections.Protocol`.
    """
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(
            application,
            http=protocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=logging.ERROR,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=limits.IDLE_SECONDS,
            timeout_graceful_shutdown=limits.DRAIN_SECONDS,
            h11_max_incomplete_event_size=limits.HEADER_BYTES,
        )
    )
