"""One websocket of a client: handshake, a single writer, queries from the server."""

import asyncio
import contextlib
import logging
from collections import deque
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from simulator.protocol.binary_xml import decode, encode
from simulator.protocol.frames import Framer, frame
from simulator.protocol.node import Node
from simulator.protocol.noise import CipherState, NoiseKeys, Responder
from simulator.server.accounts import Account, Companion

log = logging.getLogger("simulator")
PACKED_FRAMES = 64  # per websocket message


class Owner(Protocol):
    """Who is told what happens on a connection."""

    noise: NoiseKeys
    chain: bytes

    def opened(self, connection: "Connection") -> None: ...
    def stanza(self, connection: "Connection", node: Node) -> None: ...
    def gone(self, connection: "Connection") -> None: ...


class Connection:
    """`payload` is the ClientPayload of the login; `refs` are the QR references while a device pairs."""

    def __init__(self, owner: Owner, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._owner, self._socket, self._request = owner, socket, request
        self._handshake = Responder(owner.noise, owner.chain)
        self._cipher: CipherState | None = None
        self._greeted = False
        self._out: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._answers: dict[str, asyncio.Future[Node]] = {}
        self.static = b""
        self.payload: Any = None
        self.companion: Companion | None = None
        self.account: Account | None = None
        self.refs: list[str] = []
        self.history: deque[tuple[str, Node]] = deque(maxlen=200)

    def send(self, node: Node) -> None:
        """Encrypt now (the counters follow the order of calls) and send soon."""
        if self._cipher is None or self._socket.closed:
            return
        self.history.append((">", node))
        log.debug("> %s", node)
        self._out.put_nowait(frame(self._cipher.encrypt(encode(node))))

    async def query(self, node: Node, timeout: float = 10) -> Node:
        """Send an iq and wait for the client's answer. Raises TimeoutError."""
        answer: asyncio.Future[Node] = asyncio.get_running_loop().create_future()
        self._answers[node.text("id")] = answer
        self.send(node)
        return await asyncio.wait_for(answer, timeout)

    def answered(self, node: Node) -> None:
        future = self._answers.pop(node.text("id"), None)
        if future is not None and not future.done():
            future.set_result(node)

    async def close(self, abrupt: bool = False) -> None:
        """Abrupt: the TCP connection is reset without a websocket close."""
        transport = self._request.transport
        if abrupt and transport is not None:
            transport.abort()
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._out.join(), 2)
        await asyncio.sleep(0.05)  # lets the client read the last stanza before it notices the end
        await self._socket.close()

    async def run(self) -> None:
        framer = Framer()
        writer = asyncio.create_task(self._write())
        try:
            async for message in self._socket:
                if message.type == WSMsgType.BINARY:
                    for payload in framer.feed(message.data):
                        await self._frame(payload)
        finally:
            self._out.put_nowait(None)
            self._owner.gone(self)
            await asyncio.gather(writer, return_exceptions=True)

    async def _frame(self, payload: bytes) -> None:
        if self._cipher is not None:
            node = decode(self._cipher.decrypt(payload))
            self.history.append(("<", node))
            log.debug("< %s", node)
            self._owner.stanza(self, node)
        elif not self._greeted:
            self._greeted = True
            await self._socket.send_bytes(frame(self._handshake.hello(payload)))
        else:
            self.static, self.payload, self._cipher = self._handshake.finish(payload)
            self._owner.opened(self)

    async def _write(self) -> None:
        while (item := await self._out.get()) is not None:
            chunk = [item]
            while len(chunk) < PACKED_FRAMES and not self._out.empty():
                bound_request_id = self._out.get_nowait()
                if bound_request_id is None:
                    self._out.task_done()
                    self._out.put_nowait(None)
                    break
                chunk.append(bound_request_id)
            try:
                await self._socket.send_bytes(b"".join(chunk))
                for _ in chunk:
                    self._out.task_done()
            except (ConnectionError, RuntimeError):
                return
