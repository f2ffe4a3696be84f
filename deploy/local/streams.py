"""Declares the streams for stacks and tests without an api; the other services only wait for them (decision 31)."""

from shared.messaging.client import NatsClient, jetstream
from shared.messaging.streams import ensure_streams
from shared.platform.settings import Settings


async def declare_streams(nats_url: str) -> None:
    """Does what the api does when it starts, with the default settings."""
    client = NatsClient()
    await client.connect(nats_url)
    await ensure_streams(jetstream(client), Settings())
    await client.close()
