"""The workers of this node: which one holds which account, new ones when they are full, none that is worn out."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

from prometheus_client import Gauge

from services.session.ipc.messages import Frame, FromWorker, Quit
from services.session.supervisor.worker_handle import Worker
from shared.contracts.records import Network

WORKERS = Gauge("switchboard_session_workers", "Worker processes of this node")
QUIT_GRACE = 8.0
"""Seconds; a little longer than a worker waits for its last entries to be published."""
log = logging.getLogger(__name__)

OnFrame = Callable[[FromWorker], Awaitable[None]]
OnLost = Callable[[Iterable[str]], Awaitable[None]]


class Forker(Protocol):
    """Where workers of one network come from (supervisor/zygote_handle.py)."""

    async def fork(self, worker: str) -> tuple[int, socket.socket]:
        """Process id and our end of the socket. Raises when none could be made."""

    async def stop(self) -> None:
        """No more workers."""


class Pool:
    """`on_frame` gets what workers say; `on_lost` the accounts of a worker that ended without being asked."""

    def __init__(self, zygotes: Mapping[Network, Forker], capacity: int, on_frame: OnFrame, on_lost: OnLost) -> None:
        self._zygotes, self._capacity = zygotes, capacity
        self._on_frame, self._on_lost = on_frame, on_lost
        self._lock = asyncio.Lock()
        self._count = 0
        self._quitting = False
        self.workers: list[Worker] = []

    async def place(self, instance_id: str, network: Network, *, alone: bool = False) -> None:
        """Give the account a worker, unless it has one; `alone`: one it shares with nobody, because it may end the
        process. Raises OSError when none could be made."""
        async with self._lock:
            if self._quitting:
                raise ConnectionError("the node is stopping")
            if self.worker_of(instance_id):
                return
            room = [w for w in self.workers if w.network is network and self._has_room(w)] if not alone else []
            worker = max(room, key=lambda w: len(w.instances)) if room else await self._fork(network)
            worker.alone = alone
            worker.instances.add(instance_id)

    def worker_of(self, instance_id: str) -> Worker | None:
        return next((worker for worker in self.workers if instance_id in worker.instances), None)

    def tell(self, instance_id: str, frame: Frame) -> bool:
        """False: the account has no worker."""
        worker = self.worker_of(instance_id)
        if worker:
            worker.tell(frame)
        return worker is not None

    def release(self, instance_id: str, *, abandoned: bool = False) -> None:
        """The account's connection has ended. abandoned: a pairing nobody finished."""
        worker = self.worker_of(instance_id)
        if worker is None:
            return
        worker.instances.discard(instance_id)
        worker.abandoned += abandoned
        if worker.retired and not worker.instances:
            log.info("%s ends: it gets no more accounts (%d ended pairings)", worker.name, worker.abandoned)
            worker.tell(Quit())

    async def quit(self) -> None:
        """Close every connection and end every worker and zygote."""
        self._quitting = True
        await asyncio.gather(*(worker.quit(QUIT_GRACE) for worker in list(self.workers)))
        for zygote in self._zygotes.values():
            await zygote.stop()

    def _has_room(self, worker: Worker) -> bool:
        return not worker.retired and len(worker.instances) < self._capacity

    async def _fork(self, network: Network) -> Worker:
        self._count += 1
        name = f"{network.value}-worker-{self._count}"
        pid, connection = await self._zygotes[network].fork(name)
        worker = Worker(name, pid, network, connection)
        self.workers.append(worker)
        await worker.open(self._heard, self._ended)
        WORKERS.set(len(self.workers))
        return worker

    async def _heard(self, _worker: Worker, frame: FromWorker) -> None:
        await self._on_frame(frame)

    async def _ended(self, worker: Worker) -> None:
        self.workers.remove(worker)
        WORKERS.set(len(self.workers))
        if worker.instances and not self._quitting:
            log.error("%s (process %d) ended and held %d accounts", worker.name, worker.pid, len(worker.instances))
            await self._on_lost(sorted(worker.instances))
