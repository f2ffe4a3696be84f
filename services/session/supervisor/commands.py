"""Handlers of ConnectInstance, DisconnectInstance and LogoutInstance."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from services.session.supervisor.connection_state import Phase
from services.session.supervisor.connection_status import ConnectionStatusStore
from services.session.supervisor.instance_lookup import InstanceLookup, instance_not_found
from services.session.supervisor.instance_supervisor import InstanceSupervisor
from services.session.supervisor.reconciler import Reconciler
from services.session.supervisor.supervised_instance import SupervisedInstance
from shared.contracts.command_lifetimes import MAX_CLOCK_DIFFERENCE, is_late, too_late
from shared.contracts.commands import ConnectInstance, DisconnectInstance, LogoutInstance
from shared.contracts.errors import Problem, Retry
from shared.contracts.ids import InvalidPhone, parse_phone
from shared.contracts.instance_records import LogoutMode
from shared.contracts.message import Command, Message, utc_now
from shared.contracts.records import ConnectionStatus as S
from shared.contracts.records import Network
from shared.messaging.command_client import refusal, too_many_pending_commands

log = logging.getLogger(__name__)
_SHOWS_LATE_CONNECT = frozenset({S.DISCONNECTED, S.LOGGED_OUT, S.FAILED})


class CommandHandlers:
    """One command at a time for each instance; a connection is made after the command was acknowledged."""

    def __init__(
        self,
        supervisor: InstanceSupervisor,
        statuses: ConnectionStatusStore,
        instances: InstanceLookup,
        reconciler: Reconciler,
        publish: Callable[[Message], Awaitable[None]],
        networks: frozenset[Network],
    ) -> None:
        self._supervisor = supervisor
        self._statuses = statuses
        self._instances = instances
        self._reconciler = reconciler
        self._publish = publish
        self._networks = networks

    async def connect(self, command: ConnectInstance) -> None:
        """Repeatable: an instance that is connected or connecting stays so, and its status is published again."""
        async with self._rejecting(command):
            phone_number = self._check(command)
            instance = await self._acquire(command, command.network)
            async with self._exclusive(instance):
                await self._require_timely(instance, command)
                await self._connect(instance, command, phone_number)

    async def disconnect(self, command: DisconnectInstance) -> None:
        async with self._rejecting(command):
            instance = await self._acquire(command, Network.WHATSAPP)
            async with self._exclusive(instance):
                _require_latest(instance, command)
                await self._disconnect(instance, command)

    async def logout(self, command: LogoutInstance) -> None:
        """A linked instance that is not connected is connected first, so that WhatsApp unlinks the device."""
        mode: LogoutMode = "delete" if command.delete else "keep"
        async with self._rejecting(command):
            instance = await self._acquire(command, Network.WHATSAPP)
            async with self._exclusive(instance):
                _require_not_stopping(instance)
                instance.cause = command.id
                await self._statuses.save(instance, should_run=False, ending=mode, asked_at=command.at)
                await self._supervisor.log_out(instance)

    async def reject(self, command: Command) -> None:
        """The organization has too many pending commands of this class."""
        await self._refuse(command, too_many_pending_commands())

    def _check(self, command: ConnectInstance) -> str | None:
        """The phone number to pair by code. Raises Problem."""
        if command.network not in self._networks:
            detail = "the simulated network exists only in local mode with WA_SIMULATOR_URL"
            raise Problem(422, "simulator_disabled", detail)
        if command.method == "qr":
            return None
        if not command.phone_number:
            raise Problem(422, "missing_phone_number", "a pairing code needs the account's phone number")
        try:
            return parse_phone(command.phone_number)
        except InvalidPhone as error:
            raise Problem(422, "invalid_phone", str(error)) from error

    async def _require_timely(self, instance: SupervisedInstance, command: ConnectInstance) -> None:
        """Raises Problem 409 for a connect that waited too long, or is older than the latest command that was carried
        out. The caller is gone by then, so the instance shows why it is not connected."""
        _require_latest(instance, command)
        if not is_late(command, utc_now()):
            return
        connection = instance.connection
        if connection.status in _SHOWS_LATE_CONNECT and instance.is_idle and not connection.should_run:
            instance.cause = command.id
            await self._statuses.set(instance, connection.status, "connect_too_late")
            instance.cause = None
        raise too_late(command)

    async def _connect(self, instance: SupervisedInstance, command: ConnectInstance, phone_number: str | None) -> None:
        connection = instance.connection
        if connection.pending_logout:
            raise Problem(409, "instance_logging_out", "the instance is being logged out; try again in a moment")
        if connection.status is S.RESTRICTED and connection.until and connection.until > command.at:
            until = connection.until.isoformat(timespec="seconds")
            raise Problem(409, "instance_restricted", f"WhatsApp restricts this account until {until}")
        _require_not_stopping(instance)
        pairing = (instance.method, instance.pairing_phone_number)
        if instance.has_worker and not connection.is_linked and pairing != (command.method, phone_number):
            self._supervisor.stop(instance)  # it is paired the other way when this connection has ended
            _require_not_stopping(instance)
        instance.cause = command.id
        network = command.network.value
        await self._statuses.save(instance, should_run=True, network=network, asked_at=command.at)
        if instance.has_worker:
            self._statuses.publish_current(instance)
            instance.cause = None if instance.is_connected else command.id
            return
        instance.method = command.method
        instance.pairing_phone_number = phone_number
        instance.runtime = instance.runtime.on_connect_command()
        await self._supervisor.start(instance)

    async def _disconnect(self, instance: SupervisedInstance, command: DisconnectInstance) -> None:
        instance.cause = command.id
        await self._statuses.save(instance, should_run=False, asked_at=command.at)
        if instance.has_worker:
            self._supervisor.stop(instance)
            return
        instance.cancel_timer()
        if instance.connection.status in (S.LOGGED_OUT, S.DISCONNECTED):
            self._statuses.publish_current(instance)
        else:
            await self._statuses.set(instance, S.DISCONNECTED, "as_asked")
        instance.cause = None

    async def _acquire(self, command: Command, network: Network) -> SupervisedInstance:
        """The command's instance, owned by this node. Raises Problem 404 for an instance of another organization, 409
        when its device keys are elsewhere, and Retry while another living node owns it."""
        if not await self._instances.belongs_to(command.organization_id, command.instance_id):
            raise instance_not_found()
        instance = await self._reconciler.acquire(
            command.instance_id,
            command.organization_id,
            network,
            even_without_keys=isinstance(command, LogoutInstance),
        )
        if instance is None:
            raise Retry("another node holds this instance")
        return instance

    @asynccontextmanager
    async def _exclusive(self, instance: SupervisedInstance) -> AsyncIterator[None]:
        """Raises Retry when another node took ownership: the command is for that one."""
        async with self._supervisor.exclusive(instance):
            yield
        if instance.ownership_lost:
            raise Retry("another node took this instance over")

    @asynccontextmanager
    async def _rejecting(self, command: Command) -> AsyncIterator[None]:
        """A Problem raised inside is published as the CommandRefused that names the command."""
        try:
            yield
        except Problem as problem:
            await self._refuse(command, problem)

    async def _refuse(self, command: Command, problem: Problem) -> None:
        log.info("%s refused: %s", command.subject, problem.code)
        await self._publish(refusal(command, problem))


def _require_not_stopping(instance: SupervisedInstance) -> None:
    """Raises Retry while the connection closes: its last event must not be taken for one of the next connection."""
    if instance.runtime.phase is Phase.STOPPING:
        raise Retry("the connection is just being closed")


def _require_latest(instance: SupervisedInstance, command: Command) -> None:
    """Raises Problem 409 when a later command was carried out already."""
    latest = instance.connection.asked_at
    if latest and command.at < latest - MAX_CLOCK_DIFFERENCE:
        detail = (
            "this was asked before the latest connect, disconnect or logout that was carried out, so it was not done"
        )
        raise Problem(409, "superseded", detail)
