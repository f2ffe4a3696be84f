"""How a frame travels over a local socket: a 4-byte big-endian length and a UTF-8 JSON object."""

import asyncio
import logging
import socket
import struct

from services.session.ipc.messages import Frame

MAX_FRAME = 4_000_000
"""Bytes."""
log = logging.getLogger(__name__)
_LENGTH = struct.Struct(">I")


def pack(frame: Frame) -> bytes:
    """The bytes of one frame. Raises ValueError beyond MAX_FRAME."""
    body = frame.model_dump_json().encode()
    if len(body) > MAX_FRAME:
        raise ValueError(f"a frame of {len(body)} bytes is larger than {MAX_FRAME}")
    return _LENGTH.pack(len(body)) + body


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The JSON of the next frame; None at the end of the stream, and where no frame of ours can follow."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return await reader.readexactly(length) if _is_possible(length) else None
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def receive_frame(connection: socket.socket) -> bytes | None:
    """The same on a blocking socket."""
    head = _receive_exactly(connection, _LENGTH.size)
    if head is None or not _is_possible(_LENGTH.unpack(head)[0]):
        return None
    return _receive_exactly(connection, _LENGTH.unpack(head)[0])


def _is_possible(length: int) -> bool:
    """Whoever announces more is broken: nothing behind it can be read."""
    if length > MAX_FRAME:
        log.error("a frame of %d bytes is announced, more than %d: the connection ends", length, MAX_FRAME)
    return length <= MAX_FRAME


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
