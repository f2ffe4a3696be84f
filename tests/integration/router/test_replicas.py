"""Two replicas of the whole router on one NATS and one MongoDB."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TypeVar

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.router.settings import RouterSettings
from shared.contracts.events import BookingCreated, MessageReceived, MessageRecorded
from shared.contracts.ids import new_id
from shared.contracts.message import Event
from shared.contracts.records import Party
from shared.messaging.client import jetstream
from shared.messaging.publisher import Publisher
from shared.platform.mongo import Database, open_mongo
from tests.integration.router.conftest import received
from tests.integration.router.service import service
from tests.servers import free_port
from tests.subscriptions import subscribed

CONTACTS = 60
E = TypeVar("E", bound=Event)


@pytest.fixture
async def database(nats_url: str, mongo_url: str) -> AsyncIterator[Database]:
    """The database two running routers share."""
    name = f"routers_{new_id()[:12]}"
    async with AsyncExitStack() as stack:
        for _ in range(2):
            settings = RouterSettings(
                nats_url=nats_url, mongo_url=mongo_url, mongo_database=name, http_port=free_port()
            )
            await stack.enter_async_context(service(settings))
        database = await stack.enter_async_context(open_mongo(settings))
        yield database
        await database.client.drop_database(name)


async def client(stack: AsyncExitStack, nats_url: str) -> Client:
    connection = Client()
    await connection.connect(nats_url)
    stack.push_async_callback(connection.close)
    return connection


async def heard(connection: Client, cls: type[E], organization: str) -> asyncio.Queue[E]:
    queue: asyncio.Queue[E] = asyncio.Queue()

    async def receive(message: Msg) -> None:
        queue.put_nowait(cls.model_validate_json(message.data))

    await connection.subscribe(cls.subject_filter(organization), cb=receive)
    await subscribed(connection)
    return queue


def _all(queue: asyncio.Queue[E]) -> list[E]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


def pairs(organization: str, dice: random.Random) -> list[tuple[MessageReceived, MessageReceived]]:
    """For each of many people two first messages of the same instant: by the same address, or by phone and by both."""
    found = []
    for number in dice.sample(range(10_000_000), CONTACTS):
        person = Party(phone=f"49151{number:08}", lid=f"8{number:08}")
        senders = (Party(phone=person.phone), dice.choice([person, Party(phone=person.phone)]))
        minute = dice.randrange(60)
        first, second = (
            received(new_id(), sender, id=new_id(), minute=minute, organization_id=organization) for sender in senders
        )
        found.append((first, second))
    return found


async def test_two_messages_of_the_same_instant_open_one_booking_each_contact(
    nats_url: str, database: Database, seed: int
) -> None:
    organization = f"o{new_id()[:12]}"
    wanted = pairs(organization, random.Random(seed))
    async with AsyncExitStack() as stack:
        left, right = [await client(stack, nats_url) for _ in range(2)]
        recorded = await heard(left, MessageRecorded, organization)
        created = await heard(right, BookingCreated, organization)
        publishers = [Publisher(jetstream(connection)) for connection in (left, right)]
        for pair in wanted:
            await asyncio.gather(*(publish(event) for publish, event in zip(publishers, pair, strict=True)))
        missing = {event.id for pair in wanted for event in pair}
        async with asyncio.timeout(60):
            while missing:
                missing.discard((await recorded.get()).cause or "")
        await right.flush()
    mine = {"organization_id": organization}
    bookings = await database["bookings"].find(mine).to_list(None)
    assert len(await database["contacts"].find(mine).to_list(None)) == CONTACTS
    assert Counter(booking["contact_id"] for booking in bookings).most_common(1)[0][1] == 1
    assert len(bookings) == CONTACTS
    announced_ids = {event.booking.id for event in _all(created)}
    assert announced_ids == {booking["_id"] for booking in bookings}
