"""Typing, presence and read receipts: from commands to the workers, and from the workers to NATS."""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Literal

from pydantic import ValidationError

from services.session.ipc.messages import EphemeralObserved, SendPresence, SendReadReceipts
from services.session.supervisor.instance_lookup import InstanceLookup, instance_not_found
from services.session.supervisor.supervised_instance import SupervisedInstance
from services.session.supervisor.worker_calls import NoWorker, WorkerGateway, WorkerLost
from shared.contracts.command_lifetimes import LIFETIMES, is_late
from shared.contracts.commands import MarkRead
from shared.contracts.ephemeral import MAX_EPHEMERAL_AGE, SendTyping, SubscribePresence, is_stale
from shared.contracts.errors import Retry
from shared.contracts.message import EphemeralEvent, Message, utc_now
from shared.contracts.registry import parse_ephemeral
from shared.messaging.command_client import refusal

READ_RECEIPTS_TIMEOUT_S = 10.0
"""Time a worker has to reply."""
MAX_RECONNECT_WAIT = LIFETIMES[MarkRead].max_age or timedelta.max
"""Age up to which read receipts wait for an instance that is reconnecting."""
MAX_OWNER_WAIT = timedelta(minutes=1)
"""Age up to which they wait for a node that owns the instance."""
log = logging.getLogger(__name__)


class PresenceService:
    def __init__(
        self,
        instances: InstanceLookup,
        workers: WorkerGateway,
        publish_ephemeral: Callable[[EphemeralEvent], Awaitable[None]],
        publish: Callable[[Message], Awaitable[None]],
    ) -> None:
        self._instances = instances
        self._workers = workers
        self._publish_ephemeral = publish_ephemeral
        self._publish = publish

    def send_presence(
        self,
        event: SendTyping | SubscribePresence,
        action: Literal["composing", "recording", "paused", "subscribe"],
    ) -> None:
        """Ignored when it is stale, or the instance is not connected on this node."""
        instance = self._instances.find(event.instance_id)
        if instance is None or not _may_use(instance, event.organization_id) or is_stale(event, utc_now()):
            return
        until = event.at + MAX_EPHEMERAL_AGE
        frame = SendPresence(instance_id=event.instance_id, to=event.to.lid_first_address, action=action, until=until)
        self._workers.send(event.instance_id, frame)

    async def publish_observed(self, observed: EphemeralObserved) -> None:
        """Publish what a worker observed. Never raises and never retries."""
        try:
            if event := parse_ephemeral(observed.subject, observed.body.encode()):
                await self._publish_ephemeral(event)
        except (ValidationError, OSError) as error:
            log.warning("%s is not published: %s", observed.subject, error)

    async def mark_read(self, command: MarkRead) -> None:
        """Send read receipts; sending them twice is harmless. Raises Retry while another node owns the instance or it
        is to run; otherwise they are dropped."""
        if not await self._instances.belongs_to(command.organization_id, command.instance_id):
            await self._publish(refusal(command, instance_not_found()))
            return
        instance = self._instances.find(command.instance_id)
        if instance:
            await instance.wait_for_decision()
        if (error := await self._send_read_receipts(command, instance)) is None:
            return
        if utc_now() - command.at < await self._max_wait(command.instance_id, instance):
            raise Retry(f"the read receipts are not sent yet: {error}")
        log.info("read receipts are dropped: %s", error, extra={"instance_id": command.instance_id})

    async def reject(self, command: MarkRead) -> None:
        """The organization has too many pending. Nothing depends on read receipts: these are dropped."""
        log.warning("too many read receipts are pending", extra={"organization_id": command.organization_id})

    async def _send_read_receipts(self, command: MarkRead, instance: SupervisedInstance | None) -> str | None:
        """Why they were not sent; None when they were."""
        if is_late(command, utc_now()):
            return "they waited too long"
        if instance is None:
            return "no node holds the instance"
        if not _may_use(instance, command.organization_id):
            return f"the instance is {instance.connection.status.value}"
        request = SendReadReceipts(
            instance_id=command.instance_id,
            wa_ids=command.wa_ids,
            sender=command.sender.lid_first_address,
            group=command.group,
        )
        try:
            return (await self._workers.call(command.instance_id, request, READ_RECEIPTS_TIMEOUT_S)).error
        except (NoWorker, WorkerLost, TimeoutError) as error:
            return str(error)

    async def _max_wait(self, instance_id: str, instance: SupervisedInstance | None) -> timedelta:
        if instance:
            to_run = instance.connection.is_linked and instance.connection.should_run
            return MAX_RECONNECT_WAIT if to_run else timedelta(0)
        return MAX_RECONNECT_WAIT if await self._instances.is_owned_elsewhere(instance_id) else MAX_OWNER_WAIT


def _may_use(instance: SupervisedInstance, organization_id: str) -> bool:
    return instance.is_connected and instance.connection.organization_id == organization_id
