"""How messages travel: `Consumers` is the only way in, `Publisher` the only way out.

Delivery is at least once. A handler that returns has its message acknowledged; Retry and an absent MongoDB or NATS
bring it back after a pause, as often as it takes; Reject, an unreadable message, and any other error for the sixth
time go to WA_DEAD with the reason, and the consumer goes on. While a handler is at work the stream is told so.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, PubAck
from nats.js.errors import BadRequestError
from pydantic import ValidationError

from shared.contracts.errors import Reject, Retry
from shared.contracts.message import EphemeralEvent, Event, Message
from shared.contracts.registry import DEAD_PREFIX, MAX_MESSAGE_BYTES, durable_name, stream_of
from shared.contracts.request_id import HEADER, bound_request_id
from shared.messaging.durable_consumers import push_consumer_config, update_consumer
from shared.messaging.fair_consumer import FairConsumer, FairShare
from shared.messaging.jetstream_client import JetStream
from shared.messaging.permissions import inbox_prefix
from shared.platform.logs import masked
from shared.platform.outages import is_outage
from shared.platform.settings import Settings

M = TypeVar("M", bound=Message)
Handler = Callable[[M], Awaitable[None]]

REDELIVERY_DELAYS_S = (1.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds before the second, third, ... delivery."""
MAX_OUTAGE_DELAY_S = 5.0
"""While MongoDB or NATS is away we look again at least this often (seconds)."""
MAX_DELIVERY_ATTEMPTS = 6
_PUBLISH_TIMEOUT_S = 5.0

MAX_BODY_BYTES = MAX_MESSAGE_BYTES - 20_000
"""Of a message; the rest is for its headers."""
FULL_SIZE_HEADER = "x-full-size"
"""Of a dead letter that keeps only the head of a body: the bytes of the whole."""

log = logging.getLogger(__name__)


