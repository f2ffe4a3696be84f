"""One node of the session service: everything it runs, put together, started and stopped."""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from prometheus_client import Counter, Gauge

from services.session.ipc.messages import (
    EphemeralObserved,
    EventsConfirmed,
    FrameTooLarge,
    FromWorker,
    JournaledEvent,
    NumberLookupResult,
    ReadReceiptsResult,
    SendResult,
)
from services.session.ipc.send_error_codes import NEW_CHATS_RESTRICTED
from services.session.settings import SessionSettings
from services.session.store.connections import Connections
from services.session.store.data_folder import folder_id
from services.session.store.sends import Sends
from services.session.supervisor.commands import Handlers
from services.session.supervisor.connection_status import Board
from services.session.supervisor.device_linking import Linking
from services.session.supervisor.event_publisher import Outlet
from services.session.supervisor.instance_supervisor import Accounts, ProxyOf
from services.session.supervisor.new_chat_limit import NewChats
from services.session.supervisor.node_lease import Holder, Lease
from services.session.supervisor.number_lookup import Numbers
from services.session.supervisor.ownership import Instances, Ownership, unknown_instance
from services.session.supervisor.presence import Attending
from services.session.supervisor.reconciler import Reconciler
from services.session.supervisor.sending import Sending
from services.session.supervisor.supervised_instance import Account
from services.session.supervisor.worker_pool import Forker, Pool
from shared.contracts.commands import LogoutInstance
from shared.contracts.message import Command
from shared.contracts.records import ConnectionStatus, Network
from shared.messaging.client import NatsClient, jetstream
from shared.messaging.publisher import Publisher, publish_ephemeral
from shared.platform.background import keep_running, run_critical, run_once, stop_task
from shared.platform.mongo import Database

ACCOUNTS = Gauge("switchboard_session_accounts", "Accounts this node holds, by state", ["status"])
TOO_LARGE = Counter("switchboard_session_frames_too_large", "Frames of workers that could not be sent", ["kind"])
MAX_TASKS = 10_000
"""News of workers being handled, beyond which what is only live is dropped."""
DRAIN = 3.0
"""Seconds the last events have to reach the stream when the node stops."""
log = logging.getLogger(__name__)


class Node:
    """`start()`, then commands through `handlers` and `sending`, then `stop()`."""

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
        connections = Connections(database, settings.node_name)
        holder = Holder(folder_id(settings.data_dir), settings.mongo_database, time.time())
        self.lease = Lease(js, settings.node_name, settings.lease_ttl, holder)
        self._outlet = Outlet(publisher, self._published)
        board = Board(connections, self._outlet)
        self._accounts = Accounts(board, settings.data_dir, proxy_of, Linking(connections, settings.other_number))
        self._new_chats = NewChats(self._accounts, board)
        self._pool = Pool(zygotes, settings.accounts_per_worker, self._heard, self._lost)
        self._accounts.pool = self._pool
        self._reconciler = Reconciler(self._accounts, connections, self.lease, settings.start_interval)
        owns = Ownership(self._accounts, connections).owns
        instances = Instances(self._accounts.get, self._pool.tell, self._reconciler.elsewhere, owns)

        async def hold(command: Command, network: Network) -> Account | None:
            if not await owns(command.organization_id, command.instance_id):
                raise unknown_instance()
            ends = isinstance(command, LogoutInstance)
            return await self._reconciler.hold(
                command.instance_id, command.organization_id, network, even_without_keys=ends
            )

        self.handlers = Handlers(self._accounts, board, hold, publisher, frozenset(zygotes))
        self.sending = Sending(Sends(database), instances, publisher)
        self.attending = Attending(instances, partial(publish_ephemeral, client), publisher)
        self.numbers = Numbers(self._accounts.get, self._pool.tell)
        self._tasks: set[asyncio.Task[None]] = set()
        self._background: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take the lease, then bring back every account that should run."""
        self.lease.lost = partial(self._reconciler.suspend, "lease_lost")
        self.lease.regained = self._reconciler.resume
        await self.lease.take()
        self._background = [
            keep_running("reconciler.run", self._reconciler.run),
            run_critical("lease.keep", self.lease.keep, self.lease.let_go),
        ]
        for status in ConnectionStatus:
            ACCOUNTS.labels(status.value).set_function(partial(self._count, status))

    async def stop(self) -> None:
        """Close every connection in order, then give the lease back; they come back at the next start."""
        if not self._background:
            return
        reconciling, leasing = self._background
        await stop_task(reconciling)
        self._reconciler.suspend("service_stopping")
        await self._pool.quit()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN)
        await self._outlet.drain(DRAIN)
        await stop_task(leasing)

    def workers(self) -> list[dict[str, Any]]:
        """The worker processes: worker (its name), process id, network and instance ids."""
        return [
            {"worker": w.name, "pid": w.pid, "network": w.network.value, "instances": sorted(w.instances)}
            for w in self._pool.workers
        ]

    async def _heard(self, frame: FromWorker) -> None:
        """Never waits: one account's state must not hold up another's messages. Tasks take the account's lock in the
        order they are made."""
        if isinstance(frame, JournaledEvent):
            self._outlet.put(frame.instance_id, frame)
        elif isinstance(frame, SendResult):
            self.sending.heard(frame)
            if frame.code == NEW_CHATS_RESTRICTED:
                self._keep_running(self._new_chats.restricted(frame.instance_id))
        elif isinstance(frame, ReadReceiptsResult):
            self.attending.heard(frame)
        elif isinstance(frame, EphemeralObserved):
            if len(self._tasks) < MAX_TASKS:  # what is only live may be missed
                self._keep_running(self.attending.tell(frame))
        elif isinstance(frame, FrameTooLarge):
            TOO_LARGE.labels(frame.kind).inc()
            log.error("a %s of %d bytes was too large for a frame", frame.kind, frame.size_bytes, extra=_of(frame))
        elif isinstance(frame, NumberLookupResult):
            self.numbers.heard(frame)
        else:
            self._keep_running(self._accounts.heard(frame))

    async def _lost(self, instance_ids: Iterable[str]) -> None:
        for instance_id in instance_ids:
            self.sending.lost(instance_id)
            self.attending.lost(instance_id)
            self._keep_running(self._accounts.lost(instance_id))

    def _published(self, instance_id: str, sequence: int) -> None:
        self._pool.tell(instance_id, EventsConfirmed(instance_id=instance_id, sequence=sequence))

    def _count(self, status: ConnectionStatus) -> int:
        return sum(account.held.status is status for account in self._accounts.all())

    def _keep_running(self, work: Any) -> None:
        task = run_once(f"news of a worker ({work.__name__})", work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _of(frame: FrameTooLarge) -> dict[str, str]:
    return {"instance_id": frame.instance_id}
