"""Reads and writes frames on a local socket: a 4-byte big-endian length, then a UTF-8 JSON object."""

import asyncio
import logging
import socket
import struct

from services.session.ipc.messages import Frame

MAX_FRAME_BYTES = 4_000_000
log = logging.getLogger(__name__)
_LENGTH = struct.Struct(">I")


def pack(frame: Frame) -> bytes:
    """The bytes of one frame. Raises ValueError beyond MAX_FRAME_BYTES."""
    body = frame.model_dump_json().encode()
    if len(body) > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {len(body)} bytes is larger than {MAX_FRAME_BYTES}")
    return _LENGTH.pack(len(body)) + body


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The JSON of the next frame; None at the end of the stream, and after a length that is not possible."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return await reader.readexactly(length) if _is_possible(length) else None
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def receive_frame(connection: socket.socket) -> bytes | None:
    """`read_frame` on a blocking socket."""
    header = _receive_exactly(connection, _LENGTH.size)
    if header is None:
        return None
    (length,) = _LENGTH.unpack(header)
    return _receive_exactly(connection, length) if _is_possible(length) else None


def _is_possible(length: int) -> bool:
    """False: the other end is broken, and nothing after this length can be read."""
    if length > MAX_FRAME_BYTES:
        log.error("the next frame has %d bytes, more than %d: the socket is given up", length, MAX_FRAME_BYTES)
    return length <= MAX_FRAME_BYTES


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
