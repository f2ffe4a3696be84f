"""One worker process, seen from the supervisor: a socket, and the accounts it holds."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable

from services.session.ipc.framing import pack, read_frame
from services.session.ipc.messages import FROM_WORKER, Frame, FromWorker, Quit
from services.session.supervisor.process_handle import ProcessHandle
from shared.contracts.records import Network
from shared.platform.background import note_failure, run_once

log = logging.getLogger(__name__)
MAX_UNREAD_BYTES = 32_000_000
"""Frames that a worker has not read."""
MAX_END_S = 10.0
"""Seconds a worker process may live on after its socket was closed. Its accounts start in another worker, which waits
until the process has released their locks."""
ABANDONED_LIMIT = 20
"""Ended pairings leave threads inside the library; after so many a worker gets no more accounts."""


class Worker:
    """`on_frame` gets everything it says, in order; `on_end` is called once when its socket closes."""

    def __init__(self, name: str, pid: int, network: Network, connection: socket.socket) -> None:
        self.name, self.pid, self.network = name, pid, network
        self.instances: set[str] = set()
        self.abandoned = 0
        self.alone = False
        """It holds one account that may end the process, and gets no other."""
        self.ended = asyncio.Event()
        self._connection = connection
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._process = ProcessHandle(pid)

    async def open(
        self,
        on_frame: Callable[["Worker", FromWorker], Awaitable[None]],
        on_end: Callable[["Worker"], Awaitable[None]],
    ) -> None:
        reader, self._writer = await asyncio.open_unix_connection(sock=self._connection)
        self._reading = run_once("reader of a worker", self._read(reader, on_frame, on_end))

    @property
    def retired(self) -> bool:
        """Gets no more accounts."""
        return self.ended.is_set() or self.alone or self.abandoned >= ABANDONED_LIMIT

    def tell(self, frame: Frame) -> None:
        """Nothing happens when the worker is gone: its end is told apart. One that reads nothing any more is killed."""
        if self._writer is None or self.ended.is_set():
            return
        if self._writer.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            log.error("%s (process %d) reads nothing any more and is killed", self.name, self.pid)
            self._writer.transport.abort()
            self._process.kill()
            return
        self._writer.write(pack(frame))

    async def quit(self, grace: float) -> None:
        """Ask it to close every connection and end; kill it when that takes longer than `grace` seconds."""
        self.tell(Quit())
        try:
            await asyncio.wait_for(self.ended.wait(), grace)
        except TimeoutError:
            log.warning("%s did not end in %.0f s and is killed", self.name, grace)
            self._process.kill()
            if self._writer:
                self._writer.close()

    async def _read(
        self,
        reader: asyncio.StreamReader,
        on_frame: Callable[["Worker", FromWorker], Awaitable[None]],
        on_end: Callable[["Worker"], Awaitable[None]],
    ) -> None:
        try:
            while (body := await read_frame(reader)) is not None:
                try:
                    await on_frame(self, FROM_WORKER.validate_json(body))
                except Exception as error:
                    note_failure("frame of a worker", error)
        finally:  # a worker that nobody hears is no worker: its socket closes, which ends it
            self.ended.set()
            if self._writer:
                self._writer.close()
            run_once("end of a worker process", self._see_off())
            await on_end(self)

    async def _see_off(self) -> None:
        """One that hangs would keep its connections to WhatsApp and the locks of its accounts."""
        try:
            if not await self._process.ended(MAX_END_S):
                log.error("%s (process %d) lives on without a socket and is killed", self.name, self.pid)
                self._process.kill()
        finally:
            self._process.close()
