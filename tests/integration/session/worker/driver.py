"""Plays the supervisor of one real zygote and its workers."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from services.session.ipc.framing import pack, read_frame
from services.session.ipc.messages import (
    FROM_WORKER,
    FROM_ZYGOTE,
    ConnectionUpdate,
    EventsConfirmed,
    Fork,
    Forked,
    Frame,
    JournaledEvent,
    LinkingCode,
    Quit,
    Send,
    SendResult,
    Start,
    Stop,
    WorkerExited,
)
from services.session.supervisor.simulated_network import SimulatedNetwork
from services.session.supervisor.zygote_environment import zygote_environment
from tests.waiting import until

TIMEOUT_S = 60
"""Generous, because the machine may be busy."""
INSTANCE, ORGANIZATION = "sales", "acme"


class FrameReader:
    """The frames that arrived on a socket, in order, and a way to wait for more."""

    def __init__(self, own_end: socket.socket, adapter: Any) -> None:
        self._socket = own_end
        self._adapter = adapter
        self.frames: list[Any] = []
        self.closed = False
        self._arrived = asyncio.Event()

    async def open(self) -> None:
        self._reader, self.writer = await asyncio.open_unix_connection(sock=self._socket)
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while (body := await read_frame(self._reader)) is not None:
            self.frames.append(self._adapter.validate_json(body))
            self._arrived.set()
        self.closed = True
        self._arrived.set()

    async def wait(self, kind: type[Frame], since: int = 0, **fields: Any) -> Any:
        """The first frame of a class with these field values, from index `since` on."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                for frame in self.frames[since:]:
                    if isinstance(frame, kind) and all(getattr(frame, key) == fields[key] for key in fields):
                        return frame
                self._arrived.clear()
                await self._arrived.wait()

    async def wait_closed(self) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while not self.closed:
                self._arrived.clear()
                await self._arrived.wait()


class WorkerDriver(FrameReader):
    """One worker. Journaled events are confirmed only by the test."""

    def __init__(self, own_end: socket.socket, name: str, pid: int, network: SimulatedNetwork, folder: Path) -> None:
        super().__init__(own_end, FROM_WORKER)
        self.name = name
        self.pid = pid
        self._network = network
        self._folder = folder

    def send_frame(self, frame: Frame) -> None:
        self.writer.write(pack(frame))

    def start(self, instance_id: str = INSTANCE, **options: Any) -> None:
        options = {"proxy": self._network.proxy, "directory": str(self._folder / instance_id), **options}
        self.send_frame(Start(instance_id=instance_id, organization_id=ORGANIZATION, **options))

    def stop(self, instance_id: str = INSTANCE, *, logout: bool = False) -> None:
        self.send_frame(Stop(instance_id=instance_id, logout=logout))

    async def send(self, to: str, text: str, message_id: str, timeout: float = 60) -> SendResult:
        self.send_frame(Send(instance_id=INSTANCE, call_id=message_id, to=to, text=text, timeout_s=timeout))
        result = await self.wait(SendResult, call_id=message_id)
        assert isinstance(result, SendResult)
        return result

    def received_entries(self) -> list[JournaledEvent]:
        return [frame for frame in self.frames if isinstance(frame, JournaledEvent)]

    async def entries(self, count: int) -> list[JournaledEvent]:
        """Wait for `count` different journaled events; one that is not confirmed may be sent again after a restart."""
        await until(lambda: len({(entry.instance_id, entry.sequence) for entry in self.received_entries()}) >= count)
        return self.received_entries()

    async def confirm_entries(self, count: int, instance_id: str = INSTANCE) -> list[JournaledEvent]:
        """Wait for `count` journaled events and confirm them, as the supervisor does when JetStream has them."""
        entries = await self.entries(count)
        self.send_frame(EventsConfirmed(instance_id=instance_id, sequence=entries[-1].sequence))
        return entries

    async def link(self, phone: Any, instance_id: str = INSTANCE) -> None:
        """Start, show the first QR code to the phone, wait until connected."""
        self.start(instance_id)
        await phone.scan((await self.wait(LinkingCode, instance_id=instance_id)).code)
        await self.wait(ConnectionUpdate, instance_id=instance_id, event="connected")

    async def quit(self) -> None:
        self.send_frame(Quit())
        await self.wait_closed()

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


class ZygoteDriver:
    """A zygote of the simulated network."""

    def __init__(self, network: SimulatedNetwork, folder: Path, module: str = "services.session.worker.zygote") -> None:
        self._network = network
        self._folder = folder
        self._module = module
        self._count = 0
        self.workers: list[WorkerDriver] = []

    async def start(self) -> "ZygoteDriver":
        own_end, other_end = socket.socketpair()
        self._socket = own_end
        self._log = (self._folder / "workers.log").open("ab")
        environment = zygote_environment({**os.environ, "WA_LOG_FORMAT": "console"}, self._network)
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            str(other_end.fileno()),
            env=environment,
            pass_fds=[other_end.fileno()],
            stderr=self._log,
        )
        other_end.close()
        self.reader = FrameReader(own_end.dup(), FROM_ZYGOTE)
        await self.reader.open()
        return self

    async def fork(self) -> WorkerDriver:
        self._count += 1
        name = f"w{self._count}"
        own_end, other_end = socket.socketpair()
        request = Fork(worker=name)
        socket.send_fds(self._socket, [pack(request)], [other_end.fileno()])
        other_end.close()
        forked = await self.reader.wait(Forked, call_id=request.call_id)
        worker = WorkerDriver(own_end, name, forked.pid, self._network, self._folder)
        await worker.open()
        self.workers.append(worker)
        return worker

    async def end_workers(self, folder: Path) -> None:
        """End all workers, as after a test. Accounts of workers that are forked later have their files in `folder`."""
        exited = {frame.worker for frame in self.reader.frames if isinstance(frame, WorkerExited)}
        for worker in self.workers:
            worker.writer.close()
            if worker.name not in exited:
                worker.kill()
                await self.reader.wait(WorkerExited, worker=worker.name)
        self.workers = []
        self._folder = folder
        self.reader.frames.clear()

    async def stop(self) -> None:
        """Close the sockets, at which the zygote and every worker end."""
        for worker in self.workers:
            worker.writer.close()
        self.reader.writer.close()
        self._socket.close()
        await asyncio.wait_for(self.process.wait(), TIMEOUT_S)
        self._log.close()
