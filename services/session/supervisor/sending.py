"""Sends texts, each at most once: stores the intent before it calls the worker, and the outcome afterwards."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from weakref import WeakValueDictionary

from services.session.ipc.messages import Send, SendResult
from services.session.store.sends import EarlierSend, ForeignId, SendCollection
from services.session.supervisor.instance_lookup import InstanceLookup, instance_not_found
from services.session.supervisor.supervised_instance import SupervisedInstance
from services.session.supervisor.worker_calls import NoWorker, WorkerGateway, WorkerLost
from shared.contracts.commands import SendText
from shared.contracts.errors import Retry
from shared.contracts.events import MessageFailed, MessageSent
from shared.contracts.ids import derived_id
from shared.contracts.message import Event, Message, utc_now
from shared.contracts.send_outcome import TEXT_TOO_LATE, SendOutcome
from shared.messaging.command_client import refusal
from shared.platform.retries import retry_during_outage

SEND_TIMEOUT_S = 90.0
"""Longer than the worker's own timeout (`Send.timeout_s`)."""
RECONNECT_WAIT_S = 20.0
"""Age up to which a send waits for an instance that is reconnecting; then it fails."""
MAX_UNANSWERED_WAIT_S = 60.0
"""Age up to which a send waits behind others of an instance that WhatsApp does not answer; then it fails."""
OUTCOME_PUBLISH_TIMEOUT_S = 1.0
"""After this time, a text was sent whose outcome only this process knows."""
MAX_REMEMBERED_OUTCOMES = 10_000
TIMED_OUT: SendOutcome = {
    "outcome": "failed",
    "code": "timeout",
    "detail": "an earlier send still waits for WhatsApp; try again",
}
TOO_MANY_PENDING_SENDS: SendOutcome = {
    "outcome": "failed",
    "code": "too_many_pending_sends",
    "detail": "too many sends of this organization wait for WhatsApp; send again when those have an outcome",
}
UNCONFIRMED: SendOutcome = {
    "outcome": "unconfirmed",
    "code": "unconfirmed",
    "detail": "the service stopped while this was being sent; it may have gone out, so it is not repeated",
}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _PendingSend:
    """A send whose intent is stored and whose outcome is not. `result`: the worker's reply to come, or the outcome when
    the worker was not called."""

    organization_id: str
    instance_id: str
    message_id: str
    result: asyncio.Future[SendResult] | SendOutcome


