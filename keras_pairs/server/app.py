"""The server as an ASGI application: the dialect, the page, a line in the log for each.

    app = build(watched, batcher)    # any ASGI server runs it; `process` does

`GET /healthz` says which version is served, and whether it reads digits. What lies below
`/v1/` is TF-Serving's dialect, see `rest`. What is left are the page's files.
"""

import asyncio
import logging
import mimetypes
import os
import pathlib
import time

import orjson
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from keras_pairs.server import rest
from keras_pairs.server.bodies import Bodies
from keras_pairs.server.refusals import Refusal, quoted

log = logging.getLogger("keras_pairs.serve")

PAGE = pathlib.Path(__file__).parent / "page"
# What the page may load and do: nothing that leaves this server.
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(map(" ".join, POLICY.items())),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
# Of the page's files: what Windows' registry may know otherwise.
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
# As nginx has it in its log: the client went away.
GONE = 499


def build(watched, batcher):
    """The application.

    Args:
      watched: `Watched`, open.
      batcher: `Batcher`, started.

    Returns:
      ASGI application.
    """
    for suffix, kind in TYPES.items():
        mimetypes.add_type(kind, suffix)

    async def health(request):
        version = watched.current
        told = {"version": version.number, "reads_digits": version.reads_digits}
        return _json({"status": "ok", "model": watched.name, **told})

    app = Starlette(
        routes=[
            Route("/healthz", health),
            Route("/v1/{path:path}", Dialect(watched, batcher)),
            Mount("/", Page(directory=PAGE, html=True)),
        ],
        middleware=[Middleware(Recorded)],
        exception_handlers={
            ClientDisconnect: _gone,
            HTTPException: _http_error,
            Refusal: _refused,
            Exception: _our_fault,
        },
    )
    app.router.redirect_slashes = False
    return app


class Dialect:
    """Answers what lies below `/v1/`; as an ASGI application it sees every method."""

    def __init__(self, watched, batcher):
        self._watched, self._batcher, self._bodies = watched, batcher, Bodies()

    async def __call__(self, scope, receive, send):
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request):
        path = request.scope["raw_path"].decode("ascii", "replace")
        address = rest.parse(request.method, path)
        if address.what == "status":
            return _json(self._watched.status(address))
        version = self._watched.version(address)
        request.scope["version"] = version.number
        if address.what == "metadata":
            return _json(rest.metadata(address.model, version))
        async with self._bodies.read(request) as body:
            if address.what != "predict":
                rest.refuse_examples(body, address.what, version.metadata)
            decoded = rest.decode(body, version.signatures)
            request.scope["rows"] = decoded.rows
            outputs = await self._outputs(request, version, decoded)
            return _response(rest.encode(outputs, decoded.by_row))

    async def _outputs(self, request, version, decoded):
        """Waits for the answer, unless the client goes away before."""
        future = asyncio.wrap_future(self._batcher.submit(version, decoded))
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait({future, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not future.done():
                raise ClientDisconnect
            return future.result()
        finally:
            future.cancel()
            gone.cancel()


class Page(StaticFiles):
    """The page's files, and no other: those that were there when the server started."""

    def __init__(self, directory, **options):
        super().__init__(directory=directory, **options)
        files = [path for path in directory.rglob("*") if path.is_file()]
        self._known = {".", *(str(path.relative_to(directory)) for path in files)}

    def lookup_path(self, path):
        known = os.path.normpath(path) in self._known
        return super().lookup_path(path) if known else ("", None)


class Recorded:
    """Middleware: headers of every answer, and a line in the log."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        begun, status = time.perf_counter(), 500

        async def sent(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, sent)
        finally:
            path = quoted(scope["raw_path"].decode("ascii", "replace"), 200)
            milliseconds = 1000 * (time.perf_counter() - begun)
            note = [f"{scope['method'][:20]} {path} {status} {milliseconds:.1f} ms"]
            note += [f"{scope['rows']} rows"] if "rows" in scope else []
            note += [f"version {scope['version']}"] if "version" in scope else []
            log.info(", ".join(note))


async def _disconnected(request):
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _json(value):
    return _response(orjson.dumps(value))


def _response(body, status=200, headers=None):
    return Response(body, status, headers, media_type="application/json")


async def _refused(request, refusal):
    return _response(rest.error(refusal.message), refusal.status, refusal.headers)


async def _http_error(request, error):
    path, headers = quoted(request.url.path), dict(error.headers or {})
    message = error.detail
    if error.status_code == 404:
        message = f"there is no {path}"
    elif error.status_code == 405:
        message = f"Malformed request: {quoted(request.method)} {path}"
        # Older versions of starlette say only that the method is wrong.
        headers.setdefault("Allow", "GET, HEAD")
    return _response(rest.error(message), error.status_code, headers)


async def _gone(request, error):
    return Response(status_code=GONE)


async def _our_fault(request, error):
    return _response(rest.error("an error inside the server; see its log"), 500)
