"""Consume messages: one durable consumer per message class, and plain subscriptions.

FastStream subscribes, except for the classes that come in large numbers (direct_subscription.py).

Delivery is at least once. A message is acked when its handler returns. It is delivered again after a delay when the
handler raises Retry or MongoDB or NATS is unreachable, without a limit of attempts. After Reject, when it is
unreadable, and after any other error at the sixth attempt it is stored in WA_DEAD with the reason. While a handler
runs, the time JetStream waits for the ack is extended (ack_extension.py).
"""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker
from faststream.nats import NatsMessage as FrameworkMessage
from nats.js.api import ConsumerConfig

from shared.contracts.errors import Retry
from shared.contracts.message import Event, Message
from shared.contracts.registry import durable_name, stream_of
from shared.contracts.request_id import HEADER, bound_request_id
from shared.messaging.client import JetStreamContext, NatsMessage, broker_client, jetstream
from shared.messaging.direct_subscription import direct_subscription
from shared.messaging.durable_consumers import push_consumer_config, update_consumer
from shared.messaging.fair_consumer import FairConsumer, FairShare
from shared.messaging.metrics import observe_handling
from shared.messaging.permissions import inbox_prefix
from shared.messaging.publisher import Publisher
from shared.messaging.retry_policy import retry_delay
from shared.platform.logs import masked
from shared.platform.outages import is_outage
from shared.platform.settings import Settings

M = TypeVar("M", bound=Message)
Handler = Callable[[M], Awaitable[None]]

_CONCURRENT_EPHEMERAL_HANDLERS = 16

log = logging.getLogger(__name__)


async def _undecoded(message: FrameworkMessage) -> FrameworkMessage:
    """Handlers get the NATS message itself: the framework's injection would cost four thread hops for each."""
    return message


class Consumers:
    """The consumers and subscriptions of one service; all are registered before `started`."""

    def __init__(self, broker: NatsBroker, settings: Settings, service: str) -> None:
        self._broker = broker
        self._settings = settings
        self._service = service
        self._durables: list[tuple[str, ConsumerConfig]] = []
        self._direct: list[tuple[str, ConsumerConfig, FairConsumer]] = []

    def consume(
        self,
        message_class: type[M],
        handler: Handler[M],
        share: FairShare | int = 64,
        refuse: Handler[M] | None = None,
        *,
        direct: bool = False,
    ) -> None:
        """Call `handler` for every message of this class, from a durable consumer.

        `share`: the handlers that run at once, in fair shares between organizations and instances. `refuse` is called
        instead of `handler` for an organization that has more than its share of messages pending. `direct`: without
        FastStream; only inside of `started`.
        """
        broker, share = self._broker, share if isinstance(share, FairShare) else FairShare(share)
        config = push_consumer_config(
            self._service, message_class, self._settings, max_unacked=share.max_unacked_messages
        )

        async def deliver(raw: NatsMessage) -> float | None:
            return await _deliver(broker, message_class, handler, raw, may_retry)

        async def deliver_refusal(raw: NatsMessage) -> float | None:
            assert refuse
            return await _deliver(broker, message_class, refuse, raw, may_retry)

        consumer = FairConsumer(share, self._settings.ack_wait, deliver, deliver_refusal if refuse else None)

        def may_retry(raw: NatsMessage) -> bool:
            return not (issubclass(message_class, Event) and consumer.is_over_share(raw.subject.split(".")[4]))

        if direct:
            self._direct.append((stream_of(message_class), config, consumer))
            return

        async def receive(raw: FrameworkMessage) -> None:
            await consumer.receive(raw.raw_message)

        durable = durable_name(self._service, message_class)
        receive.__name__ = durable.replace("-", "_")
        self._durables.append((stream_of(message_class), config))
        broker.subscriber(
            message_class.subject_filter(),
            queue=durable,
            stream=JStream(stream_of(message_class), declare=False),
            config=config,
            max_workers=share.max_unacked_messages,
            ack_policy=AckPolicy.MANUAL,
            inbox_prefix=f"{inbox_prefix(self._service)}.".encode(),
            decoder=_undecoded,
        )(receive)

    @asynccontextmanager
    async def started(self, js: JetStreamContext) -> AsyncIterator[None]:
        """Starts the broker, after durable consumers that exist already have got the settings of this start."""
        await self.update(js)
        await self._broker.start()
        grace_s = self._settings.shutdown_grace.total_seconds()
        async with AsyncExitStack() as stack:
            for stream, config, consumer in self._direct:
                await stack.enter_async_context(direct_subscription(js, stream, config, consumer.receive, grace_s))
            yield

    async def update(self, js: JetStreamContext) -> None:
        """Give durable consumers that exist already the settings of this start. Called before the broker starts."""
        for stream, config in (*self._durables, *((stream, config) for stream, config, _ in self._direct)):
            await update_consumer(js, stream, config)

    def subscribe(self, message_class: type[M], handler: Handler[M], *, every_process: bool) -> None:
        """Call `handler` for ephemeral events, or for events at the moment they are published, on core NATS.

        In every process of this service, or in one of them. Nothing is delivered again, and nothing is replied: a
        publisher would take a reply for JetStream's ack.
        """

        async def receive(raw: FrameworkMessage) -> None:
            subject = raw.raw_message.subject
            try:
                await handler(message_class.from_nats(subject, bytes(raw.body)))
            except Exception as error:
                log.warning("%s: dropped (%s)", subject, masked(f"{type(error).__name__}: {error}")[:200])

        receive.__name__ = f"{self._service}_{message_class.__name__}"
        self._broker.subscriber(
            message_class.subject_filter(),
            queue="" if every_process else self._service,
            max_workers=_CONCURRENT_EPHEMERAL_HANDLERS,
            decoder=_undecoded,
            no_reply=True,
        )(receive)


