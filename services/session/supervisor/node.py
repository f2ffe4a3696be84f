"""One node of the session service: builds its parts, starts and stops them, and routes the frames of the workers."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterable, Mapping
from functools import partial
from typing import Any, TypedDict

from prometheus_client import Counter, Gauge

from services.session.ipc.messages import (
    ConnectionUpdate,
    EphemeralObserved,
    EventsConfirmed,
    FrameTooLarge,
    FromWorker,
    JournaledEvent,
    LinkingCode,
    SendResult,
)
from services.session.ipc.send_error_codes import NEW_CHATS_RESTRICTED
from services.session.settings import SessionSettings
from services.session.store.connections import ConnectionCollection
from services.session.store.data_folder import folder_id
from services.session.store.sends import SendCollection
from services.session.supervisor.commands import CommandHandlers
from services.session.supervisor.connection_status import ConnectionStatusStore
from services.session.supervisor.device_linking import DeviceLinking
from services.session.supervisor.event_publisher import OrderedEventPublisher
from services.session.supervisor.instance_lookup import InstanceLookup
from services.session.supervisor.instance_supervisor import InstanceSupervisor, ProxyOf
from services.session.supervisor.new_chat_limit import NewChatLimit
from services.session.supervisor.node_lease import LeaseHolder, NodeLease
from services.session.supervisor.number_lookup import NumberLookupService
from services.session.supervisor.presence import PresenceService
from services.session.supervisor.reconciler import Reconciler
from services.session.supervisor.sending import SendService
from services.session.supervisor.worker_pool import Forker, WorkerPool
from shared.contracts.records import ConnectionStatus, Network
from shared.messaging.client import NatsClient, jetstream
from shared.messaging.publisher import Publisher, publish_ephemeral
from shared.platform.background import keep_running, run_critical, run_once, stop_task
from shared.platform.mongo import Database

INSTANCES = Gauge("switchboard_session_accounts", "Instances this node owns, by status", ["status"])
TOO_LARGE = Counter("switchboard_session_frames_too_large", "Frames that workers could not send", ["kind"])
MAX_FRAME_TASKS = 10_000
"""Frames of workers being handled, beyond which ephemeral events are dropped."""
DRAIN_TIMEOUT_S = 3.0
"""Time for the last events to be published when the node stops."""
log = logging.getLogger(__name__)


class WorkerStatus(TypedDict):
    """worker: its name. instances: their ids."""

    worker: str
    pid: int
    network: str
    instances: list[str]


class SessionNode:
    """`start()`, then commands, then `stop()`."""

    def __init__(
        self,
        settings: SessionSettings,
        database: Database,
        client: NatsClient,
        zygotes: Mapping[Network, Forker],
        proxy_of: ProxyOf,
    ) -> None:
        js = jetstream(client)
        publisher = Publisher(js)
        connections = ConnectionCollection(database, settings.node_name)
        self._workers = WorkerPool(zygotes, settings.accounts_per_worker, self._on_frame, self._on_workers_lost)
        self._events = OrderedEventPublisher(publisher, self._confirm)
        self.lease = NodeLease(
            js,
            settings.node_name,
            settings.lease_ttl,
            LeaseHolder(folder_id(settings.data_dir), settings.mongo_database, time.time()),
            on_lost=self._on_lease_lost,
            on_regained=self._on_lease_regained,
        )
        statuses = ConnectionStatusStore(connections, self._events)
        linking = DeviceLinking(connections, settings.other_number)
        self._supervisor = InstanceSupervisor(statuses, self._workers, linking, settings.data_dir, proxy_of)
        self._new_chat_limit = NewChatLimit(self._supervisor, statuses)
        self._reconciler = Reconciler(self._supervisor, self._workers, connections, self.lease, settings.start_interval)
        instances = InstanceLookup(self._supervisor, connections, self.lease)
        self.commands = CommandHandlers(
            self._supervisor, statuses, instances, self._reconciler, publisher, frozenset(zygotes)
        )
        self.sends = SendService(SendCollection(database), instances, self._workers, publisher)
        self.presence = PresenceService(instances, self._workers, partial(publish_ephemeral, client), publisher)
        self.number_lookup = NumberLookupService(instances, self._workers)
        self._frame_tasks: set[asyncio.Task[None]] = set()
        self._background_tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Acquire the lease, then start every instance that is to run."""
        await self.lease.acquire()
        self._background_tasks = [
            keep_running("reconciler.run", self._reconciler.run),
            run_critical("lease.renew_forever", self.lease.renew_forever, self.lease.give_up),
        ]
        for status in ConnectionStatus:
            INSTANCES.labels(status.value).set_function(partial(self._count, status))

    async def stop(self) -> None:
        """Close every connection, then delete the lease; the connections are restored at the next start."""
        if not self._background_tasks:
            return
        reconciling, renewing = self._background_tasks
        await stop_task(reconciling)
        self._supervisor.suspend("service_stopping")
        await self._workers.quit()
        if self._frame_tasks:
            await asyncio.wait(self._frame_tasks, timeout=DRAIN_TIMEOUT_S)
        await self._events.drain(DRAIN_TIMEOUT_S)
        await stop_task(renewing)

    def workers(self) -> list[WorkerStatus]:
        """The worker processes."""
        return [
            {"worker": w.name, "pid": w.pid, "network": w.network.value, "instances": sorted(w.instances)}
            for w in self._workers.workers
        ]

    def _on_lease_lost(self) -> None:
        self._supervisor.suspend("lease_lost")

    def _on_lease_regained(self) -> None:
        self._supervisor.resume()
        self._reconciler.wake_up()

    async def _on_frame(self, frame: FromWorker) -> None:
        """Never waits: one instance must not delay the messages of another. Tasks acquire the lock of their instance in
        the order in which they are created."""
        match frame:
            case JournaledEvent():
                self._events.enqueue(frame.instance_id, frame)
            case SendResult(code=code) if code == NEW_CHATS_RESTRICTED:
                self._start_task("restriction of new chats", self._new_chat_limit.on_send_refused(frame.instance_id))
            case EphemeralObserved():
                if len(self._frame_tasks) < MAX_FRAME_TASKS:
                    self._start_task("ephemeral event of a worker", self.presence.publish_observed(frame))
            case FrameTooLarge():
                TOO_LARGE.labels(frame.kind).inc()
                extra = {"instance_id": frame.instance_id}
                log.error("a %s of %d bytes was too large for a frame", frame.kind, frame.size_bytes, extra=extra)
            case ConnectionUpdate() | LinkingCode():
                self._start_task("update of a connection", self._supervisor.on_worker_frame(frame))

    async def _on_workers_lost(self, instance_ids: Iterable[str]) -> None:
        for instance_id in instance_ids:
            self._start_task("exit of a worker", self._supervisor.on_worker_lost(instance_id))

    def _confirm(self, instance_id: str, sequence: int) -> None:
        self._workers.send(instance_id, EventsConfirmed(instance_id=instance_id, sequence=sequence))

    def _count(self, status: ConnectionStatus) -> int:
        return sum(instance.connection.status is status for instance in self._supervisor.all())

    def _start_task(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = run_once(name, work)
        self._frame_tasks.add(task)
        task.add_done_callback(self._frame_tasks.discard)
