"""When a nats-server knows what was subscribed to."""

from nats.aio.client import Client


async def subscribed(client: Client) -> None:
    """The server knows every subscription: a flush sends its ping before what is pending, so the second one tells."""
    await client.flush()
    await client.flush()
