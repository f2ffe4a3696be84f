"""A Socket.IO client small enough to connect a thousand times, whose connection can be cut without a close frame."""

import asyncio
import json
from typing import Any

import aiohttp


class RawSocket:
    """One WebSocket connection. `received`: every event with its payload, in order."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.acks: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.pid = ""
        """A Socket.IO client sends it when it reconnects."""
        self._socket: Any = None
        self._reading: asyncio.Task[None] | None = None

    async def connect(self, url: str, auth: dict[str, Any]) -> None:
        """Returns when the login succeeded."""
        self._socket = await self._http.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket")
        assert (await self._socket.receive_str())[0] == "0"
        await self._socket.send_str("40" + json.dumps(auth))
        first = await self._socket.receive_str()
        assert first.startswith("40"), f"the first packet is {first}"
        self.pid = json.loads(first[2:])["pid"]
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while (message := await self._socket.receive()).type is aiohttp.WSMsgType.TEXT:
            text = message.data
            if text == "2":
                await self._socket.send_str("3")
            elif text.startswith("42"):
                self.received.append(tuple(json.loads(text[2:])))
            elif text.startswith("43"):
                self.acks.put_nowait(json.loads(text[text.index("[") :])[0])

    async def send(self, event: str, data: Any) -> None:
        """With a request for an acknowledgement."""
        await self._socket.send_str("421" + json.dumps([event, data]))

    async def call(self, event: str, data: Any) -> dict[str, Any]:
        """The acknowledgement; one request at a time."""
        await self.send(event, data)
        return await asyncio.wait_for(self.acks.get(), 30)

    async def cut(self) -> None:
        """Break the connection: packets not read yet are lost."""
        if self._reading:
            self._reading.cancel()
        answer = self._socket._response
        answer.connection.transport.abort()
        answer.close()
        await asyncio.sleep(0)
