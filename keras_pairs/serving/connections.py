"""Connections: uvicorn's HTTP/1.1, with what it leaves to a proxy in front of it.

A client must send a request's headers in time, there are only so many connections, and what
is no HTTP gets an answer of the same form as everything else.
"""

import asyncio
import http

from uvicorn.protocols.http import h11_impl

from keras_pairs.serving import limits, rest


class Protocol(h11_impl.H11Protocol):
    """One connection."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._late = None

    def connection_made(self, transport):
        super().connection_made(transport)
        if len(self.connections) > limits.CONNECTIONS:
            self._refuse(503, "too many connections; try again later")
        else:
            self._expect_headers()

    def data_received(self, data):
        super().data_received(data)
        asked = self.cycle is not None and not self.cycle.response_complete
        if asked or self.transport.is_closing():
            self._cancel()
        elif self._late is None:
            self._expect_headers()

    def connection_lost(self, error):
        self._cancel()
        super().connection_lost(error)

    def send_400_response(self, msg):
        self._refuse(400, "this is no HTTP request, or its headers are too large")

    def _expect_headers(self):
        message = f"the headers did not come within {limits.HEADER_SECONDS} seconds"
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(limits.HEADER_SECONDS, self._refuse, 408, message)

    def _cancel(self):
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, status, message):
        """Answers without uvicorn's state machine, and closes."""
        self._cancel()
        if self.transport.is_closing():
            return
        body = rest.error(message)
        head = [
            f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        self.transport.write("\r\n".join([*head, "", ""]).encode() + body)
        self.transport.close()
