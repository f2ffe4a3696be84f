"""Sends, each at most once: the intent is stored before the library is called, the outcome before it is told."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from services.session.ipc.messages import Send, SendResult
from services.session.store.sends import NotOwned, Outcome, Sends
from services.session.supervisor.ownership import Instances, unknown_instance
from services.session.supervisor.supervised_instance import Account
from shared.contracts.command_lifetimes import TEXT_TOO_LATE
from shared.contracts.commands import SendText
from shared.contracts.errors import Retry
from shared.contracts.events import MessageFailed, MessageSent
from shared.contracts.ids import derived_id
from shared.contracts.message import Event, Message, utc_now
from shared.contracts.records import Party
from shared.messaging.command_client import refusal
from shared.platform.mongo import TRANSIENT_ERRORS

LIMIT = 90.0
"""Seconds a worker has to tell an outcome; its own limit is shorter."""
PATIENCE = 20.0
"""Seconds a send waits for an account that is being reconnected; then it fails."""
MAX_WAIT_S = 60.0
"""Seconds a send waits behind others of an account that WhatsApp does not answer; then it fails."""
PAUSE = 1.0
"""Seconds between attempts to write while MongoDB is away."""
TIMED_OUT: Outcome = {
    "outcome": "failed",
    "code": "timeout",
    "detail": "an earlier send still waits for WhatsApp; try again",
}
TOO_LATE: Outcome = dict(TEXT_TOO_LATE)
TOO_MANY: Outcome = {
    "outcome": "failed",
    "code": "too_many_pending_sends",
    "detail": "too many sends of this organization wait for WhatsApp; send again when those have an outcome",
}
UNKNOWN: Outcome = {
    "outcome": "unconfirmed",
    "code": "unconfirmed",
    "detail": "the service stopped while this was being sent; it may have gone out, so it is not repeated",
}
log = logging.getLogger(__name__)


class _Flying(asyncio.Future[Outcome]):
    """The outcome of a send that is under way, and through which account."""

    def __init__(self, organization_id: str, instance_id: str) -> None:
        super().__init__()
        self.of, self.instance_id = (organization_id, instance_id), instance_id


class Sending:
    def __init__(self, sends: Sends, instances: Instances, publish: Callable[[Message], Awaitable[None]]) -> None:
        self._sends, self._instances, self._publish = sends, instances, publish
        self._flying: dict[str, _Flying] = {}
        self._beginning: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By organization and instance: sends reach the worker in the order in which they came."""

    async def send(self, command: SendText) -> None:
        """A redelivered command waits for the send under way, or repeats what is known of the outcome.

        Raises Retry while the account is on its way back, and where another node holds it.
        """
        lock = self._beginning.setdefault(f"{command.organization_id}.{command.instance_id}", asyncio.Lock())
        async with lock:  # asyncio's locks are taken in the order they are asked for
            try:
                begun = await self._begin(command)
            except NotOwned:
                await self._publish(refusal(command, unknown_instance()))
                return
        outcome = await self._end(command, begun) if isinstance(begun, _Flying) else begun
        await self._publish(_told(command, outcome))

    async def refuse(self, command: SendText) -> None:
        """The organization has too many sends waiting: this one fails, unless it was begun before."""
        if command.message_id in self._flying:
            return
        try:
            earlier = await self._intend(command)
        except NotOwned:
            await self._publish(refusal(command, unknown_instance()))
            return
        if earlier is None:
            await self._settle(command.message_id, TOO_MANY)
        await self._publish(_told(command, TOO_MANY if earlier is None else earlier or UNKNOWN))

    def heard(self, sent: SendResult) -> None:
        """A worker tells the outcome of a send."""
        flying = self._flying.get(sent.call_id)
        if flying and not flying.done():
            flying.set_result(sent.model_dump(exclude={"frame", "instance_id", "message_id"}))

    def lost(self, instance_id: str) -> None:
        """The worker of an account died: what it was sending may have gone out."""
        for key, flying in self._flying.items():
            if not flying.done() and flying.instance_id == instance_id:
                log.warning("the outcome of message %s is not known", key)
                flying.set_result(UNKNOWN)

    async def _begin(self, command: SendText) -> "_Flying | Outcome":
        """The send, under way, or an outcome that was known before. Raises NotOwned, and Retry."""
        flying = self._flying.get(command.message_id)
        if flying and flying.of == (command.organization_id, command.instance_id):
            return flying
        await self._wait_for_account(command)
        earlier = await self._intend(command)
        if earlier is not None:
            return earlier or UNKNOWN
        flying = self._flying[command.message_id] = _Flying(command.organization_id, command.instance_id)
        if (failed := self._call(command)) is not None:
            flying.set_result(failed)
        return flying

    async def _end(self, command: SendText, flying: _Flying) -> Outcome:
        """Whoever is first to see the outcome writes it down; a redelivery that waits with it does so again."""
        try:
            outcome = await self._outcome(flying)
            await self._settle(command.message_id, outcome)
        finally:
            self._flying.pop(command.message_id, None)
        return outcome

    async def _intend(self, command: SendText) -> Outcome | None:
        """Raises NotOwned for an instance, or a message id, of another organization: both are refused like an instance
        that does not exist, so nothing is revealed, and the other's send is not touched."""
        if not await self._instances.owns(command.organization_id, command.instance_id):
            raise NotOwned
        return await self._sends.intend(command.message_id, command.organization_id, command.instance_id)

    async def _wait_for_account(self, command: SendText) -> None:
        """Raises NotOwned, and Retry when it is worth it; before the intent is written, so that nothing is unclear."""
        if not await self._instances.owns(command.organization_id, command.instance_id):
            raise NotOwned
        account = self._instances.find(command.instance_id)
        if account:
            await account.decided()
        elif await self._instances.elsewhere(command.instance_id):
            raise Retry("another node holds this instance")
        young = (utc_now() - command.at).total_seconds() < PATIENCE and not command.is_too_late
        if young and account and account.coming_back:
            raise Retry("the instance is being reconnected")

    def _call(self, command: SendText) -> Outcome | None:
        """Hand it to the account's worker; the outcome when it ends here. Nothing was sent then."""
        if command.is_too_late:
            return TOO_LATE
        account = self._instances.find(command.instance_id)
        if account is None or not account.connected:
            return _not_connected(account)
        if account.unanswered and (utc_now() - command.at).total_seconds() > MAX_WAIT_S:
            return TIMED_OUT
        send = Send(
            instance_id=command.instance_id,
            call_id=command.message_id,
            to=_address(command.to),
            text=command.text,
            expires_at=command.expires_at,
            order_key=command.order_key,
        )
        return None if self._instances.hand_over(command.instance_id, send) else _not_connected(account)

    async def _outcome(self, flying: _Flying) -> Outcome:
        await asyncio.wait({flying}, timeout=LIMIT)
        in_time = flying.done()
        if not in_time:
            flying.set_result(UNKNOWN)
        outcome = flying.result()
        account = self._instances.find(flying.instance_id)
        if account and not (in_time and outcome in (TIMED_OUT, UNKNOWN)):
            account.unanswered = not in_time or outcome.get("code") == "timeout"
        return outcome

    async def _settle(self, message_id: str, outcome: Outcome) -> None:
        """However long MongoDB is away: an outcome that is known must not become unknown."""
        while True:
            try:
                await self._sends.settle(message_id, outcome)
                return
            except TRANSIENT_ERRORS as error:
                log.warning("the outcome of message %s cannot be written yet: %s", message_id, str(error)[:120])
                await asyncio.sleep(PAUSE)


def _not_connected(account: Account | None) -> Outcome:
    state = account.held.status.value if account else "disconnected"
    return {"outcome": "failed", "code": "not_connected", "detail": f"the instance is {state}; connect it"}


def _address(to: Party) -> str:
    return to.phone or f"{to.lid}@lid"


def _told(command: SendText, outcome: Outcome) -> Event:
    common = {
        "organization_id": command.organization_id,
        "instance_id": command.instance_id,
        "cause": command.id,
        "message_id": command.message_id,
    }
    if outcome["outcome"] == "accepted":
        accepted = {"wa_id": outcome["wa_id"], "timestamp": outcome.get("timestamp") or utc_now()}
        return MessageSent.model_validate({"id": derived_id(command.message_id, "sent"), **common, **accepted})
    unconfirmed = outcome["outcome"] == "unconfirmed"
    failure = {"code": outcome.get("code") or outcome["outcome"], "detail": outcome.get("detail") or "not sent"}
    return MessageFailed.model_validate(
        {"id": derived_id(command.message_id, "failed"), **common, **failure, "unconfirmed": unconfirmed}
    )
