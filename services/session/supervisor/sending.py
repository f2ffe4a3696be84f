"""Sends, each at most once: the intent is stored before the library is called, the outcome before it is told."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from services.session.protocol import Send, Sent
from services.session.store.sends import Outcome, Sends
from services.session.supervisor.account import Account
from shared.commands import SendText
from shared.errors import Retry
from shared.events import MessageFailed, MessageSent
from shared.ids import derived_id
from shared.message import Event, Message, utc_now
from shared.mongo import TRANSIENT_ERRORS
from shared.records import Party

LIMIT = 90.0
"""Seconds a worker has to tell an outcome; its own limit is shorter."""
PATIENCE = 20.0
"""Seconds a send waits for an account that is being reconnected; then it fails."""
PAUSE = 1.0
"""Seconds between attempts to write while MongoDB is away."""
UNKNOWN: Outcome = {
    "outcome": "unconfirmed", "code": "unconfirmed",
    "detail": "the service stopped while this was being sent; it may have gone out, so it is not repeated",
}  # fmt: skip
log = logging.getLogger(__name__)


class _Flying(asyncio.Future[Outcome]):
    """The outcome of a send that is under way, and through which account."""

    def __init__(self, instance_id: str) -> None:
        super().__init__()
        self.instance_id = instance_id


class Sending:
    """`hand_over` gives a frame to the account's worker and says whether there is one; `elsewhere` says whether another
    living node holds an account."""

    def __init__(
        self,
        sends: Sends,
        find: Callable[[str], Account | None],
        hand_over: Callable[[str, Send], bool],
        publish: Callable[[Message], Awaitable[None]],
        elsewhere: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._sends, self._find, self._hand_over, self._publish = sends, find, hand_over, publish
        self._elsewhere = elsewhere
        self._flying: dict[str, _Flying] = {}

    async def send(self, command: SendText) -> None:
        """A redelivered command waits for the send under way, or repeats what is known of the outcome.

        Raises Retry while the account is on its way back, and where another node holds it.
        """
        flying = self._flying.get(command.message_id)
        outcome = await asyncio.shield(flying) if flying else await self._send_once(command)
        await self._publish(_told(command, outcome))

    def heard(self, sent: Sent) -> None:
        """A worker tells the outcome of a send."""
        flying = self._flying.get(sent.message_id)
        if flying and not flying.done():
            flying.set_result(sent.model_dump(exclude={"frame", "instance_id", "message_id"}))

    def lost(self, instance_id: str) -> None:
        """The worker of an account died: what it was sending may have gone out."""
        for key, flying in self._flying.items():
            if not flying.done() and flying.instance_id == instance_id:
                log.warning("the outcome of message %s is not known", key)
                flying.set_result(UNKNOWN)

    async def _send_once(self, command: SendText) -> Outcome:
        await self._wait_for_account(command)
        earlier = await self._sends.intend(command.message_id, command.organization_id, command.instance_id)
        if earlier is not None:
            return earlier or UNKNOWN
        flying = self._flying[command.message_id] = _Flying(command.instance_id)
        try:
            outcome = await self._call(command, flying)
            if not flying.done():
                flying.set_result(outcome)
            await self._settle(command.message_id, outcome)
        finally:
            self._flying.pop(command.message_id, None)
        return outcome

    async def _wait_for_account(self, command: SendText) -> None:
        """Raises Retry when it is worth it; before the intent is written, so that nothing is left unclear."""
        account = self._find(command.instance_id)
        if account is None and await self._elsewhere(command.instance_id):
            raise Retry("another node holds this instance")
        young = (utc_now() - command.at).total_seconds() < PATIENCE
        if young and account and account.coming_back:
            raise Retry("the instance is being reconnected")

    async def _call(self, command: SendText, flying: _Flying) -> Outcome:
        account = self._find(command.instance_id)
        if account is None or not account.connected:
            return _not_connected(account)
        send = Send(
            instance_id=command.instance_id, message_id=command.message_id, to=_address(command.to), text=command.text
        )
        if not self._hand_over(command.instance_id, send):
            return _not_connected(account)
        try:
            return await asyncio.wait_for(asyncio.shield(flying), LIMIT)
        except TimeoutError:
            return UNKNOWN

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
        "organization_id": command.organization_id, "instance_id": command.instance_id, "cause": command.id,
        "message_id": command.message_id,
    }  # fmt: skip
    if outcome["outcome"] == "accepted":
        accepted = {"wa_id": outcome["wa_id"], "timestamp": outcome.get("timestamp") or utc_now()}
        return MessageSent.model_validate({"id": derived_id(command.message_id, "sent"), **common, **accepted})
    unconfirmed = outcome["outcome"] == "unconfirmed"
    failure = {"code": outcome.get("code") or outcome["outcome"], "detail": outcome.get("detail") or "not sent"}
    return MessageFailed.model_validate(
        {"id": derived_id(command.message_id, "failed"), **common, **failure, "unconfirmed": unconfirmed}
    )
