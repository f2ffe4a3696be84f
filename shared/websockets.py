"""The WebSocket protocol of our servers: uvicorn's, with a bound on what waits for a client that does not read."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MAX_UNREAD_BYTES = 1_000_000
"""Bytes of answers to pings that may wait in a connection."""


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A ping is answered while others wait to be written, so a client that only sends pings would fill the memory."""

    def handle_ping(self) -> None:
        if self.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self.transport.abort()
        else:
            super().handle_ping()
