"""The whole router over a real NATS and a real MongoDB."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.router.settings import RouterSettings
from shared.delivery import Publisher, jetstream
from shared.events import MessageReceived, MessageRecorded
from shared.ids import new_id
from shared.topology import DEAD_PREFIX
from tests.integration.router.conftest import received
from tests.integration.router.service import service
from tests.servers import free_port
from tests.subscriptions import subscribed


@pytest.fixture
async def client(nats_url: str, mongo_url: str) -> AsyncIterator[Client]:
    """A connection to the NATS the router runs on."""
    database = f"router_{new_id()[:12]}"
    settings = RouterSettings(nats_url=nats_url, mongo_url=mongo_url, mongo_database=database, http_port=free_port())
    async with service(settings):
        connection = Client()
        await connection.connect(nats_url)
        yield connection
        await connection.close()


async def heard(client: Client, subject: str) -> asyncio.Queue[Msg]:
    queue: asyncio.Queue[Msg] = asyncio.Queue()
    await client.subscribe(subject, cb=queue.put)
    await subscribed(client)
    return queue


async def next_of(queue: asyncio.Queue[Msg]) -> Msg:
    async with asyncio.timeout(20):
        return await queue.get()


async def test_a_received_message_is_recorded_and_a_poisonous_one_does_not_stop_the_next(client: Client) -> None:
    organization = f"o{new_id()[:12]}"
    recorded = await heard(client, MessageRecorded.pattern(organization))
    dead = await heard(client, f"{DEAD_PREFIX}{MessageReceived.pattern(organization)}")
    publish = Publisher(jetstream(client))

    first = received("A1", id=new_id(), organization_id=organization)
    await publish(first)
    event = MessageRecorded.model_validate_json((await next_of(recorded)).data)
    assert (event.cause, event.message.wa_id) == (first.id, "A1")

    await client.jetstream().publish(first.address, b"poison")
    await publish(received("A2", id=new_id(), organization_id=organization))
    event = MessageRecorded.model_validate_json((await next_of(recorded)).data)
    assert event.message.wa_id == "A2"
    buried = await next_of(dead)
    assert buried.data == b"poison"
    assert buried.headers
    assert "ValidationError" in buried.headers["x-error"]
