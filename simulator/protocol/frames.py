"""Framing in both directions: 3-byte big-endian length, then the payload."""

CONNECTION_HEADER = b"WA\x06\x03"
"""Precedes the client's first frame: magic, protocol 6, dictionary version 3."""
MAX_FRAME_BYTES = 0xFFFFFF


def frame(payload: bytes) -> bytes:
    """One frame. Raises ValueError above 16 MiB - 1."""
    if len(payload) > MAX_FRAME_BYTES:
        raise ValueError(f"a frame holds at most {MAX_FRAME_BYTES} bytes, not {len(payload)}")
    return len(payload).to_bytes(3, "big") + payload


class FrameSplitter:
    """Splits a byte stream into frames: a websocket message may contain a part of a frame, or several frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._header_read = False

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are now complete. Raises ValueError when the connection does not begin with the header."""
        self._buffer += data
        if not self._header_read and not self._read_header():
            return []
        frames = []
        while len(self._buffer) >= 3:
            length = int.from_bytes(self._buffer[:3], "big")
            if len(self._buffer) < 3 + length:
                break
            frames.append(bytes(self._buffer[3 : 3 + length]))
            del self._buffer[: 3 + length]
        return frames

    def _read_header(self) -> bool:
        if self._buffer[:2] == b"ED":  # routing preamble of some clients: "ED", version, length, data
            if len(self._buffer) < 7:
                return False
            end = 7 + int.from_bytes(self._buffer[4:7], "big")
            if len(self._buffer) < end:
                return False
            del self._buffer[:end]
        if len(self._buffer) < len(CONNECTION_HEADER):
            return False
        if self._buffer[: len(CONNECTION_HEADER)] != CONNECTION_HEADER:
            raise ValueError(f"the connection does not begin with {CONNECTION_HEADER!r}")
        del self._buffer[: len(CONNECTION_HEADER)]
        self._header_read = True
        return True
