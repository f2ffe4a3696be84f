"""The whole router over a real NATS and a real MongoDB."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.router.settings import RouterSettings
from shared.contracts.events import ConnectionChanged, MessageReceived, MessageRecorded
from shared.contracts.ids import new_id
from shared.contracts.records import ConnectionStatus
from shared.contracts.registry import DEAD_PREFIX
from shared.messaging.client import jetstream
from shared.messaging.publisher import Publisher
from shared.platform.mongo import open_mongo
from tests.integration.router.conftest import received
from tests.integration.router.service import service
from tests.servers import free_port
from tests.subscriptions import subscribed


@pytest.fixture
def settings(nats_url: str, mongo_url: str) -> RouterSettings:
    database = f"router_{new_id()[:12]}"
    return RouterSettings(nats_url=nats_url, mongo_url=mongo_url, mongo_database=database, http_port=free_port())


@pytest.fixture
async def client(settings: RouterSettings) -> AsyncIterator[Client]:
    """A connection to the NATS the router runs on."""
    async with service(settings):
        connection = Client()
        await connection.connect(settings.nats_url)
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
    recorded = await heard(client, MessageRecorded.subject_filter(organization))
    dead = await heard(client, f"{DEAD_PREFIX}{MessageReceived.subject_filter(organization)}")
    publish = Publisher(jetstream(client))

    first = received("A1", id=new_id(), organization_id=organization)
    await publish(first)
    event = MessageRecorded.model_validate_json((await next_of(recorded)).data)
    assert (event.cause, event.message.wa_id) == (first.id, "A1")

    await client.jetstream().publish(first.full_subject, b"poison")
    await publish(received("A2", id=new_id(), organization_id=organization))
    event = MessageRecorded.model_validate_json((await next_of(recorded)).data)
    assert event.message.wa_id == "A2"
    buried = await next_of(dead)
    assert buried.data == b"poison"
    assert buried.headers
    assert "ValidationError" in buried.headers["x-error"]


def linked(instance_id: str, organization_id: str, number: str) -> ConnectionChanged:
    return ConnectionChanged(
        id=new_id(),
        organization_id=organization_id,
        instance_id=instance_id,
        status=ConnectionStatus.CONNECTED,
        reason="number_changed",
        phone_number=number,
    )


async def test_messages_name_the_number_of_the_phone_that_links_an_instance_at_once(
    client: Client, settings: RouterSettings
) -> None:
    organization, instance_id = f"o{new_id()[:12]}", f"i{new_id()[:12]}"
    recorded = await heard(client, MessageRecorded.subject_filter(organization))
    publish = Publisher(jetstream(client))
    async with open_mongo(settings) as database:
        for turn, number in enumerate(("4917011111111", "4917022222222", "4917033333333")):
            link = {"$set": {"organization_id": organization, "status": "connected", "phone_number": number}}
            await database["connections"].update_one({"_id": instance_id}, link, upsert=True)
            await publish(linked(instance_id, organization, number))
            fields: dict[str, Any] = {"id": new_id(), "organization_id": organization, "instance_id": instance_id}
            await publish(received(f"A{turn}", **fields))
            event = MessageRecorded.model_validate_json((await next_of(recorded)).data)
            assert event.message.to_address == number
