"""What an organization wants: which messages open a booking, and what becomes of its owners' own."""

from typing import Any

import pytest

from services.router.rules.booking_status import booking_id
from services.router.store import open_store
from services.router.store.bookings import BookingChange
from shared.contracts.events import BookingCreated, MessageRecorded
from shared.contracts.records import BookingStatus, Party
from shared.platform.mongo import IndexModel
from tests.integration.router.conftest import (
    ANNA,
    LID,
    ME,
    ORG,
    PHONE,
    START,
    Router,
    command,
    received,
    recorded_as,
    want,
)

HELPER = Party(phone="4915177777777", lid="777")
DAY = {"time_zone": "UTC", "weekly": {"thu": [["12:00", "13:00"]]}}
"""START is a Thursday noon."""


async def bookings_of_messages(router: Router) -> dict[str, str | None]:
    return {row["wa_id"]: row["booking_id"] for row in await router.rows("messages")}


async def test_off_opens_nothing_and_attaches_to_what_is_open(router: Router) -> None:
    await router.handle(received("A1"))
    await want(router.database, booking_policy="off")
    other = Party(phone="4915155555555")
    await router.handle(received("B1", other), received("A2", minute=1))
    mine = booking_id(recorded_as("A1"))
    assert await bookings_of_messages(router) == {"A1": mine, "A2": mine, "B1": None}
    assert len(router.of(BookingCreated)) == 1


async def test_every_message_opens_its_own_booking_and_again_only_once(router: Router) -> None:
    await want(router.database, booking_policy="every_message")
    messages = [received("A1"), received("A2", minute=1), received("A3", minute=2)]
    await router.handle(*messages, received("R1", type="reaction", minute=3))
    await router.handle(*messages)
    opened = {name: booking_id(recorded_as(name)) for name in ("A1", "A2", "A3")}
    assert len(await router.rows("bookings", open=True)) == 3
    found = await bookings_of_messages(router)
    assert found.pop("R1") in opened.values()
    assert found == opened
    assert {event.booking.id for event in router.of(BookingCreated)} == set(opened.values())


@pytest.mark.parametrize("policy", ["one_open", "every_message", "opening_hours"])
async def test_a_message_without_words_joins_the_open_booking_and_opens_none(router: Router, policy: str) -> None:
    await want(router.database, booking_policy=policy, opening_hours=DAY)
    await router.handle(received("A1", text="👍"), received("A2", type="sticker", text=None, minute=1))
    assert await router.rows("bookings") == []
    await router.handle(received("A3", text="oi", minute=2), received("A4", text="🙏", minute=3))
    mine = booking_id(recorded_as("A3"))
    assert await bookings_of_messages(router) == {"A1": None, "A2": None, "A3": mine, "A4": mine}
    assert len(router.of(MessageRecorded)) == 4


async def test_an_organization_may_want_bookings_of_messages_without_words(router: Router) -> None:
    await want(router.database, bookings_without_words=True)
    await router.handle(received("A1", text="👍"))
    assert (await router.only("bookings"))["opened_by"] == recorded_as("A1")


async def test_one_of_several_open_bookings_can_be_confirmed_and_the_others_stay(router: Router) -> None:
    await want(router.database, booking_policy="every_message")
    await router.handle(received("A1"), received("A2", minute=1))
    first = router.of(BookingCreated)[0].booking
    await router.context.store.bookings.change(first, BookingChange(BookingStatus.CONFIRMED, START, "x"))
    assert sorted(row["status"] for row in await router.rows("bookings", open=True)) == ["confirmed", "pending"]


async def test_after_every_message_one_open_attaches_until_all_are_closed(router: Router) -> None:
    await want(router.database, booking_policy="every_message")
    await router.handle(received("A1"))
    await want(router.database, booking_policy="one_open")
    await router.context.store.instances.profile(ORG, fresh=True)
    await router.handle(received("A2", minute=1))
    assert len(await router.rows("bookings")) == 1
    await router.context.store.bookings.change(
        router.of(BookingCreated)[0].booking, BookingChange(BookingStatus.COMPLETED, START, "x")
    )
    await router.handle(received("A3", minute=2), received("A4", minute=3))
    assert len(await router.rows("bookings", open=True)) == 1


@pytest.mark.parametrize("merged", [True, False])
async def test_bookings_of_their_own_all_follow_when_two_contacts_are_one(router: Router, merged: bool) -> None:
    await want(router.database, booking_policy="every_message")
    await router.handle(received("A1", PHONE), received("A2", LID, minute=1))
    await router.handle(received("A3", ANNA if merged else PHONE, minute=2))
    owners = {row["contact_id"] for row in await router.rows("bookings", open=True)}
    assert (len(await router.rows("bookings", open=True)), len(owners)) == (3, 1 if merged else 2)


