"""Writes a worker's frames to the supervisor: queued by any thread, written in order by one."""

import base64
import logging
import queue
import socket

from services.session.ipc.framing import MAX_FRAME_BYTES, pack
from services.session.ipc.messages import EphemeralObserved, Frame, FrameTooLarge, JournaledEvent
from services.session.worker.threads import start_thread

MAX_QUEUED_EPHEMERAL = 1_000
"""While more frames than this wait to be written, ephemeral events are dropped. The other frames are bounded where they
are made: journaled events by the forwarder's window, results by the number of requests."""
_MAX_DEAD_LETTER_CHARACTERS = 600_000
"""Characters of a body that is too large which go to the dead letters."""

log = logging.getLogger(__name__)


class IpcWriter:
    """`put` never blocks, so a slow supervisor does not block the library's callbacks."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._frames: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._thread = start_thread("ipc-writer", self._write_frames)

    def put(self, frame: Frame) -> None:
        if not isinstance(frame, EphemeralObserved) or self._frames.qsize() < MAX_QUEUED_EPHEMERAL:
            self._frames.put(frame)

    def close(self, timeout_s: float) -> None:
        """Write the queued frames, for at most `timeout_s`. Nothing is written afterwards."""
        self._frames.put(None)
        self._thread.join(timeout_s)

    def _write_frames(self) -> None:
        while (frame := self._frames.get()) is not None:
            try:
                self._connection.sendall(pack_bounded(frame))
            except OSError:
                return  # the supervisor has closed the socket; the thread that reads from it ends the worker
            except Exception:
                log.exception("a frame could not be written", extra={"kind": type(frame).__name__})


def pack_bounded(frame: Frame) -> bytes:
    """The bytes to write. A frame that is too large is replaced by FrameTooLarge; a JournaledEvent is written as well,
    cut and marked as a dead letter, so that it is not lost silently and does not block the events behind it."""
    try:
        return pack(frame)
    except ValueError as error:
        size_bytes = len(frame.model_dump_json().encode())
        instance_id = str(getattr(frame, "instance_id", ""))
        kind = type(frame).__name__
        log.error("a %s has %d bytes; a frame may have %d", kind, size_bytes, MAX_FRAME_BYTES)
        replacement = pack(FrameTooLarge(instance_id=instance_id, kind=kind, size_bytes=size_bytes))
        if isinstance(frame, JournaledEvent):
            replacement += pack(_dead_letter(frame, str(error)))
        return replacement


def _dead_letter(event: JournaledEvent, reason: str) -> JournaledEvent:
    if event.error is None:
        raw = event.body.encode()[: _MAX_DEAD_LETTER_CHARACTERS // 4 * 3]
        body = base64.b64encode(raw).decode()
    else:  # the body is base64 already
        body = event.body[: _MAX_DEAD_LETTER_CHARACTERS // 4 * 4]
    return event.model_copy(update={"body": body, "error": f"{reason}; {(event.error or '')[:2000]}"[:2500]})
