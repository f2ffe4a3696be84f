"""The socket client of the kill test, which continues after each break behind the last event that it received."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import socketio


@dataclass
class SocketRecorder:
    """socket_events: number of `whatsapp:message` events by WhatsApp id. statuses: the last status by message id.

    status_sequences: number of `message_status` events by sequence. position: the sequence of the newest event.
    """

    socket_events: Counter[str] = field(default_factory=Counter)
    statuses: dict[str, str] = field(default_factory=dict)
    status_sequences: Counter[int] = field(default_factory=Counter)
    position: int | None = None

    def record_message(self, message: dict[str, Any]) -> None:
        self.socket_events[message["messageId"]] += 1
        self._advance(message["sequence"])

    def record_status(self, change: dict[str, Any]) -> None:
        self.statuses[change["messageId"]] = change["status"]
        self.status_sequences[change["sequence"]] += 1
        self._advance(change["sequence"])

    def _advance(self, sequence: int) -> None:
        self.position = max(self.position or 0, sequence)


@asynccontextmanager
async def recording_socket(ready: dict[str, Any]) -> AsyncIterator[SocketRecorder]:
    """A connected client, which connects again whenever the connection breaks."""
    recorder, client = SocketRecorder(), socketio.AsyncClient(reconnection_delay=0.2, reconnection_delay_max=1)
    client.on("whatsapp:message", recorder.record_message)
    client.on("message_status", recorder.record_status)

    def credentials() -> dict[str, Any]:
        since = {} if recorder.position is None else {"since": recorder.position}
        return {"token": ready["token"]} | since

    await client.connect(ready["realtime"], auth=credentials)
    try:
        yield recorder
    finally:
        await client.disconnect()
