"""How a frame travels over a local socket: a 4-byte big-endian length and a UTF-8 JSON object."""

import asyncio
import socket
import struct

from services.session.protocol import Frame

MAX_FRAME = 4_000_000
"""Bytes."""
_LENGTH = struct.Struct(">I")


def pack(frame: Frame) -> bytes:
    """The bytes of one frame. Raises ValueError beyond MAX_FRAME."""
    body = frame.model_dump_json().encode()
    if len(body) > MAX_FRAME:
        raise ValueError(f"a frame of {len(body)} bytes is larger than {MAX_FRAME}")
    return _LENGTH.pack(len(body)) + body


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The JSON of the next frame; None at the end of the stream."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def receive_frame(connection: socket.socket) -> bytes | None:
    """The same on a blocking socket."""
    head = _receive_exactly(connection, _LENGTH.size)
    return _receive_exactly(connection, _LENGTH.unpack(head)[0]) if head else None


def _receive_exactly(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        try:
            part = connection.recv(size - len(parts))
        except ConnectionError:
            return None
        if not part:
            return None
        parts += part
    return bytes(parts)
