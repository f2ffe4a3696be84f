"""A router that uses a contact from its memory makes fewer reads, and still sees what another router has changed.

"unheard": the event of the change has not arrived, so only the check after the write shows it.
"""

import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from nats.aio.client import Client

from services.router.cache_events import caches_follow_events
from services.router.rules.booking_status import booking_id
from services.router.rules.contact_identity import ContactObservation, conversation_id
from services.router.store import open_store
from services.router.store.instance_directory import PROFILE_CACHE_S, InstanceDirectory
from shared.contracts.commands import ChangeBooking, SplitContact
from shared.contracts.events import BookingUpdated, ContactCreated, ContactUpdated
from shared.contracts.message import Message
from shared.contracts.records import BookingStatus
from shared.messaging.client import jetstream
from shared.messaging.publisher import Publisher
from shared.messaging.streams import ensure_streams
from shared.platform.settings import Settings
from tests.integration.router.conftest import (
    ANNA,
    LID,
    ONE,
    ORG,
    PHONE,
    START,
    Router,
    command,
    received,
    recorded_as,
    want,
)
from tests.waiting import until


async def replica_of(router: Router) -> Router:
    """Another router process on the same database, with a memory of its own."""
    store = await open_store(router.database)
    return dataclasses.replace(router, context=dataclasses.replace(router.context, store=store))


def remembers(router: Router) -> bool:
    return router.context.store.recent_contacts.find(ContactObservation(ORG, PHONE, None, "look", START)) is not None


async def merged_by_another(router: Router) -> str:
    """The contact with the number, which this router remembers, is merged into an older one by another router. Returns
    the id of the older one."""
    await router.handle(received("L1", LID), received("P1", PHONE, minute=1), received("P2", PHONE, minute=2))
    assert remembers(router)
    older, _ = (item.contact.id for item in router.of(ContactCreated))
    await (await replica_of(router)).deliver(received("B1", ANNA, minute=3))
    assert (await router.only("contacts"))["_id"] == older
    return older


async def split_by_another(router: Router) -> str:
    """Another router splits the contact, as which this router remembers both addresses. Returns the id of the contact
    that the number has then."""
    await router.handle(received("L1", LID), received("P1", PHONE, minute=1), received("B1", ANNA, minute=2))
    older, younger = (item.contact.id for item in router.of(ContactCreated))
    await router.handle(received("P2", PHONE, minute=3))
    assert remembers(router)
    split = SplitContact(id="split", at=START, organization_id=ORG, contact_id=older, merged_id=younger)
    await (await replica_of(router)).deliver(split)
    assert (await router.only("contacts", aliases=PHONE.aliases[0]))["_id"] == younger
    return younger


Change = Callable[[Router], Awaitable[str]]
CHANGES = pytest.mark.parametrize("change", [merged_by_another, split_by_another])


@CHANGES
async def test_an_unheard_change_is_seen_when_a_message_arrives(router: Router, change: Change) -> None:
    contact_id = await change(router)
    await router.deliver(received("P9", PHONE, minute=9))
    message = await router.only("messages", wa_id="P9")
    assert (message["contact_id"], message["conversation_id"]) == (contact_id, conversation_id(ONE, contact_id))
    conversation = await router.only("conversations", contact_id=contact_id)
    assert conversation["last_message"]["id"] == message["_id"]


@CHANGES
async def test_an_unheard_change_is_seen_when_messages_arrive_together(router: Router, change: Change) -> None:
    contact_id = await change(router)
    await router.deliver_together(*(received(f"P{number}", PHONE, minute=number) for number in range(5, 9)))
    messages = await router.rows("messages", wa_id={"$in": [f"P{number}" for number in range(5, 9)]})
    assert [message["contact_id"] for message in messages] == [contact_id] * 4


@CHANGES
async def test_an_unheard_change_is_seen_when_a_text_is_sent(router: Router, change: Change) -> None:
    contact_id = await change(router)
    await router.deliver(command(at=START + timedelta(minutes=9)))
    message = await router.only("messages", _id="m1")
    assert (message["contact_id"], message["conversation_id"]) == (contact_id, conversation_id(ONE, contact_id))
    conversation = await router.only("conversations", contact_id=contact_id)
    assert conversation["last_message"]["id"] == "m1"