class SendService:
    def __init__(
        self,
        sends: SendCollection,
        instances: InstanceLookup,
        workers: WorkerGateway,
        publish: Callable[[Message], Awaitable[None]],
    ) -> None:
        self._sends = sends
        self._instances = instances
        self._workers = workers
        self._publish = publish
        self._pending: dict[str, _PendingSend] = {}
        self._accepted: OrderedDict[str, SendOutcome] = OrderedDict()
        """The last outcomes that were published and not stored, by message id: an ack may be lost."""
        self._start_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By organization and instance: sends reach the worker in the order in which they came."""

    async def send(self, command: SendText) -> None:
        """A redelivered command waits for the pending send, or repeats the stored outcome.

        Raises Retry while the instance is reconnecting, and when another node owns it.
        """
        lock = self._start_locks.setdefault(f"{command.organization_id}.{command.instance_id}", asyncio.Lock())
        async with lock:  # asyncio's locks are acquired in the order of the calls
            try:
                started = await self._start(command)
            except ForeignId:
                await self._publish(refusal(command, instance_not_found()))
                return
        if isinstance(started, _PendingSend):
            await self._finish(command, started)
        else:
            await self._publish(_outcome_event(command, started))

    async def reject(self, command: SendText) -> None:
        """The organization has too many pending sends: this one fails, unless it was started before."""
        if command.message_id in self._pending:
            return
        try:
            earlier = await self._record_intent(command)
        except ForeignId:
            await self._publish(refusal(command, instance_not_found()))
            return
        if earlier is None:
            await self._record_outcome(command.message_id, TOO_MANY_PENDING_SENDS)
        await self._publish(
            _outcome_event(
                command, TOO_MANY_PENDING_SENDS if earlier is None else self._earlier_outcome(command, earlier)
            )
        )

    async def _start(self, command: SendText) -> _PendingSend | SendOutcome:
        """The pending send, or the stored outcome of an earlier delivery. Raises ForeignId, and Retry."""
        pending = self._pending.get(command.message_id)
        if pending and (pending.organization_id, pending.instance_id) == (command.organization_id, command.instance_id):
            return pending
        await self._wait_for_instance(command)
        earlier = await self._record_intent(command)
        if earlier is not None:
            return self._earlier_outcome(command, earlier)
        result = self._call_worker(command)
        if isinstance(result, asyncio.Future) or not await self._may_connect_soon(command):
            pending = _PendingSend(command.organization_id, command.instance_id, command.message_id, result)
            self._pending[command.message_id] = pending
            return pending
        await self._sends.remove_intent(command.message_id)  # the worker was not called
        raise Retry("the connection of the instance ended just now")

    async def _finish(self, command: SendText, pending: _PendingSend) -> None:
        """The first to see the outcome publishes it, and stores it where needed; a redelivery that waits repeats both.

        A failure is stored first, so that it does not become unconfirmed. Of a text that WhatsApp accepted the outcome
        is stored only when NATS does not have the event: a command that is redelivered to another process publishes
        `unconfirmed` then, which the stream drops after `sent` (MessageFailed.deduplication_id), and which is no step
        forward from `sent`.
        """
        try:
            outcome = await self._outcome(pending)
            event = _outcome_event(command, outcome)
            if outcome["outcome"] == "accepted":
                try:
                    async with asyncio.timeout(OUTCOME_PUBLISH_TIMEOUT_S):
                        await self._publish(event)
                    self._remember(pending.message_id, outcome)
                    return
                except Exception as error:
                    log.warning("the outcome of message %s is stored: %s", pending.message_id, error or "NATS is slow")
            await self._record_outcome(pending.message_id, outcome)
            await self._publish(event)
        finally:
            self._pending.pop(pending.message_id, None)

    def _remember(self, message_id: str, outcome: SendOutcome) -> None:
        self._accepted[message_id] = outcome
        if len(self._accepted) > MAX_REMEMBERED_OUTCOMES:
            self._accepted.popitem(last=False)

    def _earlier_outcome(self, command: SendText, earlier: EarlierSend) -> SendOutcome:
        return earlier.outcome or self._accepted.get(command.message_id) or UNCONFIRMED

    async def _record_intent(self, command: SendText) -> EarlierSend | None:
        """None: it is stored now. Raises ForeignId for an instance, or a message id, of another organization: both are
        refused like an instance that does not exist, so nothing is revealed, and the other organization's send is not
        touched."""
        if not await self._instances.belongs_to(command.organization_id, command.instance_id):
            raise ForeignId
        return await self._sends.record_intent(command.message_id, command.organization_id, command.instance_id)

    async def _wait_for_instance(self, command: SendText) -> None:
        """Raises ForeignId, and Retry: before the intent is stored, so that the outcome stays clear."""
        if not await self._instances.belongs_to(command.organization_id, command.instance_id):
            raise ForeignId
        instance = self._instances.find(command.instance_id)
        if instance:
            await instance.wait_for_decision()
        elif await self._instances.is_owned_elsewhere(command.instance_id):
            raise Retry("another node holds this instance")
        if (instance is None or instance.is_reconnecting) and await self._may_connect_soon(command):
            raise Retry("the instance is being reconnected")

    async def _may_connect_soon(self, command: SendText) -> bool:
        """Whether the text waits for the instance: it is to run, and this node starts it, or connects it again. False
        for a text that has waited for RECONNECT_WAIT_S."""
        if _age_s(command) >= RECONNECT_WAIT_S or command.is_too_late:
            return False
        if (instance := self._instances.find(command.instance_id)) is None:  # this node has just started
            return await self._instances.is_to_run(command.instance_id)
        return instance.is_reconnecting or instance.is_connected

    def _call_worker(self, command: SendText) -> asyncio.Future[SendResult] | SendOutcome:
        """The worker's reply to come; an outcome when it was not called, so that nothing was sent."""
        if command.is_too_late:
            return TEXT_TOO_LATE
        instance = self._instances.find(command.instance_id)
        if instance is None or not instance.is_connected:
            return _not_connected(instance)
        if instance.send_unanswered and _age_s(command) > MAX_UNANSWERED_WAIT_S:
            return TIMED_OUT
        request = Send(
            call_id=command.message_id,
            instance_id=command.instance_id,
            to=command.to.address,
            text=command.text,
            expires_at=command.expires_at,
            order_key=command.order_key,
        )
        try:
            return self._workers.call(command.instance_id, request, SEND_TIMEOUT_S)
        except NoWorker:
            return _not_connected(instance)

    async def _outcome(self, pending: _PendingSend) -> SendOutcome:
        """Unconfirmed when the worker did not reply: the text may have gone out."""
        if not isinstance(pending.result, asyncio.Future):
            return pending.result
        try:
            result = await asyncio.shield(pending.result)  # redeliveries wait for the same reply
        except (TimeoutError, WorkerLost) as error:
            log.warning("the outcome of message %s is not known: %s", pending.message_id, error)
            if isinstance(error, TimeoutError):
                self._set_unanswered(pending.instance_id, True)
            return UNCONFIRMED
        self._set_unanswered(pending.instance_id, result.code == "timeout")
        return {
            "outcome": result.outcome,
            "wa_id": result.wa_id,
            "timestamp": result.timestamp,
            "code": result.code,
            "detail": result.detail,
        }

    def _set_unanswered(self, instance_id: str, unanswered: bool) -> None:
        if instance := self._instances.find(instance_id):
            instance.send_unanswered = unanswered

    async def _record_outcome(self, message_id: str, outcome: SendOutcome) -> None:
        """Retried until MongoDB is reachable: an outcome that is known must not become unknown."""
        write = partial(self._sends.record_outcome, message_id, outcome)
        await retry_during_outage(f"outcome of message {message_id}", write)


def _age_s(command: SendText) -> float:
    return (utc_now() - command.at).total_seconds()


def _not_connected(instance: SupervisedInstance | None) -> SendOutcome:
    status = instance.connection.status.value if instance else "disconnected"
    return {"outcome": "failed", "code": "not_connected", "detail": f"the instance is {status}; connect it"}


def _outcome_event(command: SendText, outcome: SendOutcome) -> Event:
    common = {
        "organization_id": command.organization_id,
        "instance_id": command.instance_id,
        "cause": command.id,
        "message_id": command.message_id,
    }
    if outcome["outcome"] == "accepted":
        accepted = {"wa_id": outcome["wa_id"], "timestamp": outcome.get("timestamp") or utc_now()}
        return MessageSent.model_validate({"id": MessageSent.id_for(command.message_id), **common, **accepted})
    unconfirmed = outcome["outcome"] == "unconfirmed"
    failure = {"code": outcome.get("code") or outcome["outcome"], "detail": outcome.get("detail") or "not sent"}
    return MessageFailed.model_validate(
        {"id": derived_id(command.message_id, "failed"), **common, **failure, "unconfirmed": unconfirmed}
    )
