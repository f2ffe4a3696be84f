"""Typing, presence and read ticks of the accounts of this node: handed to their workers, and told as it comes back."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Literal

from pydantic import ValidationError

from services.session.ipc.messages import EphemeralObserved, ReadReceiptsResult, SendPresence, SendReadReceipts
from services.session.supervisor.ownership import Instances, unknown_instance
from services.session.supervisor.supervised_instance import Account
from shared.contracts.command_lifetimes import LIFETIMES, is_late
from shared.contracts.commands import MarkRead
from shared.contracts.ephemeral import MAX_EPHEMERAL_AGE, SendTyping, SubscribePresence, is_stale
from shared.contracts.errors import Retry
from shared.contracts.message import EphemeralEvent, Message, utc_now
from shared.contracts.records import Party
from shared.contracts.registry import parse_ephemeral
from shared.messaging.command_client import refusal

LIMIT = 10.0
"""Seconds a worker has to tell what became of a mark."""
PATIENCE, YOUNG = LIFETIMES[MarkRead].max_age or timedelta.max, timedelta(minutes=1)
"""How long read ticks wait for an account that is being reconnected, and for one nobody seems to run."""
log = logging.getLogger(__name__)


class Attending:
    """`publish_ephemeral` publishes what is only live."""

    def __init__(
        self,
        instances: Instances,
        publish_ephemeral: Callable[[EphemeralEvent], Awaitable[None]],
        publish: Callable[[Message], Awaitable[None]],
    ) -> None:
        self._instances, self._say, self._publish = instances, publish_ephemeral, publish
        self._marking: dict[str, tuple[str, asyncio.Future[str | None]]] = {}
        """Instance and outcome, by the command's id."""

    def show(
        self, wish: SendTyping | SubscribePresence, what: Literal["composing", "recording", "paused", "subscribe"]
    ) -> None:
        """Nothing happens when it is late, or the account is not connected here."""
        account = self._instances.find(wish.instance_id)
        if account is None or not self._may(account, wish.organization_id) or is_stale(wish, utc_now()):
            return
        show = SendPresence(
            instance_id=wish.instance_id, to=_address(wish.to), action=what, until=wish.at + MAX_EPHEMERAL_AGE
        )
        self._instances.hand_over(wish.instance_id, show)

    async def mark_read(self, command: MarkRead) -> None:
        """Repeatable. Raises Retry while the account is held elsewhere or shall run; otherwise it is left."""
        if not await self._instances.owns(command.organization_id, command.instance_id):
            await self._publish(refusal(command, unknown_instance()))
            return
        account = self._instances.find(command.instance_id)
        if account:
            await account.decided()
        if (error := await self._refusal_or_mark(command, account)) is None:
            return
        if utc_now() - command.at < await self._patience(command.instance_id, account):
            raise Retry(f"the read ticks are not given yet: {error}")
        log.info("read ticks are not given: %s", error, extra={"instance_id": command.instance_id})

    async def _refusal_or_mark(self, command: MarkRead, account: Account | None) -> str | None:
        """Why the read ticks were not given; None when they were."""
        if is_late(command, utc_now()):
            return "they waited too long"
        if account is None:
            return "no node holds the instance"
        if not self._may(account, command.organization_id):
            return f"the instance is {account.held.status.value}"
        return await self._mark(command)

    async def refuse(self, command: MarkRead) -> None:
        """The organization has too many waiting. Nothing depends on read ticks: these are left."""
        log.warning("too many read ticks are waiting", extra={"organization_id": command.organization_id})

    def heard(self, marked: ReadReceiptsResult) -> None:
        """A worker tells the outcome of a mark."""
        _, outcome = self._marking.get(marked.call_id, (None, None))
        if outcome and not outcome.done():
            outcome.set_result(marked.error)

    def lost(self, instance_id: str) -> None:
        """The worker of an account died."""
        for marking, outcome in self._marking.values():
            if marking == instance_id and not outcome.done():
                outcome.set_result("the worker process ended")

    async def tell(self, noticed: EphemeralObserved) -> None:
        """What a worker noticed, to whom it concerns; never raises and never repeats."""
        try:
            if live := parse_ephemeral(noticed.subject, noticed.body.encode()):
                await self._say(live)
        except (ValidationError, OSError) as error:
            log.warning("%s is not told: %s", noticed.subject, error)

    async def _patience(self, instance_id: str, account: Account | None) -> timedelta:
        if account:
            return PATIENCE if account.held.linked and account.held.should_run else timedelta(0)
        return PATIENCE if await self._instances.elsewhere(instance_id) else YOUNG

    @staticmethod
    def _may(account: Account, organization_id: str) -> bool:
        return account.connected and account.held.organization_id == organization_id

    async def _mark(self, command: MarkRead) -> str | None:
        mark = SendReadReceipts(
            instance_id=command.instance_id,
            call_id=command.id,
            wa_ids=command.wa_ids,
            sender=_address(command.sender),
            group=command.group,
        )
        outcome: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._marking[command.id] = (command.instance_id, outcome)
        try:
            if not self._instances.hand_over(command.instance_id, mark):
                return "the instance has no worker"
            return await asyncio.wait_for(outcome, LIMIT)
        except TimeoutError:
            return "no answer of the worker"
        finally:
            self._marking.pop(command.id, None)


def _address(to: Party) -> str:
    """WhatsApp writes its receipts and its typing to LIDs where it knows them."""
    return f"{to.lid}@lid" if to.lid else str(to.phone)
