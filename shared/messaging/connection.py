"""The connection of a service to NATS: its broker, and the order in which streams and consumers are started."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from faststream.nats import NatsBroker

from shared.messaging.client import JetStreamContext, broker_client, jetstream
from shared.messaging.permissions import inbox_prefix
from shared.messaging.streams import await_streams
from shared.platform.retries import retry_during_outage
from shared.platform.settings import Settings

_RETRY_DELAY_S = 0.5
_PING_TIMEOUT_S = 2.0


def make_broker(name: str, settings: Settings) -> NatsBroker:
    """A broker that reconnects without a limit of attempts, and waits for running handlers when it stops."""
    return NatsBroker(
        settings.nats_url,
        name=f"switchboard-{name}",
        inbox_prefix=inbox_prefix(name),
        apply_types=False,  # handlers take the message as it is
        allow_reconnect=True,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        ping_interval=20,
        graceful_timeout=settings.shutdown_grace.total_seconds(),
        logger=logging.getLogger("faststream"),
    )


@asynccontextmanager
async def connection(
    broker: NatsBroker,
    settings: Settings,
    *,
    streams: Callable[[JetStreamContext, Settings], Awaitable[None]] = await_streams,
) -> AsyncIterator[JetStreamContext]:
    """Connect and wait for the streams; disconnect at the end of the block.

    No message is delivered before the caller starts the broker, after it created what its handlers need. `streams`: the
    api declares them, every other service waits until they exist (docs/decisions/0031).
    """
    await retry_during_outage("connection to NATS", broker.connect, errors=(OSError,), delay_s=_RETRY_DELAY_S)
    try:
        js = jetstream(broker_client(broker))
        await streams(js, settings)
        yield js
    finally:
        await broker.stop()


@asynccontextmanager
async def connected(broker: NatsBroker, settings: Settings) -> AsyncIterator[JetStreamContext]:
    """A connection whose consumers were registered before and start at once."""
    async with connection(broker, settings) as js:
        await broker.start()
        yield js


async def nats_ready(broker: NatsBroker) -> None:
    """Raises when NATS does not answer within two seconds."""
    if not await broker.ping(timeout=_PING_TIMEOUT_S):
        raise ConnectionError("NATS does not answer")
