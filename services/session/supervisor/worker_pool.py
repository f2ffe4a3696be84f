"""The worker processes of this node: assigns instances to them and forks new ones."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

from prometheus_client import Gauge

from services.session.ipc.messages import Frame, FromWorker, Quit, ReplyFrame, ReplyT, RequestFrame
from services.session.supervisor.worker_calls import NoWorker, WorkerCalls
from services.session.supervisor.worker_handle import WorkerHandle
from shared.contracts.records import Network

WORKERS = Gauge("switchboard_session_workers", "Worker processes of this node")
WORKER_QUIT_TIMEOUT_S = 8.0
"""A little longer than a worker waits for its last events to be published."""
log = logging.getLogger(__name__)


class Forker(Protocol):
    """Forks the workers of one network (zygote_handle.py)."""

    async def fork(self, worker: str) -> tuple[int, socket.socket]:
        """Process id and our end of the socket. Raises when it failed."""

    async def stop(self) -> None:
        """No more workers."""


class WorkerPool:
    """`on_frame` gets the frames of the workers; `on_lost` the instances of a worker that exited without being asked.
    Implements WorkerGateway."""

    def __init__(
        self,
        zygotes: Mapping[Network, Forker],
        capacity: int,
        on_frame: Callable[[FromWorker], Awaitable[None]],
        on_lost: Callable[[Iterable[str]], Awaitable[None]],
    ) -> None:
        self._zygotes = zygotes
        self._capacity = capacity
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._lock = asyncio.Lock()
        self._count = 0
        self._quitting = False
        self.calls = WorkerCalls()
        self.workers: list[WorkerHandle] = []

    async def assign(self, instance_id: str, network: Network, *, dedicated: bool = False) -> None:
        """Give the instance a worker, unless it has one. `dedicated`: one for it alone, because it may crash the
        process. Raises OSError when none could be forked."""
        async with self._lock:
            if self._quitting:
                raise ConnectionError("the node is stopping")
            if self.worker_of(instance_id):
                return
            free = [w for w in self.workers if w.network is network and self._has_capacity(w)] if not dedicated else []
            worker = max(free, key=lambda w: len(w.instances)) if free else await self._fork(network)
            worker.is_dedicated = dedicated
            worker.instances.add(instance_id)

    def worker_of(self, instance_id: str) -> WorkerHandle | None:
        return next((worker for worker in self.workers if instance_id in worker.instances), None)

    def send(self, instance_id: str, frame: Frame) -> bool:
        worker = self.worker_of(instance_id)
        if worker:
            worker.send(frame)
        return worker is not None

    def call(self, instance_id: str, request: RequestFrame[ReplyT], timeout_s: float) -> asyncio.Future[ReplyT]:
        worker = self.worker_of(instance_id)
        if worker is None:
            raise NoWorker("the instance has no worker")
        return self.calls.call(worker.name, request, worker.send, timeout_s)

    def unassign(self, instance_id: str, *, abandoned_pairing: bool = False) -> None:
        """The connection of the instance has ended. `abandoned_pairing`: before it was linked."""
        worker = self.worker_of(instance_id)
        if worker is None:
            return
        worker.instances.discard(instance_id)
        worker.abandoned_pairings += abandoned_pairing
        if worker.is_retired and not worker.instances:
            log.info("%s quits: it had %d abandoned pairings", worker.name, worker.abandoned_pairings)
            worker.send(Quit())

    async def quit(self) -> None:
        """Close every connection and end every worker and zygote."""
        self._quitting = True
        await asyncio.gather(*(worker.quit(WORKER_QUIT_TIMEOUT_S) for worker in list(self.workers)))
        for zygote in self._zygotes.values():
            await zygote.stop()

    def _has_capacity(self, worker: WorkerHandle) -> bool:
        return not worker.is_retired and len(worker.instances) < self._capacity

    async def _fork(self, network: Network) -> WorkerHandle:
        self._count += 1
        name = f"{network.value}-worker-{self._count}"
        pid, connection = await self._zygotes[network].fork(name)
        worker = WorkerHandle(name, pid, network, connection)
        self.workers.append(worker)
        await worker.open(self._receive, self._on_exit)
        WORKERS.set(len(self.workers))
        return worker

    async def _receive(self, frame: FromWorker) -> None:
        if isinstance(frame, ReplyFrame):
            self.calls.resolve(frame)
        await self._on_frame(frame)

    async def _on_exit(self, worker: WorkerHandle) -> None:
        self.workers.remove(worker)
        WORKERS.set(len(self.workers))
        self.calls.fail_process(worker.name)
        if worker.instances and not self._quitting:
            log.error("%s (process %d) exited with %d instances", worker.name, worker.pid, len(worker.instances))
            await self._on_lost(sorted(worker.instances))
