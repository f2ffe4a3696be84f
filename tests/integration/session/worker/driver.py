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
from services.session.simulated_network import SimulatedNetwork, zygote_environment

PATIENCE = 60  # seconds: generous, because the machine may be busy
INSTANCE, ORGANIZATION = "sales", "acme"


class Heard:
    """What arrived on a socket, in order, and a way to wait for more."""

    def __init__(self, ours: socket.socket, adapter: Any) -> None:
        self._socket, self._adapter = ours, adapter
        self.frames: list[Any] = []
        self.closed = False
        self._bell = asyncio.Event()

    async def open(self) -> None:
        self._reader, self.writer = await asyncio.open_unix_connection(sock=self._socket)
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while (body := await read_frame(self._reader)) is not None:
            self.frames.append(self._adapter.validate_json(body))
            self._bell.set()
        self.closed = True
        self._bell.set()

    async def wait(self, kind: type[Frame], since: int = 0, **fields: Any) -> Any:
        """The first frame of a class with these fields."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for frame in self.frames[since:]:
                    if isinstance(frame, kind) and all(getattr(frame, key) == fields[key] for key in fields):
                        return frame
                self._bell.clear()
                await self._bell.wait()

    async def wait_closed(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while not self.closed:
                self._bell.clear()
                await self._bell.wait()


class WorkerDriver(Heard):
    """One worker. Entries are confirmed only when a test says so."""

    def __init__(self, ours: socket.socket, name: str, pid: int, network: SimulatedNetwork, folder: Path) -> None:
        super().__init__(ours, FROM_WORKER)
        self.name, self.pid = name, pid
        self._network, self._folder = network, folder

    def tell(self, frame: Frame) -> None:
        self.writer.write(pack(frame))

    def start(self, instance_id: str = INSTANCE, **options: Any) -> None:
        options = {"proxy": self._network.proxy, "directory": str(self._folder / instance_id), **options}
        self.tell(Start(instance_id=instance_id, organization_id=ORGANIZATION, **options))

    def stop(self, instance_id: str = INSTANCE, *, logout: bool = False) -> None:
        self.tell(Stop(instance_id=instance_id, logout=logout))

    async def send(self, to: str, text: str, message_id: str, timeout: float = 60) -> SendResult:
        self.tell(Send(instance_id=INSTANCE, call_id=message_id, to=to, text=text, timeout_s=timeout))
        sent = await self.wait(SendResult, call_id=message_id)
        assert isinstance(sent, SendResult)
        return sent

    def entries_now(self) -> list[JournaledEvent]:
        return [frame for frame in self.frames if isinstance(frame, JournaledEvent)]

    async def entries(self, count: int) -> list[JournaledEvent]:
        """Wait for so many different journal entries; one not confirmed may be sent again after a restart."""
        async with asyncio.timeout(PATIENCE):
            while len({(entry.instance_id, entry.sequence) for entry in self.entries_now()}) < count:
                await asyncio.sleep(0.02)
        return self.entries_now()

    async def publish_all(self, count: int, instance_id: str = INSTANCE) -> list[JournaledEvent]:
        """Wait for so many entries and confirm them, as a supervisor with NATS at hand does."""
        entries = await self.entries(count)
        self.tell(EventsConfirmed(instance_id=instance_id, sequence=entries[-1].sequence))
        return entries

    async def link(self, phone: Any, instance_id: str = INSTANCE) -> None:
        """Start, show the first QR code to the phone, wait until connected."""
        self.start(instance_id)
        await phone.scan((await self.wait(LinkingCode, instance_id=instance_id)).code)
        await self.wait(ConnectionUpdate, instance_id=instance_id, event="connected")

    async def quit(self) -> None:
        self.tell(Quit())
        await self.wait_closed()

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


class ZygoteDriver:
    """A zygote of the simulated network."""

    def __init__(self, network: SimulatedNetwork, folder: Path, module: str = "services.session.worker.zygote") -> None:
        self._network, self._folder, self._module = network, folder, module
        self._count = 0
        self.workers: list[WorkerDriver] = []

    async def start(self) -> "ZygoteDriver":
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._log = (self._folder / "workers.log").open("ab")
        environment = zygote_environment({**os.environ, "WA_LOG_FORMAT": "console"}, self._network)
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            str(theirs.fileno()),
            env=environment,
            pass_fds=[theirs.fileno()],
            stderr=self._log,
        )
        theirs.close()
        self.heard = Heard(ours.dup(), FROM_ZYGOTE)
        await self.heard.open()
        return self

    async def fork(self) -> WorkerDriver:
        self._count += 1
        name = f"w{self._count}"
        ours, theirs = socket.socketpair()
        request = Fork(worker=name)
        socket.send_fds(self._socket, [pack(request)], [theirs.fileno()])
        theirs.close()
        forked = await self.heard.wait(Forked, call_id=request.call_id)
        worker = WorkerDriver(ours, name, forked.pid, self._network, self._folder)
        await worker.open()
        self.workers.append(worker)
        return worker

    async def forget_workers(self, folder: Path) -> None:
        """End all workers, as after a test; accounts of those forked from now on have their files in `folder`."""
        exited = {frame.worker for frame in self.heard.frames if isinstance(frame, WorkerExited)}
        for worker in self.workers:
            worker.writer.close()
            if worker.name not in exited:
                worker.kill()
                await self.heard.wait(WorkerExited, worker=worker.name)
        self.workers, self._folder = [], folder
        self.heard.frames.clear()

    async def stop(self) -> None:
        """Close the sockets: the zygote and every worker end by themselves."""
        for worker in self.workers:
            worker.writer.close()
        self.heard.writer.close()
        self._socket.close()
        await asyncio.wait_for(self.process.wait(), PATIENCE)
        self._log.close()