class Publisher:
    """Publishes to the stream of the message's class; the message's id makes a repeat a no-op for ten minutes."""

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js

    async def __call__(self, *messages: Message) -> None:
        """Returns when all are stored, in this order. Raises a NATS error when one was not, for all one knows."""
        under_way: list[asyncio.Future[PubAck]] = []
        try:
            for message in messages:
                under_way.append(await self._start(message))
            if under_way and (await asyncio.wait(under_way, timeout=_PUBLISH_TIMEOUT_S))[1]:
                raise NatsTimeoutError
        finally:
            for future in under_way:
                future.cancel()  # of what has its answer this changes nothing
            errors = [error for future in under_way if not future.cancelled() and (error := future.exception())]
        if errors:
            raise errors[0]

    async def _start(self, message: Message) -> "asyncio.Future[PubAck]":
        headers = {"Nats-Msg-Id": f"{message.subject}:{message.id}"} | request_header(message)
        body, newest = message.model_dump_json().encode(), self._newest()
        try:
            return await self._js.publish_async(
                message.full_subject, body, stream=stream_of(type(message)), headers=headers
            )
        except NatsError:
            if (mine := self._newest()) is not None and mine is not newest:
                mine.cancel()
            raise

    def _newest(self) -> "asyncio.Future[PubAck] | None":
        """nats-py 2.16 keeps for ever what it waits for when it could not write: while NATS is away that would be one
        for each attempt."""
        return next(reversed(self._js._publish_async_futures.values()), None)

    async def dead(self, address: str, body: bytes, error: str, attempts: int, consumer: str = "") -> None:
        """Keep what could not be handled, with the reason and who gave up; of a body that is too large the head."""
        reason = " ".join(error.split())[:1000].encode("ascii", "backslashreplace").decode()
        headers = {"x-error": reason, "x-attempts": str(attempts), "x-consumer": consumer}
        kept = body[:MAX_BODY_BYTES]
        while True:
            cut = {FULL_SIZE_HEADER: str(len(body))} if len(kept) < len(body) else {}
            try:
                await self._js.publish(DEAD_PREFIX + address, kept, timeout=5, headers=headers | cut)
                return
            except (MaxPayloadError, BadRequestError):  # this server takes less than ours by default
                if not kept:
                    raise
                kept = kept[: len(kept) // 2]


def request_header(message: Message) -> dict[str, str]:
    """The NATS header that names the request a message belongs to."""
    return {HEADER: message.request_id} if message.request_id else {}


async def publish_ephemeral(client: Client, live: EphemeralEvent) -> None:
    """Publish what is only live; nothing while NATS is away. Raises ValueError for one that NATS does not take."""
    if not client.is_connected:
        return
    with suppress(NatsError, OSError):
        await client.publish(live.full_subject, live.model_dump_json().encode())


def jetstream(client: Client) -> JetStreamContext:
    """The JetStream of a connection. How many publishes are under way is up to who waits for them: with a limit here
    they would wait for each other, and without a timeout."""
    return JetStream(client, publish_async_max_pending=sys.maxsize)


def retry_delay(error: Exception, attempt: int) -> float | None:
    """Seconds until the next delivery, or None when the message goes to WA_DEAD. `attempt` starts at 1."""
    pause = REDELIVERY_DELAYS_S[min(attempt, len(REDELIVERY_DELAYS_S)) - 1]
    if isinstance(error, Reject | ValidationError):
        return None
    if is_outage(error):
        return min(pause, MAX_OUTAGE_DELAY_S)
    return pause if isinstance(error, Retry) or attempt < MAX_DELIVERY_ATTEMPTS else None


async def _undecoded(message: NatsMessage) -> NatsMessage:
    """Handlers get the message itself: the framework's injection would take four hops through threads for each."""
    return message


class Consumers:
    """What one service reacts to: one durable consumer per message class, registered before the broker starts."""

    def __init__(self, broker: NatsBroker, settings: Settings, service: str) -> None:
        self._broker, self._settings, self._service = broker, settings, service
        self._durables: list[tuple[str, ConsumerConfig]] = []

    def consume(
        self,
        message: type[M],
        handler: Handler[M],
        share: FairShare | int = 64,
        refuse: Handler[M] | None = None,
    ) -> None:
        """Call `handler` for every message of this class, `share` (or so many) at once, fairly between organizations
        and instances. `refuse` is called instead for an organization that has more than its share waiting."""
        broker, share = self._broker, share if isinstance(share, FairShare) else FairShare(share)
        config = push_consumer_config(self._service, message, self._settings, in_hand=share.places)

        async def deliver(raw: Msg) -> float | None:
            return await _deliver(broker, message, handler, raw, may_wait)

        async def deliver_refusal(raw: Msg) -> float | None:
            assert refuse
            return await _deliver(broker, message, refuse, raw, may_wait)

        consumer = FairConsumer(share, self._settings.ack_wait, deliver, deliver_refusal if refuse else None)

        def may_wait(raw: Msg) -> bool:
            return not (issubclass(message, Event) and consumer.over_share(raw.subject.split(".")[4]))

        async def receive(raw: NatsMessage) -> None:
            await consumer.receive(raw.raw_message)

        durable = durable_name(self._service, message)
        receive.__name__ = durable.replace("-", "_")
        self._durables.append((stream_of(message), config))
        broker.subscriber(
            message.subject_filter(),
            queue=durable,
            stream=JStream(stream_of(message), declare=False),
            config=config,
            max_workers=share.places,
            ack_policy=AckPolicy.MANUAL,
            inbox_prefix=f"{inbox_prefix(self._service)}.".encode(),
            decoder=_undecoded,
        )(receive)

    async def update(self, js: JetStreamContext) -> None:
        """Settings that changed reach consumers that are there; before the broker starts."""
        for stream, config in self._durables:
            await update_consumer(js, stream, config)

    def subscribe(self, live: type[M], handler: Handler[M], *, everyone: bool) -> None:
        """Call `handler` for what is only live, or for an event as it is published, in `everyone` or in one process of
        this service; never repeated, and not answered: a publisher would take that for JetStream's answer."""

        async def receive(raw: NatsMessage) -> None:
            address = raw.raw_message.subject
            try:
                await handler(live.from_nats(address, bytes(raw.body)))
            except Exception as error:
                log.warning("%s: left out (%s)", address, masked(f"{type(error).__name__}: {error}")[:200])

        receive.__name__ = f"{self._service}_{live.__name__}"
        queue = "" if everyone else self._service
        self._broker.subscriber(live.subject_filter(), queue=queue, max_workers=16, decoder=_undecoded, no_reply=True)(
            receive
        )


async def _deliver(
    broker: NatsBroker, message: type[M], handler: Handler[M], raw: Msg, may_wait: Callable[[Msg], bool]
) -> float | None:
    """Seconds until it comes again, None when it is done. What `may_wait` does not allow to be retried is left."""
    with bound_request_id((raw.headers or {}).get(HEADER)):
        try:
            received = message.from_nats(raw.subject, raw.data)
            with bound_request_id(received.request_id):
                await handler(received)
        except Exception as error:
            if not isinstance(error, Retry) or may_wait(raw):
                return await nak_or_dead_letter(broker, raw, error)
            log.warning("%s: not tried again, the organization has too many waiting (%s)", raw.subject, error)
        await raw.ack()
        return None


async def nak_or_dead_letter(broker: NatsBroker, raw: Msg, error: Exception) -> float | None:
    """It could not be handled: it comes again after a pause (seconds), or goes to the dead letters (None)."""
    address, delivery = raw.subject, raw.metadata
    attempt = delivery.num_delivered
    reason = masked(f"{type(error).__name__}: {error}")
    delay = retry_delay(error, attempt)
    if delay is not None:
        expected = isinstance(error, Retry) or is_outage(error)
        log.warning("%s: again in %g s (%s)", address, delay, reason[:200], exc_info=None if expected else error)
        await raw.nak(delay=delay)
        return delay
    log.error("%s: to the dead letters (%s)", address, reason[:500])
    await Publisher(jetstream(broker_client(broker))).dead(address, raw.data, reason, attempt, delivery.consumer)
    await raw.term()
    return None


def broker_client(broker: NatsBroker) -> Client:
    """The NATS connection of a broker that has been started."""
    client = broker.config.connection_state.connection
    assert isinstance(client, Client)
    return client
