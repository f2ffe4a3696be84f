"""What arriving messages leave behind: contacts, bookings, conversations, messages and events."""

import asyncio
import random

import pytest

from services.router.store.bookings import BookingChange
from shared.contracts.errors import Retry
from shared.contracts.events import BookingCreated, ContactCreated, ContactUpdated, MessageReceived, MessageRecorded
from shared.contracts.message_parts import Referral
from shared.contracts.records import BookingStatus, Party
from shared.platform.mongo import DuplicateKeyError
from tests.integration.router.conftest import ANNA, LID, ME, PHONE, Router, received, recorded_as


async def test_a_first_message_makes_a_contact_a_booking_a_conversation_and_events_in_this_order(
    router: Router,
) -> None:
    event = received("A1", push_name="Anna")
    await router.handle(event)
    contact, booking = await router.only("contacts"), await router.only("bookings")
    message, conversation = await router.only("messages"), await router.only("conversations")
    assert (contact["phone_number"], contact["lid"], contact["name"]) == (ANNA.phone, ANNA.lid, "Anna")
    assert (booking["contact_id"], booking["status"], booking["opened_by"]) == (
        contact["_id"],
        "pending",
        message["_id"],
    )
    assert message["_id"] == recorded_as("A1")
    assert (message["contact_id"], message["booking_id"]) == (contact["_id"], booking["_id"])
    assert (message["from_address"], message["to_address"], message["status"]) == (ANNA.phone, ME.phone, "received")
    assert conversation["_id"] == message["conversation_id"]
    assert conversation["last_message"]["text"] == "text A1"
    assert router.names() == ["ContactCreated", "BookingCreated", "MessageRecorded"]
    assert [item.cause for item in router.published] == [event.id] * 3
    assert router.of(ContactCreated)[0].contact.id == contact["_id"]
    assert router.of(BookingCreated)[0].booking.id == booking["_id"]
    assert router.of(MessageRecorded)[0].message.booking_id == booking["_id"]


async def test_a_second_message_joins_the_contact_the_booking_and_the_conversation(router: Router) -> None:
    await router.handle(received("A1"), received("A2", minute=1))
    contact, booking = await router.only("contacts"), await router.only("bookings")
    conversation = await router.only("conversations")
    for message in await router.rows("messages"):
        assert (message["contact_id"], message["booking_id"]) == (contact["_id"], booking["_id"])
    assert conversation["last_message"]["id"] == recorded_as("A2")
    assert router.names()[3:] == ["MessageRecorded"]


async def test_an_older_message_arriving_later_does_not_become_the_last(router: Router) -> None:
    await router.handle(received("A2", minute=1), received("A1"))
    assert (await router.only("conversations"))["last_message"]["id"] == recorded_as("A2")


async def test_a_message_after_a_finished_booking_opens_the_next(router: Router) -> None:
    await router.handle(received("A1"))
    store = router.context.store.bookings
    first = router.of(BookingCreated)[0].booking
    await store.change(first, BookingChange(BookingStatus.COMPLETED, router.context.now(), "command"))
    await router.handle(received("A2"), received("A1"))
    assert {row["status"] for row in await router.rows("bookings")} == {"completed", "pending"}
    assert len(await router.rows("messages")) == 2


async def test_a_missed_call_is_an_unread_line_of_its_contact_and_opens_no_booking(router: Router) -> None:
    await router.handle(received("CALL1", type="missed_call", text="Missed voice call"))
    assert router.names() == ["ContactCreated", "MessageRecorded"]
    message = await router.only("messages")
    assert (message["type"], message["text"], message["direction"]) == ("missed_call", "Missed voice call", "inbound")
    assert (await router.only("conversations"))["last_message"]["type"] == "missed_call"


async def test_the_advertisement_of_a_message_is_stored_and_published(router: Router) -> None:
    ad = Referral(source_type="ad", source_id="1202", headline="Promo", ctwa_clid="AR")
    await router.handle(received("A1", referral=ad))
    assert (await router.only("messages"))["referral"]["source_id"] == "1202"
    assert router.of(MessageRecorded)[0].message.referral == ad


async def test_a_broadcast_of_the_owner_is_in_each_conversation(router: Router) -> None:
    other = Party(phone="4915155555555", lid="555")
    copies = [
        received("L1", ME, id=f"copy-{place}", chat=chat, from_me=True) for place, chat in enumerate((ANNA, other))
    ]
    await router.handle(*copies, *copies)
    assert len(await router.rows("messages", wa_id="L1")) == 2
    assert len(await router.rows("conversations")) == 2


