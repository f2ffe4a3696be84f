"""The HTTP protocol of our servers: uvicorn's, with a bound on what is read before a request is known.

uvicorn keeps headers of any size, and waits for their end without a limit.
"""

import asyncio
import json
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 65_536
"""Of the first line and the headers of a request together."""
HEAD_TIMEOUT_S = 30.0
"""From the first byte of a request, or from the start of a connection, until its headers are complete."""
MAX_UNWANTED_BYTES = 16 << 20
"""Of a body that goes on after its request was answered, 413 for example. They are read and dropped: a connection that
ends with unread bytes takes the answer with it, and a front server makes a 502 of that."""
LINGER_S = 2.0
"""Until a refused connection ends, when the client does not end it."""


class BoundedHttp(HttpToolsProtocol):
    """Refuses in JSON what no application sees: unreadable requests, and heads that are too long or too slow."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_bytes = 0
        self._in_head = True
        self._head_timer: asyncio.TimerHandle | None = None
        self._unwanted_bytes = 0
        self._refused = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            self._drop(len(data))
            return
        super().data_received(data)
        self._head_bytes = self._head_bytes + len(data) if self._in_head else 0
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431, "headers_too_large", f"a request's headers may have at most {MAX_HEAD_BYTES} bytes")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._unwanted_bytes = 0
        self._start_timer()

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:
            self._drop(len(body))
        super().on_body(body)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Of uvicorn, for what is no HTTP."""
        self._refuse(400, "invalid_request", "this is not a request of HTTP/1.1 that can be read")

    def _start_timer(self) -> None:
        self._stop_timer()
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._too_slow)

    def _stop_timer(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        if not self.transport.is_closing() and not answering:
            self._refuse(408, "request_timeout", f"the headers were not complete within {HEAD_TIMEOUT_S:g} s")

    def _drop(self, size: int) -> None:
        self._unwanted_bytes += size
        if self._unwanted_bytes > MAX_UNWANTED_BYTES:
            self.transport.abort()

    def _refuse(self, status: int, code: str, detail: str) -> None:
        """Written past the application, and the connection ends."""
        self._stop_timer()
        self._refused = True
        phrase = HTTPStatus(status).phrase
        problem = {
            "type": f"urn:switchboard:problem:{code}",
            "title": phrase,
            "status": status,
            "detail": detail,
            "code": code,
            "request_id": "",
            "success": False,
            "error": detail,
        }
        body = json.dumps(problem).encode()
        head = (
            f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/problem+json\r\ncontent-length: {len(body)}\r\n"
            "x-content-type-options: nosniff\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)
