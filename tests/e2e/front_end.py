"""A front end: the real Socket.IO client on the one origin, and all events it received."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import socketio

EVENT_TIMEOUT_S = 40.0
"""Generous, because the machine may be busy."""


class FrontEnd:
    """`events`: (name, payload) in the order of arrival, with `connected` and `connected-again` between them."""

    def __init__(self) -> None:
        self.client: Any = socketio.AsyncClient(reconnection_delay=0.2, reconnection_delay_max=1)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._new_event = asyncio.Event()
        self.client.on("*", self._record)
        self.client.on("connect", self._connected)

    async def _record(self, event: str, payload: Any) -> None:
        self.events.append((event, payload))
        self._new_event.set()

    async def _connected(self) -> None:
        await self._record("connected-again" if self.events else "connected", {})

    async def wait(self, name: str, since: int = 0, **fields: Any) -> dict[str, Any]:
        """The first event of this name with these fields, among the events from `since` on."""
        try:
            async with asyncio.timeout(EVENT_TIMEOUT_S):
                while True:
                    for event, payload in self.events[since:]:
                        if event == name and all(payload.get(key) == fields[key] for key in fields):
                            return payload
                    self._new_event.clear()
                    await self._new_event.wait()
        except TimeoutError as error:
            received = [(event, payload.get("status")) for event, payload in self.events[since:]]
            raise AssertionError(f"{name} {fields} did not arrive, only {received}") from error

    async def ask(self, event: str, data: Any) -> dict[str, Any]:
        """The acknowledgement."""
        answer = await self.client.call(event, data, timeout=EVENT_TIMEOUT_S)
        assert isinstance(answer, dict)
        return answer


@asynccontextmanager
async def front_end(origin: str, token: str) -> AsyncIterator[FrontEnd]:
    opened = FrontEnd()
    await opened.client.connect(origin, auth={"token": token}, transports=["websocket"], wait_timeout=EVENT_TIMEOUT_S)
    try:
        yield opened
    finally:
        await opened.client.disconnect()
