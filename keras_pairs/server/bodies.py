"""Reading the bodies of requests: not too large, not too slow, not too many at once."""

import contextlib

import anyio

from keras_pairs.server import limits
from keras_pairs.server.refusals import Refusal

# How much of a body that is too large is read and dropped, so that the client has sent it
# and reads why it was refused. More than that is cut off.
DROPPED_BYTES = 4 * limits.BODY_BYTES
CLOSE = {"Connection": "close"}


class Bodies:
    """All bodies that are in memory at a time."""

    def __init__(self):
        self._held = 0

    @contextlib.asynccontextmanager
    async def read(self, request):
        """Yields the whole body, a bytearray, which counts as held while the block runs.

        Args:
          request: `starlette.requests.Request`.

        Raises:
          Refusal: 408, 413, 415, or 503 where other bodies take all the memory there is.
          starlette.requests.ClientDisconnect: if the client went away.
        """
        coding = request.headers.get("content-encoding", "identity")
        if coding.lower() != "identity":
            raise Refusal(415, "the body is compressed: send it as it is")
        declared = request.headers.get("content-length", "0")
        # h11 has refused what is no number. Who expects an answer has sent nothing yet.
        waits = "expect" in request.headers
        if int(declared) > (limits.BODY_BYTES if waits else DROPPED_BYTES):
            raise _too_large()
        body = bytearray()
        try:
            await self._collect(request, body)
            yield body
        finally:
            self._held -= len(body)

    async def _collect(self, request, body):
        size = 0
        with anyio.move_on_after(limits.BODY_SECONDS) as time:
            async for chunk in request.stream():
                size += len(chunk)
                if size > DROPPED_BYTES:
                    raise _too_large()
                if size > limits.BODY_BYTES:
                    self._held -= len(body)
                    body.clear()
                    continue
                if self._held + len(chunk) > limits.BODIES_BYTES:
                    raise Refusal(
                        503, "too many bodies in memory; try again later", **CLOSE
                    )
                self._held += len(chunk)
                body += chunk
        if time.cancelled_caught:
            message = f"the body did not come within {limits.BODY_SECONDS} seconds"
            raise Refusal(408, message, **CLOSE)
        if size > limits.BODY_BYTES:
            raise _too_large(close=False)


def _too_large(close=True):
    message = f"the body is larger than {limits.BODY_BYTES >> 20} MiB"
    return Refusal(413, message, **(CLOSE if close else {}))
