"""How messages travel: `Consumers` is the only way in, `Publisher` the only way out.

Delivery is at least once. A handler that returns has its message acknowledged; Retry and an absent MongoDB or NATS
bring it back after a pause, as often as it takes; Reject, an unreadable message, and any other error for the sixth
time go to WA_DEAD with the reason, and the consumer goes on.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from pydantic import ValidationError

from shared.errors import Reject, Retry
from shared.logs import masked
from shared.message import Live, Message
from shared.mongo import TRANSIENT_ERRORS
from shared.rights import inbox_prefix
from shared.settings import Settings
from shared.topology import DEAD_PREFIX, durable_name, stream_of
from shared.tracing import HEADER, following

M = TypeVar("M", bound=Message)
L = TypeVar("L", bound=Live)
Handler = Callable[[M], Awaitable[None]]

BACKOFF = (1.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds before the second, third, ... delivery."""
OUTAGE_BACKOFF_CAP = 5.0
"""While MongoDB or NATS is away we look again at least this often (seconds)."""
MAX_ATTEMPTS = 6

_OUTAGES: tuple[type[Exception], ...] = (*TRANSIENT_ERRORS, NatsError, TimeoutError, ConnectionError)

log = logging.getLogger(__name__)


class Publisher:
    """Publishes to the stream of the message's class; the message's id makes a repeat a no-op for ten minutes."""

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js

    async def __call__(self, message: Message) -> None:
        """Returns when the stream has stored it. Raises a NATS error when it could not be stored."""
        headers = {"Nats-Msg-Id": f"{message.subject}:{message.id}"} | request_header(message)
        body = message.model_dump_json().encode()
        await self._js.publish(message.address, body, timeout=5, stream=stream_of(type(message)), headers=headers)

    async def dead(self, address: str, body: bytes, error: str, attempts: int, consumer: str = "") -> None:
        """Keep what could not be handled, with the reason and who gave up."""
        reason = " ".join(error.split())[:1000].encode("ascii", "backslashreplace").decode()
        headers = {"x-error": reason, "x-attempts": str(attempts), "x-consumer": consumer}
        await self._js.publish(DEAD_PREFIX + address, body, timeout=5, headers=headers)


def request_header(message: Message) -> dict[str, str]:
    """The NATS header that names the request a message belongs to."""
    return {HEADER: message.request_id} if message.request_id else {}


async def say(client: Client, live: Live) -> None:
    """Publish what is only live; nothing while NATS is away. Raises ValueError for one that NATS does not take."""
    if not client.is_connected:
        return
    with suppress(NatsError, OSError):
        await client.publish(live.address, live.model_dump_json().encode())


def jetstream(client: Client) -> JetStreamContext:
    """The JetStream of a connection, able to have many publishes under way."""
    return client.jetstream(publish_async_max_pending=4096)


def retry_delay(error: Exception, attempt: int) -> float | None:
    """Seconds until the next delivery, or None when the message goes to WA_DEAD. `attempt` starts at 1."""
    pause = BACKOFF[min(attempt, len(BACKOFF)) - 1]
    if isinstance(error, Reject | ValidationError):
        return None
    if isinstance(error, _OUTAGES):
        return min(pause, OUTAGE_BACKOFF_CAP)
    return pause if isinstance(error, Retry) or attempt < MAX_ATTEMPTS else None


async def _as_it_is(message: NatsMessage) -> NatsMessage:
    """Handlers get the message itself: the framework's injection would take four hops through threads for each."""
    return message


class Consumers:
    """What one service reacts to: one durable consumer per message class, registered before the broker starts."""

    def __init__(self, broker: NatsBroker, settings: Settings, service: str) -> None:
        self._broker, self._settings, self._service = broker, settings, service

    def on(self, message: type[M], handler: Handler[M], concurrency: int = 64) -> None:
        """Call `handler` for every message of this class, up to `concurrency` at once."""
        broker = self._broker

        async def receive(raw: NatsMessage) -> None:
            await _deliver(broker, message, handler, raw)

        durable = durable_name(self._service, message)
        receive.__name__ = durable.replace("-", "_")
        ack_wait = self._settings.ack_wait.total_seconds()
        broker.subscriber(
            message.pattern(),
            queue=durable,
            stream=JStream(stream_of(message), declare=False),
            config=ConsumerConfig(ack_wait=ack_wait, max_ack_pending=concurrency * 2, max_deliver=-1),
            max_workers=concurrency,
            ack_policy=AckPolicy.MANUAL,
            inbox_prefix=f"{inbox_prefix(self._service)}.".encode(),
            decoder=_as_it_is,
        )(receive)

    def hear(self, live: type[L], handler: Handler[L], *, everyone: bool) -> None:
        """Call `handler` for what is only live, in `everyone` or in one process of this service; never repeated."""

        async def receive(raw: NatsMessage) -> None:
            address = raw.raw_message.subject
            try:
                await handler(live.received(address, bytes(raw.body)))
            except Exception as error:
                log.warning("%s: left out (%s)", address, masked(f"{type(error).__name__}: {error}")[:200])

        receive.__name__ = f"{self._service}_{live.__name__}"
        queue = "" if everyone else self._service
        self._broker.subscriber(live.pattern(), queue=queue, max_workers=16, decoder=_as_it_is)(receive)


async def _deliver(broker: NatsBroker, message: type[M], handler: Handler[M], raw: NatsMessage) -> None:
    with following((raw.raw_message.headers or {}).get(HEADER)):
        try:
            received = message.received(raw.raw_message.subject, raw.body)
            with following(received.request_id):
                await handler(received)
        except Exception as error:
            await _failed(broker, raw, error)
        else:
            await raw.ack()


async def _failed(broker: NatsBroker, raw: NatsMessage, error: Exception) -> None:
    address, delivery = raw.raw_message.subject, raw.raw_message.metadata
    attempt = delivery.num_delivered
    reason = masked(f"{type(error).__name__}: {error}")
    delay = retry_delay(error, attempt)
    if delay is not None:
        expected = isinstance(error, (Retry, *_OUTAGES))
        log.warning("%s: again in %g s (%s)", address, delay, reason[:200], exc_info=None if expected else error)
        await raw.nack(delay=delay)
        return
    log.error("%s: to the dead letters (%s)", address, reason[:500])
    await Publisher(jetstream(broker_client(broker))).dead(address, bytes(raw.body), reason, attempt, delivery.consumer)
    await raw.reject()


def broker_client(broker: NatsBroker) -> Client:
    """The NATS connection of a broker that has been started."""
    client = broker.config.connection_state.connection
    assert isinstance(client, Client)
    return client
