"""One worker process, as the supervisor uses it: its socket and the instances assigned to it."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable

from services.session.ipc.framing import pack, read_frame
from services.session.ipc.messages import FROM_WORKER, Frame, FromWorker, Quit
from services.session.supervisor.process_handle import ProcessHandle
from shared.contracts.records import Network
from shared.platform.background import log_failure, run_once

log = logging.getLogger(__name__)
MAX_UNREAD_BYTES = 32_000_000
"""Frames that a worker has not read; beyond it the worker is killed."""
EXIT_TIMEOUT_S = 10.0
"""Time a worker process has to exit after its socket was closed. Its instances start in another worker, which waits
until the process has released their locks."""
MAX_ABANDONED_PAIRINGS = 20
"""An ended pairing leaves threads inside the library; a worker with so many is assigned no more instances."""

OnFrame = Callable[[FromWorker], Awaitable[None]]
OnExit = Callable[["WorkerHandle"], Awaitable[None]]


class WorkerHandle:
    """`open()`, then `send()`; `exited` is set when the socket closes."""

    def __init__(self, name: str, pid: int, network: Network, connection: socket.socket) -> None:
        self.name = name
        self.pid = pid
        self.network = network
        self.instances: set[str] = set()
        self.abandoned_pairings = 0
        self.is_dedicated = False
        """It has one instance that may crash the process, and gets no other."""
        self.exited = asyncio.Event()
        self._connection = connection
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.Task[None] | None = None
        self._process = ProcessHandle(pid)

    async def open(self, on_frame: OnFrame, on_exit: OnExit) -> None:
        """`on_frame` gets the worker's frames in order; `on_exit` is called once, when the socket closes."""
        reader, self._writer = await asyncio.open_unix_connection(sock=self._connection)
        self._reader = run_once("reader of a worker", self._read(reader, on_frame, on_exit))

    @property
    def is_retired(self) -> bool:
        """It is assigned no more instances."""
        return self.exited.is_set() or self.is_dedicated or self.abandoned_pairings >= MAX_ABANDONED_PAIRINGS

    def send(self, frame: Frame) -> None:
        """Dropped when the process has exited, which `on_exit` reports. A worker that does not read is killed."""
        if self._writer is None or self.exited.is_set():
            return
        if self._writer.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            log.error("%s (process %d) does not read its socket and is killed", self.name, self.pid)
            self._writer.transport.abort()
            self._process.kill()
            return
        self._writer.write(pack(frame))

    async def quit(self, timeout_s: float) -> None:
        """Ask it to close every connection and exit; kill it after `timeout_s`."""
        self.send(Quit())
        try:
            await asyncio.wait_for(self.exited.wait(), timeout_s)
        except TimeoutError:
            log.warning("%s did not exit within %.0f s and is killed", self.name, timeout_s)
            self._process.kill()
            if self._writer:
                self._writer.close()

    async def _read(self, reader: asyncio.StreamReader, on_frame: OnFrame, on_exit: OnExit) -> None:
        try:
            while (body := await read_frame(reader)) is not None:
                try:
                    await on_frame(FROM_WORKER.validate_json(body))
                except Exception as error:
                    log_failure("frame of a worker", error)
        finally:  # without a reader the worker is useless: closing its socket ends it
            self.exited.set()
            if self._writer:
                self._writer.close()
            run_once("exit of a worker process", self._ensure_exit())
            await on_exit(self)

    async def _ensure_exit(self) -> None:
        """A process that hangs would keep its connections to WhatsApp and the locks of its instances."""
        try:
            if not await self._process.wait(EXIT_TIMEOUT_S):
                log.error("%s (process %d) did not exit when its socket closed and is killed", self.name, self.pid)
                self._process.kill()
        finally:
            self._process.close()
