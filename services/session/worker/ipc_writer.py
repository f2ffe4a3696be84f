"""The way out of a worker: frames from any thread, written one after another by one."""

import base64
import logging
import queue
import socket

from services.session.ipc.framing import MAX_FRAME, pack
from services.session.ipc.messages import EphemeralObserved, Frame, FrameTooLarge, JournaledEvent
from services.session.worker.threads import start_thread

MAX_QUEUED_EPHEMERAL = 1_000
"""Frames that wait to be written, beyond which what is only live is dropped. The other frames are bounded where they
are made: entries by the window of the pump, answers by what was asked."""
_MAX_DEAD_LETTER_CHARACTERS = 600_000
"""Characters of a body that go to the dead letters."""

log = logging.getLogger(__name__)


class IpcWriter:
    """`put` never blocks, so a slow supervisor cannot hold up the library's callbacks."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._frames: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._thread = start_thread("ipc-writer", self._write_frames)

    def put(self, frame: Frame) -> None:
        if not isinstance(frame, EphemeralObserved) or self._frames.qsize() < MAX_QUEUED_EPHEMERAL:
            self._frames.put(frame)

    def close(self, timeout: float) -> None:
        """The last call: write what is left, for at most `timeout` seconds."""
        self._frames.put(None)
        self._thread.join(timeout)

    def _write_frames(self) -> None:
        while (frame := self._frames.get()) is not None:
            try:
                self._connection.sendall(pack_bounded(frame))
            except OSError:
                return  # the supervisor is gone; the reading side ends the worker
            except Exception:
                log.exception("a frame could not be written", extra={"kind": type(frame).__name__})


def pack_bounded(frame: Frame) -> bytes:
    """The bytes to write. Of a frame that is too large: what tells the supervisor, and a journal entry as a dead
    letter, cut, so that the entries behind it are not held up and none is lost without a word."""
    try:
        return pack(frame)
    except ValueError as error:
        size = len(frame.model_dump_json().encode())
        instance_id = str(getattr(frame, "instance_id", ""))
        kind = type(frame).__name__
        log.error("a %s of %d bytes is larger than a frame may be (%d)", kind, size, MAX_FRAME)
        told = pack(FrameTooLarge(instance_id=instance_id, kind=kind, size_bytes=size))
        return told + pack(_dead_letter(frame, str(error))) if isinstance(frame, JournaledEvent) else told


def _dead_letter(entry: JournaledEvent, reason: str) -> JournaledEvent:
    if entry.error is None:
        kept = entry.body.encode()[: _MAX_DEAD_LETTER_CHARACTERS // 4 * 3]
        body = base64.b64encode(kept).decode()
    else:
        body = entry.body[: _MAX_DEAD_LETTER_CHARACTERS // 4 * 4]
    return entry.model_copy(update={"body": body, "error": f"{reason}; {(entry.error or '')[:2000]}"[:2500]})
