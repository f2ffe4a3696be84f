"""The WebSocket protocol of our servers: uvicorn's, with a bound on what waits for a client that does not read."""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

ABORT = "switchboard.abort"
"""Extension of the ASGI scope: breaks the connection at once, without waiting until the client has read."""
MAX_UNREAD_BYTES = 1_000_000
"""Bytes that may wait in a connection when another ping arrives."""


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A ping is answered while others wait to be written, so a client that only sends pings would fill the memory."""

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[ABORT] = self.transport.abort

    def handle_ping(self) -> None:
        if self.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self.transport.abort()
        else:
            super().handle_ping()


def abort_of(scope: Any) -> Callable[[], None] | None:
    """How to break the connection of this ASGI scope; None with another server or another protocol."""
    found: Callable[[], None] | None = (scope.get("extensions") or {}).get(ABORT)
    return found