async def test_a_reaction_opens_no_booking(router: Router) -> None:
    await router.handle(received("A1", type="reaction"))
    assert router.names() == ["ContactCreated", "MessageRecorded"]
    assert await router.rows("bookings") == []


@pytest.mark.parametrize("sender", [Party(phone=ME.phone), Party(lid=ME.lid)])
async def test_what_owners_write_to_themselves_is_a_note(router: Router, sender: Party) -> None:
    await router.handle(received("A1", sender, from_me=True))
    note = await router.only("messages")
    assert (note["kind"], note["contact_id"], note["conversation_id"]) == ("note", None, None)
    assert router.names() == ["MessageRecorded"]
    assert not [row for table in ("contacts", "bookings", "conversations") for row in await router.rows(table)]


async def test_a_message_sent_from_the_phone_joins_the_conversation_and_opens_no_booking(router: Router) -> None:
    await router.handle(received("B0", ME, chat=ANNA, from_me=True))
    assert await router.rows("bookings") == []
    await router.handle(received("A1"), received("B1", ME, chat=ANNA, from_me=True, minute=1))
    booking, conversation = await router.only("bookings"), await router.only("conversations")
    typed = await router.only("messages", wa_id="B1")
    assert (typed["direction"], typed["origin"], typed["status"]) == ("outbound", "phone", "sent")
    assert (typed["conversation_id"], typed["booking_id"]) == (conversation["_id"], booking["_id"])
    assert (typed["from_address"], typed["to_address"]) == (ME.phone, ANNA.phone)


@pytest.mark.parametrize("from_me", [True, False])
async def test_a_group_message_is_stored_without_contact_booking_and_conversation(
    router: Router, from_me: bool
) -> None:
    await router.handle(received("A1", group="1-2@g.us", from_me=from_me))
    message = await router.only("messages")
    assert (message["group"], message["to_address"], message["contact_id"]) == ("1-2@g.us", "1-2@g.us", None)
    assert router.names() == ["MessageRecorded"]


async def test_a_person_known_by_lid_stays_one_contact_when_the_number_becomes_known(router: Router) -> None:
    await router.handle(received("A1", LID), received("A2", ANNA))
    contact = await router.only("contacts")
    assert (contact["phone_number"], contact["lid"], sorted(contact["aliases"])) == (
        ANNA.phone,
        ANNA.lid,
        sorted(ANNA.aliases),
    )
    assert len(await router.rows("bookings")) == 1
    assert router.of(ContactUpdated)[0].contact.id == contact["_id"]


async def test_two_contacts_that_are_one_person_become_the_older_with_everything_of_both(router: Router) -> None:
    await router.handle(received("A1", PHONE), received("A2", LID, minute=1))
    old, young = (item.contact.id for item in router.of(ContactCreated))
    await router.handle(received("A3", ANNA, minute=2))
    contact, conversation = await router.only("contacts"), await router.only("conversations")
    assert contact["_id"] == conversation["contact_id"] == old
    assert (contact["phone_number"], contact["lid"]) == (ANNA.phone, ANNA.lid)
    messages = await router.rows("messages")
    assert len(messages) == 3
    assert {(m["contact_id"], m["conversation_id"]) for m in messages} == {(old, conversation["_id"])}
    bookings = await router.rows("bookings", contact_id=old)
    assert sorted(booking["status"] for booking in bookings) == ["cancelled", "pending"]
    assert router.of(ContactUpdated)[-1].merged_ids == (young,)


async def test_fifty_first_messages_at_once_make_one_contact_with_one_open_booking(router: Router, seed: int) -> None:
    chance = random.Random(seed)
    events = [received(f"A{n}", chance.choice([ANNA, PHONE, LID]), minute=n) for n in range(49)]
    events.append(received("A49", ANNA, minute=49))

    async def again(event: MessageReceived) -> bool:
        try:
            await router.handle(event)
        except (Retry, DuplicateKeyError):
            return True
        return False

    waiting = events
    for _ in range(50):
        failed = await asyncio.gather(*map(again, waiting))
        waiting = [event for event, repeat in zip(waiting, failed, strict=True) if repeat]
    assert not waiting
    contact, conversation = await router.only("contacts"), await router.only("conversations")
    messages = await router.rows("messages")
    assert len(messages) == 50
    assert {(m["contact_id"], m["conversation_id"]) for m in messages} == {(contact["_id"], conversation["_id"])}
    open_booking = await router.only("bookings", open=True)
    assert {booking["contact_id"] for booking in await router.rows("bookings")} == {open_booking["contact_id"]}
    assert conversation["last_message"]["id"] == recorded_as("A49")
