"""One client websocket: Noise handshake, a single writer task, iq queries of the server."""

import asyncio
import contextlib
import logging
from collections import deque
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from simulator.protocol.binary_xml import decode, encode
from simulator.protocol.frames import FrameSplitter, frame
from simulator.protocol.node import Node
from simulator.protocol.noise import CipherState, NoiseKeys, NoiseResponder
from simulator.server.accounts import Companion, SimulatedAccount

log = logging.getLogger("simulator")


class ConnectionHandler(Protocol):
    """Is called when a connection has logged in, has sent a stanza, or is closed."""

    noise: NoiseKeys
    chain: bytes

    def on_opened(self, connection: "ClientConnection") -> None: ...
    def on_stanza(self, connection: "ClientConnection", node: Node) -> None: ...
    def on_closed(self, connection: "ClientConnection") -> None: ...


class ClientConnection:
    """`payload` is the ClientPayload of the login; `refs` are the QR references while a device pairs."""

    def __init__(self, handler: ConnectionHandler, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._handler, self._socket, self._request = handler, socket, request
        self._handshake = NoiseResponder(handler.noise, handler.chain)
        self._cipher: CipherState | None = None
        self._hello_received = False
        self._out: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._answers: dict[str, asyncio.Future[Node]] = {}
        self.static = b""
        self.payload: Any = None
        self.companion: Companion | None = None
        self.account: SimulatedAccount | None = None
        self.refs: list[str] = []
        self.stanza_log: deque[tuple[str, Node]] = deque(maxlen=200)

    def send(self, node: Node) -> None:
        """Encrypts at once, because the Noise counters follow the order of calls; the writer task sends it."""
        if self._cipher is None or self._socket.closed:
            return
        self.stanza_log.append((">", node))
        log.debug("> %s", node)
        self._out.put_nowait(frame(self._cipher.encrypt(encode(node))))

    async def query(self, node: Node, timeout: float = 10) -> Node:
        """Sends an iq and waits for the client's answer. Raises TimeoutError."""
        answer: asyncio.Future[Node] = asyncio.get_running_loop().create_future()
        self._answers[node.text("id")] = answer
        self.send(node)
        return await asyncio.wait_for(answer, timeout)

    def on_answer(self, node: Node) -> None:
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
        await asyncio.sleep(0.05)  # so that the client reads the last stanza before it sees the close
        await self._socket.close()

    async def run(self) -> None:
        framer = FrameSplitter()
        writer = asyncio.create_task(self._write())
        try:
            async for message in self._socket:
                if message.type == WSMsgType.BINARY:
                    for payload in framer.feed(message.data):
                        await self._frame(payload)
        finally:
            self._out.put_nowait(None)
            self._handler.on_closed(self)
            await asyncio.gather(writer, return_exceptions=True)

    async def _frame(self, payload: bytes) -> None:
        if self._cipher is not None:
            node = decode(self._cipher.decrypt(payload))
            self.stanza_log.append(("<", node))
            log.debug("< %s", node)
            self._handler.on_stanza(self, node)
        elif not self._hello_received:
            self._hello_received = True
            await self._socket.send_bytes(frame(self._handshake.hello(payload)))
        else:
            self.static, self.payload, self._cipher = self._handshake.finish(payload)
            self._handler.on_opened(self)

    async def _write(self) -> None:
        """One websocket message for each stanza: as with WhatsApp, the acknowledgement of a message and the receipt of
        its recipient do not come together."""
        while (item := await self._out.get()) is not None:
            try:
                await self._socket.send_bytes(item)
                self._out.task_done()
            except (ConnectionError, RuntimeError):
                return