async def _deliver(
    broker: NatsBroker,
    message_class: type[M],
    handler: Handler[M],
    raw: NatsMessage,
    may_retry: Callable[[NatsMessage], bool],
) -> float | None:
    """Handle one message and ack it. Returns the seconds until its redelivery, None when it is done.

    A message that raises Retry although `may_retry` is False is acked.
    """
    started_at = time.perf_counter()
    with bound_request_id((raw.headers or {}).get(HEADER)):
        try:
            message = message_class.from_nats(raw.subject, raw.data)
            with bound_request_id(message.request_id):
                await handler(message)
        except Exception as error:
            if not isinstance(error, Retry) or may_retry(raw):
                delay_s = await nak_or_dead_letter(broker, raw, error)
                observe_handling(message_class.subject, "dead_letter" if delay_s is None else "nak", started_at)
                return delay_s
            log.warning("%s: not retried, its organization has too many messages pending (%s)", raw.subject, error)
        await raw.ack()
        observe_handling(message_class.subject, "ack", started_at)
        return None


async def nak_or_dead_letter(broker: NatsBroker, raw: NatsMessage, error: Exception) -> float | None:
    """Settle a message whose handler failed: redelivery after the returned seconds, or a dead letter (None)."""
    subject, delivery = raw.subject, raw.metadata
    attempt = delivery.num_delivered
    reason = masked(f"{type(error).__name__}: {error}")
    delay = retry_delay(error, attempt)
    if delay is not None:
        expected = isinstance(error, Retry) or is_outage(error)
        log.warning("%s: retry in %g s (%s)", subject, delay, reason[:200], exc_info=None if expected else error)
        await raw.nak(delay=delay)
        return delay
    log.error("%s: dead letter (%s)", subject, reason[:500])
    publisher = Publisher(jetstream(broker_client(broker)))
    await publisher.dead_letter(subject, raw.data, reason, attempt, delivery.consumer)
    await raw.term()
    return None