async def test_only_a_keyword_opens_one(router: Router) -> None:
    await want(router.database, booking_policy="keywords", booking_keywords=["Término"])
    await router.handle(received("A1", text="hello"), received("A2", text="um TERMINO, por favor", minute=1))
    await router.handle(received("A3", text="término", minute=2), received("A4", text="thanks", minute=3))
    mine = booking_id(recorded_as("A2"))
    assert await bookings_of_messages(router) == {"A1": None, "A2": mine, "A3": mine, "A4": mine}


async def test_only_a_message_within_opening_hours_opens_one(router: Router) -> None:
    await want(router.database, booking_policy="opening_hours", opening_hours=DAY)
    await router.handle(received("A1", minute=60), received("A2", minute=59), received("A3", minute=61))
    mine = booking_id(recorded_as("A2"))
    assert await bookings_of_messages(router) == {"A1": None, "A2": mine, "A3": mine}


async def test_a_booking_that_was_opened_stays_when_the_policy_changes_before_a_redelivery(router: Router) -> None:
    event = received("A1")
    await router.handle(event)
    await router.database["messages"].delete_many({})
    await want(router.database, booking_policy="off")
    await router.context.store.instances.profile(ORG, fresh=True)
    await router.handle(event)
    assert (await router.only("messages"))["booking_id"] == (await router.only("bookings"))["_id"]
    assert len({item.id for item in router.of(BookingCreated)}) == 1


@pytest.mark.parametrize("sender", [Party(phone=ME.phone), Party(lid=ME.lid), Party(phone=HELPER.phone), HELPER])
@pytest.mark.parametrize("from_me", [True, False])
async def test_who_ignores_owners_finds_nothing_of_their_own_messages(
    router: Router, sender: Party, from_me: bool
) -> None:
    await want(router.database, owner_messages="ignore", owner_numbers=[HELPER.phone])
    await router.handle(received("A1", sender, from_me=from_me))
    assert router.published == []
    assert not any((await router.state()).values())


async def test_what_an_owner_writes_to_a_contact_is_recorded_all_the_same(router: Router) -> None:
    await want(router.database, owner_messages="ignore")
    await router.handle(received("B0", ME, chat=ANNA, from_me=True))
    typed = await router.only("messages")
    assert (typed["kind"], typed["direction"], typed["to_address"]) == ("message", "outbound", ANNA.phone)


async def test_an_owner_number_is_an_owner_by_the_lid_it_was_a_contact_with(router: Router) -> None:
    await router.handle(received("A1", HELPER))
    await want(router.database, owner_numbers=[HELPER.phone])
    await router.context.store.instances.profile(ORG, fresh=True)
    await router.handle(received("A2", Party(lid=HELPER.lid), minute=1))
    assert (await router.only("messages", wa_id="A2"))["kind"] == "note"


async def test_nothing_of_somebody_is_dropped_who_is_an_owner_no_more(router: Router) -> None:
    await want(router.database, owner_messages="ignore", owner_numbers=[HELPER.phone])
    await router.context.store.instances.profile(ORG, fresh=True)
    await want(router.database, owner_messages="ignore")
    await router.handle(received("A1", HELPER))
    assert [type(item) for item in router.published][-1] is MessageRecorded
    assert len(await router.rows("bookings")) == 1


async def test_what_a_program_sends_to_an_owner_is_recorded_even_when_owners_are_ignored(router: Router) -> None:
    await want(router.database, owner_messages="ignore")
    await router.handle(command(to=ME.phone))
    assert (await router.only("messages"))["kind"] == "note"


async def test_the_index_of_an_earlier_version_gives_way(router: Router) -> None:
    bookings = router.database["bookings"]
    earlier: dict[str, Any] = {"unique": True, "name": "one_open", "partialFilterExpression": {"open": True}}
    await bookings.create_indexes([IndexModel([("contact_id", 1)], **earlier)])
    await router.handle(received("A1"))
    await router.database["router_migrations"].delete_many({})  # which that version did not know
    await open_store(router.database)
    await open_store(router.database)
    assert "one_open" not in await bookings.index_information()
    await want(router.database, booking_policy="every_message")
    await router.context.store.instances.profile(ORG, fresh=True)
    await router.handle(received("A2", minute=1))
    assert len(await router.rows("bookings", open=True)) == 2
