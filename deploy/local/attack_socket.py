"""A WebSocket client of one TCP connection that can send a frame in pieces and stop reading, which libraries prevent.

The mask of every frame is zero, so that a frame costs the client no work and one buffer serves all connections.
"""

import asyncio
import base64
import os
import socket
from typing import Self

TEXT_OPCODE, CLOSE_OPCODE = 1, 8
_CHUNK_BYTES = 262_144
_READ_BUFFER_BYTES = 4_096
"""Of asyncio and of the kernel's receive buffer: small, so that a client that does not read buffers little itself."""


class SocketRefused(Exception):
    """The server rejected or closed the connection; the text is its status or close code."""


def frame_header(opcode: int, length: int) -> bytes:
    """The header of one whole client frame with a zero mask."""
    if length < 126:
        size = bytes([0x80 | length])
    elif length < 65_536:
        size = bytes([0x80 | 126]) + length.to_bytes(2)
    else:
        size = bytes([0x80 | 127]) + length.to_bytes(8)
    return bytes([0x80 | opcode]) + size + bytes(4)


class AttackSocket:
    """Create it with `open`, which does the WebSocket handshake."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int, source: str) -> Self:
        """Connects from the loopback address `source` to a loopback port. Raises SocketRefused, OSError."""
        tcp_socket = socket.socket()
        try:
            tcp_socket.setblocking(False)
            tcp_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _READ_BUFFER_BYTES)
            tcp_socket.bind((source, 0))
            await asyncio.get_running_loop().sock_connect(tcp_socket, ("127.0.0.1", port))
            attack_socket = cls(*await asyncio.open_connection(sock=tcp_socket, limit=_READ_BUFFER_BYTES))
        except BaseException:
            tcp_socket.close()
            raise
        try:
            await attack_socket._handshake(port)
        except BaseException:
            attack_socket.abort()
            raise
        return attack_socket

    async def _handshake(self, port: int) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self._writer.write(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError) as error:
            raise SocketRefused("closed") from error
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            raise SocketRefused(head.split(b" ", 2)[1].decode())

    async def receive(self) -> str:
        """The next text. Raises SocketRefused when the connection is closed."""
        try:
            while True:
                opcode, length = await self._reader.readexactly(2)
                if length > 125:
                    length = int.from_bytes(await self._reader.readexactly(2 if length == 126 else 8))
                body = await self._reader.readexactly(length)
                if opcode & 15 == CLOSE_OPCODE:
                    self.abort()
                    raise SocketRefused(f"closed {int.from_bytes(body[:2])}")
                if opcode & 15 == TEXT_OPCODE:
                    return body.decode()
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            self.abort()
            raise SocketRefused("closed") from error

    async def send(self, text: str) -> None:
        """Raises ConnectionError."""
        body = text.encode()
        self._writer.write(frame_header(TEXT_OPCODE, len(body)) + body)
        await self._writer.drain()

    async def send_incomplete(self, body: memoryview) -> None:
        """A text frame without its last byte: the server has to keep it. Raises ConnectionError."""
        self._writer.write(frame_header(TEXT_OPCODE, len(body)))
        for start in range(0, len(body) - 1, _CHUNK_BYTES):
            self._writer.write(body[start : min(start + _CHUNK_BYTES, len(body) - 1)])
            await self._writer.drain()

    def stop_reading(self) -> None:
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    def abort(self) -> None:
        self._writer.transport.abort()
