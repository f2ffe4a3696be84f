"""Framing in both directions: 3-byte big-endian length, then the payload."""

HEADER = b"WA\x06\x03"  # stands before the client's very first frame: magic, protocol 6, dictionary version 3
LARGEST = 0xFFFFFF


def frame(payload: bytes) -> bytes:
    """One frame. Raises ValueError above 16 MiB - 1."""
    if len(payload) > LARGEST:
        raise ValueError(f"a frame holds at most {LARGEST} bytes, not {len(payload)}")
    return len(payload).to_bytes(3, "big") + payload


class Framer:
    """Cuts a byte stream into frames: a websocket message may hold a part of a frame, or several."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._greeted = False

    def feed(self, data: bytes) -> list[bytes]:
        """The frames complete by now. Raises ValueError when the connection does not begin with the header."""
        self._buffer += data
        if not self._greeted and not self._greet():
            return []
        frames = []
        while len(self._buffer) >= 3:
            length = int.from_bytes(self._buffer[:3], "big")
            if len(self._buffer) < 3 + length:
                break
            frames.append(bytes(self._buffer[3 : 3 + length]))
            del self._buffer[: 3 + length]
        return frames

    def _greet(self) -> bool:
        if self._buffer[:2] == b"ED":  # routing preamble of some clients: "ED", version, length, data
            if len(self._buffer) < 7:
                return False
            end = 7 + int.from_bytes(self._buffer[4:7], "big")
            if len(self._buffer) < end:
                return False
            del self._buffer[:end]
        if len(self._buffer) < len(HEADER):
            return False
        if self._buffer[: len(HEADER)] != HEADER:
            raise ValueError(f"the connection does not begin with {HEADER!r}")
        del self._buffer[: len(HEADER)]
        self._greeted = True
        return True
