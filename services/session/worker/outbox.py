"""The way out of a worker: frames from any thread, written one after another by one."""

import logging
import queue
import socket
import threading

from services.session.framing import pack
from services.session.protocol import Frame

log = logging.getLogger(__name__)


class Outbox:
    """`put` never blocks, so a slow supervisor cannot hold up the library's callbacks."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._frames: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="outbox", daemon=True)
        self._writer.start()

    def put(self, frame: Frame) -> None:
        self._frames.put(frame)

    def flush(self, timeout: float) -> None:
        """The last call: write what is left, for at most `timeout` seconds."""
        self._frames.put(None)
        self._writer.join(timeout)

    def _write(self) -> None:
        while (frame := self._frames.get()) is not None:
            try:
                self._connection.sendall(pack(frame))
            except ValueError:
                log.exception("a frame could not be sent")
            except OSError:
                return  # the supervisor is gone; the reading side ends the worker
