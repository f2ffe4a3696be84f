"""The zygote of one network, seen from the supervisor: asked for workers, started again when it dies."""

import asyncio
import logging
import socket
import sys
from collections.abc import Awaitable, Callable

from services.session.ipc.framing import pack, read_frame
from services.session.ipc.messages import FROM_ZYGOTE, Fork, Forked, FromZygote, WorkerExited
from shared.platform.background import run_once

log = logging.getLogger(__name__)
FORK_LIMIT = 60.0
"""Seconds a fork may take; the first one waits for the zygote's imports."""

Environment = Callable[[], Awaitable[dict[str, str]]]
"""Made anew for every zygote: the simulator may have been started again with other keys."""


class ZygoteGone(ConnectionError):
    """The zygote died before it answered; the next fork starts a new one."""


class Zygote:
    """`fork()` gives the process id and our end of a worker's socket."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._socket: socket.socket | None = None
        self._reading: asyncio.Task[None] | None = None
        self._forked: dict[str, asyncio.Future[int]] = {}

    async def fork(self, worker: str) -> tuple[int, socket.socket]:
        """Raises ZygoteGone, TimeoutError, or what making the environment raises."""
        async with self._lock:
            if self._reading is None or self._reading.done():
                await self._start()
            assert self._socket
            ours, theirs = socket.socketpair()
            request = Fork(worker=worker)
            answer = self._forked[request.call_id] = asyncio.get_running_loop().create_future()
            try:
                with theirs:
                    socket.send_fds(self._socket, [pack(request)], [theirs.fileno()])
                return await asyncio.wait_for(answer, FORK_LIMIT), ours
            except OSError:
                ours.close()
                raise
            finally:
                self._forked.pop(request.call_id, None)

    async def stop(self) -> None:
        """The zygote ends when its socket closes; its workers live on until theirs do."""
        if self._reading:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        if self._socket:
            self._socket.close()
        if self._process and self._process.returncode is None:
            try:
                await asyncio.wait_for(self._process.wait(), 5)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    async def _start(self) -> None:
        await self.stop()
        environment = await self._environment()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.session.worker.zygote",
                str(theirs.fileno()),
                env=environment,
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
            )
        self._socket = ours
        # the reader has a descriptor of its own, so that ours stays free for passing descriptors
        reader, writer = await asyncio.open_unix_connection(sock=ours.dup())
        self._reading = run_once("reader of a zygote", self._read(reader, writer))
        log.info("zygote %d started", self._process.pid)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (body := await read_frame(reader)) is not None:
                self._heard(FROM_ZYGOTE.validate_json(body))
        finally:
            writer.close()
            for waiting in self._forked.values():
                if not waiting.done():
                    waiting.set_exception(ZygoteGone("the zygote ended"))

    def _heard(self, frame: FromZygote) -> None:
        match frame:
            case Forked(call_id=call_id, pid=pid):
                if (waiting := self._forked.get(call_id)) and not waiting.done():
                    waiting.set_result(pid)
            case WorkerExited(worker=worker, status=status):
                log.log(logging.INFO if status == 0 else logging.ERROR, "%s ended with %d", worker, status)
