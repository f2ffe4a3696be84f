"""The instances this node owns: starts, stops and restarts their connections, by command and by what workers report."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from services.session.ipc.messages import ConnectionUpdate, LinkingCode, Stop
from services.session.store.connections import ConnectionFields
from services.session.store.device_keys import has_keys, remove_keys
from services.session.supervisor.connection_state import WORKER_EXITED, Effects, start_delay_s, transition
from services.session.supervisor.connection_status import ConnectionStatusStore, OwnershipLost
from services.session.supervisor.device_linking import DeviceLinking
from services.session.supervisor.supervised_instance import SupervisedInstance
from services.session.supervisor.worker_pool import WorkerPool
from shared.contracts.instance_records import ConnectionRecord
from shared.contracts.message import utc_now
from shared.contracts.records import ConnectionStatus as S
from shared.contracts.records import Network
from shared.platform.background import run_once

RETRY_AFTER_RESTRICTION = timedelta(minutes=1)
"""Time between the end of a restriction and the next start."""
LOGOUT_CONNECT_TIMEOUT_S = 15.0
"""Time an instance has to connect before it is logged out, so that WhatsApp can be told."""
log = logging.getLogger(__name__)

ProxyOf = Callable[[Network], Awaitable[str | None]]


class InstanceSupervisor:
    """What changes an instance runs inside `exclusive`, so that nothing about one instance overlaps."""

    def __init__(
        self,
        statuses: ConnectionStatusStore,
        workers: WorkerPool,
        linking: DeviceLinking,
        data_dir: Path,
        proxy_of: ProxyOf,
    ) -> None:
        self._statuses = statuses
        self._workers = workers
        self._linking = linking
        self._data_dir = data_dir
        self._proxy_of = proxy_of
        self._instances: dict[str, SupervisedInstance] = {}
        self._suspended: str | None = None

    def get(self, instance_id: str) -> SupervisedInstance | None:
        return self._instances.get(instance_id)

    def all(self) -> list[SupervisedInstance]:
        return list(self._instances.values())

    def add(self, connection: ConnectionRecord) -> SupervisedInstance:
        return self._instances.setdefault(connection.id, SupervisedInstance(connection))

    def remove(self, instance: SupervisedInstance) -> None:
        """Another node owns it, or it was deleted."""
        instance.cancel_timer()
        self._instances.pop(instance.instance_id, None)

    def has_keys(self, connection: ConnectionRecord) -> bool:
        """Whether this node can connect it: it is not linked yet, or its device keys are in this data folder."""
        return not connection.is_linked or has_keys(self._directory(connection))

    @asynccontextmanager
    async def exclusive(self, instance: SupervisedInstance) -> AsyncIterator[SupervisedInstance]:
        """Hold the instance's lock. When another node took ownership, stop and remove the instance here
        (`ownership_lost`)."""
        async with instance.lock:
            try:
                yield instance
            except OwnershipLost:
                log.error("%s is owned by another node now", instance.instance_id)
                instance.ownership_lost = True
                self._workers.send(instance.instance_id, Stop(instance_id=instance.instance_id))
                self.remove(instance)

    # --- by command

    async def start(self, instance: SupervisedInstance, reason: str | None = None) -> None:
        """Start it in a worker; when no worker can be had, it is retried after a delay."""
        instance.cancel_timer()
        instance.runtime = instance.runtime.on_suspended(self._suspended)
        if not self.has_keys(instance.connection):  # not logged out: the keys may be in another folder
            await self._statuses.set(instance, S.FAILED, "keys_missing")
            instance.cause = None
            return
        await self._statuses.set(instance, S.RECONNECTING if instance.connection.is_linked else S.CONNECTING, reason)
        if await self._is_suspended(instance):
            return
        try:
            network = instance.connection.network
            proxy = await self._proxy_of(network)
            await self._workers.assign(instance.instance_id, network, dedicated=instance.runtime.needs_own_worker)
        except Exception as error:
            log.warning("no worker for %s: %r", instance.instance_id, error)
            update = ConnectionUpdate(instance_id=instance.instance_id, event="unreachable")
            instance.runtime, effects = transition(instance.state, update)
            await self._end(instance, update, effects)
            return
        if await self._is_suspended(instance):  # meanwhile
            self._workers.unassign(instance.instance_id)
            return
        instance.on_start_sent()
        self._workers.send(instance.instance_id, instance.start_frame(self._directory(instance.connection), proxy))

    def stop(self, instance: SupervisedInstance, *, logout: bool = False) -> None:
        """Ask the worker; its `stopped` ends the connection."""
        instance.runtime = instance.runtime.on_stop_sent()
        self._workers.send(instance.instance_id, Stop(instance_id=instance.instance_id, logout=logout))

    async def log_out(self, instance: SupervisedInstance) -> None:
        """A linked instance that is not connected is connected first, within LOGOUT_CONNECT_TIMEOUT_S."""
        instance.cancel_timer()
        if instance.is_connected or (instance.has_worker and not instance.connection.is_linked):
            self.stop(instance, logout=True)
        elif instance.connection.is_linked and self.has_keys(instance.connection):
            if not instance.has_worker:
                await self.start(instance)
            instance.timer = run_once("logout of an instance", self._log_out_after(instance, LOGOUT_CONNECT_TIMEOUT_S))
        else:
            await self._finish_logout(instance)

    # --- by the node

    def suspend(self, reason: str) -> None:
        """Close every connection without a command; none starts before `resume`. Waits for nothing, because MongoDB
        may be unreachable as well."""
        self._suspended = reason
        for instance in self.all():
            instance.runtime = instance.runtime.on_suspended(reason)
            instance.cancel_timer()
            if instance.has_worker:
                self.stop(instance)

    def resume(self) -> None:
        """Instances may be started again; the reconciler does it."""
        self._suspended = None

    def start_after_restriction(self, instance: SupervisedInstance) -> None:
        until = instance.connection.until
        self._start_later(instance, (until + RETRY_AFTER_RESTRICTION - utc_now()).total_seconds() if until else 0.0)

    # --- by what workers report

    async def on_worker_frame(self, frame: LinkingCode | ConnectionUpdate) -> None:
        instance = self._instances.get(frame.instance_id)
        if instance is None:
            if isinstance(frame, ConnectionUpdate) and frame.event == "stopped":
                self._workers.unassign(frame.instance_id)  # another node owns it now
            return
        async with self.exclusive(instance):
            if isinstance(frame, LinkingCode):
                await self._statuses.publish_code(instance, frame)
                return
            fields = await self._linking.check_number(instance, frame)
            runtime, effects = transition(instance.state, frame)
            if effects.has_ended and not instance.has_worker:
                return
            instance.runtime = runtime
            if effects.has_ended:
                await self._end(instance, frame, effects)
            else:
                await self._continue(instance, frame, effects, fields)

    async def on_worker_lost(self, instance_id: str) -> None:
        await self.on_worker_frame(ConnectionUpdate(instance_id=instance_id, event="crashed", reason=WORKER_EXITED))

    async def _continue(
        self, instance: SupervisedInstance, update: ConnectionUpdate, effects: Effects, fields: ConnectionFields
    ) -> None:
        if update.event == "connected":
            instance.send_unanswered = False
            fields = {**fields, "last_connected_at": utc_now()}
        await self._statuses.set(instance, effects.status, effects.reason, fields)
        if update.event == "connected":
            instance.cause = instance.cause if effects.next == "unlink" else None
        if effects.next == "unlink":
            self.stop(instance, logout=True)
        elif effects.next == "log_out":
            await self.log_out(instance)

    async def _end(self, instance: SupervisedInstance, update: ConnectionUpdate, effects: Effects) -> None:
        log.info("%s: %s (%s)", instance.instance_id, update.event, update.reason or "-")
        self._workers.unassign(instance.instance_id, abandoned_pairing=instance.is_pairing)
        match effects.next:
            case "finish_logout":
                await self._finish_logout(instance)
            case "wait_for_node":
                await self._statuses.set(instance, effects.status, effects.reason)
            case "stop":
                fields: ConnectionFields = {"should_run": False}
                if effects.device_removed:
                    fields["jid"] = None
                await self._statuses.set(instance, effects.status, effects.reason, fields)
                instance.cause = None
            case "retry_at":
                await self._statuses.set(instance, effects.status, effects.reason, {"until": effects.until})
                self.start_after_restriction(instance)
            case _:
                await self._statuses.set(instance, effects.status, effects.reason)
                self._start_later(instance, start_delay_s(instance.runtime, effects, random.random()))

    async def _finish_logout(self, instance: SupervisedInstance) -> None:
        """Delete the device keys, or the whole instance."""
        delete = instance.connection.pending_logout == "delete"
        await asyncio.to_thread(remove_keys, self._directory(instance.connection), everything=delete)
        fields: ConnectionFields = {"should_run": False, "ending": None, "jid": None, "lid": None}
        reason = "other_number_refused" if instance.runtime.number_refused else "logout_asked"
        await self._statuses.set(instance, S.LOGGED_OUT, reason, fields)
        instance.cause = None
        instance.runtime = instance.runtime.on_logout_finished()
        if delete:
            await self._statuses.delete(instance)
            self.remove(instance)

    async def _is_suspended(self, instance: SupervisedInstance) -> bool:
        """The node lost its lease or is stopping: the instance shows that and waits."""
        if instance.runtime.suspended:
            await self._statuses.set(instance, S.RECONNECTING, instance.runtime.suspended)
        return instance.runtime.suspended is not None

    def _start_later(self, instance: SupervisedInstance, delay_s: float) -> None:
        instance.cancel_timer()
        instance.timer = run_once("start of an instance", self._start_after(instance, max(0.0, delay_s)))

    async def _start_after(self, instance: SupervisedInstance, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        async with self.exclusive(instance):
            instance.timer = None
            if instance.connection.should_run and not instance.has_worker and not instance.runtime.suspended:
                has_reason = instance.connection.status is S.RECONNECTING
                await self.start(instance, instance.connection.reason if has_reason else "connection_lost")

    async def _log_out_after(self, instance: SupervisedInstance, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        async with self.exclusive(instance):
            instance.timer = None
            if instance.has_worker:
                self.stop(instance, logout=True)

    def _directory(self, connection: ConnectionRecord) -> Path:
        return self._data_dir / connection.organization_id / connection.id
