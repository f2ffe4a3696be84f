"""The zygote process of one network, as the supervisor uses it: forks workers, and is started again when it died."""

import asyncio
import logging
import socket
import sys
from collections.abc import Awaitable, Callable

from services.session.ipc.framing import pack, read_frame
from services.session.ipc.messages import FROM_ZYGOTE, Fork, Forked, Frame, WorkerExited
from services.session.supervisor.worker_calls import WorkerCalls
from shared.platform.background import run_once

log = logging.getLogger(__name__)
FORK_TIMEOUT_S = 60.0
"""The first fork waits for the imports of the zygote."""
STOP_TIMEOUT_S = 5.0
_ZYGOTE = "zygote"

Environment = Callable[[], Awaitable[dict[str, str]]]
"""Environment variables of a new zygote: read again for each, because the simulator may have restarted with other keys.
"""


class ZygoteHandle:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._lock = asyncio.Lock()
        self._calls = WorkerCalls()
        self._process: asyncio.subprocess.Process | None = None
        self._socket: socket.socket | None = None
        self._reader: asyncio.Task[None] | None = None

    async def fork(self, worker: str) -> tuple[int, socket.socket]:
        """Process id of a new worker and our end of its socket.

        Raises WorkerLost when the zygote died meanwhile (the next fork starts a new one), TimeoutError, OSError, or
        what making the environment raises.
        """
        async with self._lock:
            if self._reader is None or self._reader.done():
                await self._start()
            ours, theirs = socket.socketpair()
            try:
                with theirs:
                    forked = self._calls.call(
                        _ZYGOTE, Fork(worker=worker), lambda fork: self._send(fork, theirs), FORK_TIMEOUT_S
                    )
                return (await forked).pid, ours
            except OSError:
                ours.close()
                raise

    def _send(self, fork: Frame, worker_socket: socket.socket) -> None:
        assert self._socket
        socket.send_fds(self._socket, [pack(fork)], [worker_socket.fileno()])

    async def stop(self) -> None:
        """The zygote ends when its socket closes; its workers live on until theirs do."""
        if self._reader:
            self._reader.cancel()
            await asyncio.wait({self._reader})
        if self._socket:
            self._socket.close()
        if self._process and self._process.returncode is None:
            try:
                await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
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
        # the reader has a file descriptor of its own, so that `ours` can pass descriptors
        reader, writer = await asyncio.open_unix_connection(sock=ours.dup())
        self._reader = run_once("reader of a zygote", self._read(reader, writer))
        log.info("zygote %d started", self._process.pid)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (body := await read_frame(reader)) is not None:
                match FROM_ZYGOTE.validate_json(body):
                    case Forked() as forked:
                        self._calls.resolve(forked)
                    case WorkerExited(worker=worker, status=status):
                        level = logging.INFO if status == 0 else logging.ERROR
                        log.log(level, "%s exited with status %d", worker, status)
        finally:
            writer.close()
            self._calls.fail_process(_ZYGOTE)
