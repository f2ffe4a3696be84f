"""A front end: the real Socket.IO client on the one origin, and everything it heard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import socketio

WAIT_TIMEOUT_S = 40.0
"""Seconds: generous, the machine may be busy."""


class FrontEnd:
    """`heard` holds (name, payload) in the order of arrival; `connected` and `connected-again` stand between them."""

    def __init__(self) -> None:
        self.client: Any = socketio.AsyncClient(reconnection_delay=0.2, reconnection_delay_max=1)
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._bell = asyncio.Event()
        self.client.on("*", self._hear)
        self.client.on("connect", self._connected)

    async def _hear(self, event: str, payload: Any) -> None:
        self.heard.append((event, payload))
        self._bell.set()

    async def _connected(self) -> None:
        await self._hear("connected-again" if self.heard else "connected", {})

    async def wait(self, name: str, since: int = 0, **fields: Any) -> dict[str, Any]:
        """The first event of this name with these fields, among what was heard from `since` on."""
        try:
            async with asyncio.timeout(WAIT_TIMEOUT_S):
                while True:
                    for event, payload in self.heard[since:]:
                        if event == name and all(payload.get(key) == fields[key] for key in fields):
                            return payload
                    self._bell.clear()
                    await self._bell.wait()
        except TimeoutError as error:
            seen = [(event, payload.get("status")) for event, payload in self.heard[since:]]
            raise AssertionError(f"{name} {fields} was not heard, but {seen}") from error

    async def ask(self, event: str, data: Any) -> dict[str, Any]:
        """The acknowledgement."""
        answer = await self.client.call(event, data, timeout=WAIT_TIMEOUT_S)
        assert isinstance(answer, dict)
        return answer


@asynccontextmanager
async def front_end(origin: str, token: str) -> AsyncIterator[FrontEnd]:
    opened = FrontEnd()
    await opened.client.connect(origin, auth={"token": token}, transports=["websocket"], wait_timeout=WAIT_TIMEOUT_S)
    try:
        yield opened
    finally:
        await opened.client.disconnect()
