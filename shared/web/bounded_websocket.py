"""uvicorn's WebSocket protocol with a bound on the bytes buffered for a client that does not read."""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

ABORT = "switchboard.abort"
"""Extension of the ASGI scope: aborts the connection without flushing its buffer."""
MAX_UNREAD_BYTES = 1_000_000
"""Buffered for one connection when another ping arrives."""


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn answers every ping even while earlier answers are buffered: a client that sends pings and reads nothing
    would fill the memory."""

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


def abort_function(scope: Any) -> Callable[[], None] | None:
    """The function that aborts the connection of this ASGI scope; None with another server or protocol."""
    abort: Callable[[], None] | None = (scope.get("extensions") or {}).get(ABORT)
    return abort
