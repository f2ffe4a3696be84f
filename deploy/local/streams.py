"""The streams, for stacks and tests without an api: the other services only wait for them (docs/decisions/0031)."""

from nats.aio.client import Client

from shared.delivery import jetstream
from shared.settings import Settings
from shared.topology import ensure_streams


async def declare_streams(nats_url: str) -> None:
    """As the api does when it starts, with the default settings."""
    client = Client()
    await client.connect(nats_url)
    await ensure_streams(jetstream(client), Settings())
    await client.close()
