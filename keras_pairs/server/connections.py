"""Connections: uvicorn's HTTP/1.1, with what it leaves to a proxy in front of it.

A client must send a request's headers and take its answer in time, there are only so many
connections, and what is no HTTP gets an answer of the same form as everything else.
"""

import asyncio
import contextlib
import http
import logging
import socket

import h11
from uvicorn.protocols.http import h11_impl

from keras_pairs.server import limits, rest

# How long what a refused client still sends is read and dropped.
LINGER_SECONDS = 1
log = logging.getLogger("keras_pairs.serve")


class Protocol(h11_impl.H11Protocol):
    """One connection."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._late = self._stuck = None
        self._refused = False

    def connection_made(self, transport):
        super().connection_made(transport)
        # asyncio sets it only on sockets that were made for TCP by number. Without it an
        # answer's second part waits 40 ms for the first one's acknowledgement.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self.connections) > limits.CONNECTIONS:
            self._refuse(503, "too many connections; try again later")
        else:
            self._expect_headers()

    def data_received(self, data):
        if self._refused:
            return
        super().data_received(data)
        asked = self.cycle is not None and not self.cycle.response_complete
        if asked or self.transport.is_closing():
            self._cancel()
        elif self.conn.their_state is h11.SEND_BODY:
            # Of a request that was refused by its headers: what still comes is dropped.
            if self._late is None:
                self._late = self.loop.call_later(limits.BODY_SECONDS, self.transport.close)
        elif self.conn.trailing_data[0]:
            if self._late is None:
                self._expect_headers()
        else:
            self._cancel()
            self._idle()

    def connection_lost(self, error):
        self._cancel()
        self.resume_writing()
        super().connection_lost(error)

    def pause_writing(self):
        super().pause_writing()
        loop = asyncio.get_running_loop()
        self._stuck = loop.call_later(limits.ANSWER_SECONDS, self.transport.abort)

    def resume_writing(self):
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def timeout_keep_alive_handler(self):
        # To close would wait until the client has taken all.
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def send_400_response(self, msg):
        self._refuse(400, "this is no HTTP request, or its headers are too large")

    def _idle(self):
        """Starts uvicorn's time for idle connections, which dropped bytes have stopped."""
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

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
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        if self.cycle is not None:
            # Whoever still reads a body sees that its client is gone.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        body = rest.error(message)
        head = [
            f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        log.info("no request %d: %s", status, message)
        self.transport.write("\r\n".join([*head, "", ""]).encode() + body)
        # To close while the client still sends would reset the connection, and the client
        # would never read why. It may have gone already.
        with contextlib.suppress(OSError):
            self.transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.close)