async def test_settings_that_changed_apply_to_a_remembered_contact(router: Router) -> None:
    now = 100.0
    directory = InstanceDirectory(router.database, lambda: now)
    store = dataclasses.replace(router.context.store, instances=directory)
    router = dataclasses.replace(router, context=dataclasses.replace(router.context, store=store))
    await router.handle(received("A1"), received("A2", minute=1))
    await want(router.database, booking_policy="every_message")
    now += PROFILE_CACHE_S
    assert remembers(router)
    await router.handle(received("A3", minute=2))
    booked = {row["wa_id"]: row["booking_id"] for row in await router.rows("messages")}
    own, first = booking_id(recorded_as("A3")), booking_id(recorded_as("A1"))
    assert booked == {"A1": first, "A2": first, "A3": own}


async def test_a_booking_that_this_router_closed_gets_no_further_message(router: Router) -> None:
    await router.handle(received("A1"), received("A2", minute=1))
    first = booking_id(recorded_as("A1"))
    close = ChangeBooking(
        id="close", at=START, organization_id=ORG, booking_id=first, status=BookingStatus.CANCELLED, by="user"
    )
    await router.handle(close, received("A3", minute=2))
    assert (await router.only("messages", wa_id="A3"))["booking_id"] == booking_id(recorded_as("A3"))


async def test_events_of_other_routers_make_this_one_forget(router: Router, nats_url: str) -> None:
    """What another router changed counts here as soon as its event has arrived."""
    client = Client()
    await client.connect(nats_url)
    await ensure_streams(jetstream(client), Settings())
    other = dataclasses.replace(
        await replica_of(router), context=dataclasses.replace(router.context, publish=Publisher(jetstream(client)))
    )
    close = ChangeBooking(
        id="close",
        at=START,
        organization_id=ORG,
        booking_id=booking_id(recorded_as("A1")),
        status=BookingStatus.CANCELLED,
        by="user",
    )
    renamed: Message = received("A9", push_name="Anna B.", minute=9)
    async with caches_follow_events(client, router.context.store):
        for number, (change, event_class) in enumerate([(close, BookingUpdated), (renamed, ContactUpdated)]):
            await router.handle(received(f"A{number * 2 + 1}", minute=number), received(f"A{number * 2 + 2}", minute=5))
            assert remembers(router), event_class
            await other.deliver(change)
            await until(lambda: not remembers(router))
    await client.close()


async def operations(router: Router, message: Message) -> list[tuple[str, str]]:
    """MongoDB's operations while this message is handled, in order: which, and on which collection."""
    database = router.database
    await database["system.profile"].drop()
    await database.command("profile", 2, filter={"ns": {"$not": {"$regex": r"system\.profile$"}}})
    try:
        await router.handle(message)
    finally:
        await database.command("profile", 0)
    found = await database["system.profile"].find({"op": {"$ne": "getmore"}}).sort("$natural", 1).to_list(None)
    await database["system.profile"].drop()
    return [(str(item["op"]), item["ns"].split(".", 1)[1]) for item in found]


async def test_a_message_of_a_remembered_contact_needs_no_read_before_its_write(router: Router) -> None:
    await router.handle(received("A1"), received("A2", minute=1))
    done = await operations(router, received("A3", minute=2))
    before = set(done[: done.index(("insert", "messages"))])
    assert before <= {("insert", "search_terms")}, done  # words are written beside the message
    assert ("update", "conversations") in done
    assert "bookings" not in {place for _, place in done}


async def test_a_text_to_a_remembered_contact_reads_neither_contact_nor_bookings_before_its_write(
    router: Router,
) -> None:
    await router.handle(received("A1"), command("m1"))
    done = await operations(router, command("m2"))
    before = done[: done.index(("insert", "messages"))]
    assert {place for _, place in before}.isdisjoint({"contacts", "bookings"})
