"""What people do with bookings: make them, decide about them, say when they begin."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.commands import ChangeBooking, CreateBooking, RescheduleBooking
from shared.contracts.events import BookingCreated, BookingUpdated, CommandRefused, ContactCreated
from shared.contracts.ids import new_id
from shared.contracts.message import Message
from shared.contracts.records import BookingStatus, Party
from tests.integration.router.conftest import ANNA, LID, ONE, ORG, PHONE, START, Router, add_account, received, want

LATER = START + timedelta(days=3)


def create(contact_id: str, **fields: Any) -> CreateBooking:
    return CreateBooking(**{"organization_id": ORG, "at": START, "contact_id": contact_id, "by": "ben", **fields})


def reschedule(booking_id: str, **fields: Any) -> RescheduleBooking:
    given = {"organization_id": ORG, "booking_id": booking_id, "starts_at": LATER, "by": "ben"}
    return RescheduleBooking(**{**given, **fields})


def change(booking_id: str, status: BookingStatus, **fields: Any) -> ChangeBooking:
    return ChangeBooking(**{"organization_id": ORG, "booking_id": booking_id, "status": status, "by": "ben", **fields})


async def contact(router: Router) -> str:
    """Of a contact without a booking."""
    await router.handle(received("R1", type="reaction"))
    return router.of(ContactCreated)[-1].contact.id


async def refused(router: Router, asked: Message) -> CommandRefused:
    await router.handle(asked)
    answer = router.published[-1]
    assert isinstance(answer, CommandRefused)
    assert answer.cause == asked.id
    return answer


async def test_a_user_creates_a_booking_once_for_the_instance_of_the_latest_conversation(router: Router) -> None:
    asked = create(await contact(router), text="a table", starts_at=LATER, note="by phone")
    await add_account(router.database, "aaa", Party(phone="4915188888888"))
    await router.handle(asked, asked)
    stored = await router.only("bookings")
    assert (stored["status"], stored["opened_by"], stored["text"]) == ("pending", None, "a table")
    assert (stored["instance_id"], stored["starts_at"]) == (ONE, LATER)
    assert [(step["by"], step["note"], step["starts_at"]) for step in stored["history"]] == [("ben", "by phone", LATER)]
    first, again = router.of(BookingCreated)
    assert (first.id, first.booking, first.cause) == (again.id, again.booking, asked.id)


async def test_the_next_message_is_attached_to_the_booking_a_user_created(router: Router) -> None:
    await router.handle(create(await contact(router)), received("A1"))
    assert (await router.only("messages", wa_id="A1"))["booking_id"] == (await router.only("bookings"))["_id"]


async def test_while_one_is_open_the_next_is_refused_with_its_id(router: Router) -> None:
    await router.handle(received("A1"))
    there = router.of(BookingCreated)[0].booking
    answer = await refused(router, create(there.contact_id))
    assert (answer.status, answer.code, answer.extra) == (409, "booking_open", {"booking_id": there.id})
    await want(router.database, booking_policy="every_message")
    await router.handle(create(there.contact_id))
    assert len(await router.rows("bookings", open=True)) == 2


async def test_twenty_people_who_make_one_at_once_make_one(router: Router) -> None:
    contact_id = await contact(router)
    await asyncio.gather(*(router.deliver(create(contact_id)) for _ in range(20)))
    made = await router.only("bookings")
    assert {event.booking.id for event in router.of(BookingCreated)} == {made["_id"]}
    assert [item.extra["booking_id"] for item in router.of(CommandRefused)] == [made["_id"]] * 19


async def test_a_booking_created_while_its_contact_is_merged_is_not_lost(router: Router) -> None:
    await router.handle(received("A1", PHONE), received("R1", LID, type="reaction", minute=1))
    older, younger = (item.contact.id for item in router.of(ContactCreated))
    asked = create(younger)
    await asyncio.gather(router.deliver(asked), router.deliver(received("A2", ANNA, minute=2)))
    bookings = await router.rows("bookings")
    assert {booking["contact_id"] for booking in bookings} == {older}
    assert len(bookings) - 1 == len([item for item in router.of(BookingCreated) if item.cause == asked.id])
    assert len(await router.rows("bookings", open=True)) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"contact_id": "nobody"}, "contact_not_found"),
        ({"instance_id": "two"}, "instance_not_found"),
        ({"organization_id": "other"}, "instance_not_found"),
    ],
)
async def test_unknown_contacts_and_instances_are_rejected(router: Router, fields: dict[str, Any], code: str) -> None:
    answer = await refused(router, create(**{"contact_id": await contact(router), **fields}))
    assert (answer.status, answer.code) == (404, code)
    assert await router.rows("bookings") == []


async def test_a_booking_is_rescheduled_once_and_its_history_says_by_whom_and_why(router: Router) -> None:
    await router.handle(received("A1"))
    booking_id = router.of(BookingCreated)[0].booking.id
    moved = reschedule(booking_id, note="she is late")
    await router.handle(change(booking_id, BookingStatus.CONFIRMED), moved, moved)
    stored = await router.only("bookings")
    assert (stored["status"], stored["starts_at"], stored["open"]) == ("confirmed", LATER, True)
    opened, confirmed, last = stored["history"]
    assert (opened["status"], confirmed["status"]) == ("pending", "confirmed")
    assert (last["status"], last["by"], last["note"], last["starts_at"]) == ("confirmed", "ben", "she is late", LATER)
    assert [event.booking.starts_at for event in router.of(BookingUpdated)] == [None, LATER, LATER]


@pytest.mark.parametrize("status", [BookingStatus.COMPLETED, BookingStatus.NO_SHOW, BookingStatus.CANCELLED])
async def test_a_closed_booking_cannot_be_rescheduled(router: Router, status: BookingStatus) -> None:
    await router.handle(received("A1"))
    booking_id = router.of(BookingCreated)[0].booking.id
    await router.handle(change(booking_id, status))
    answer = await refused(router, reschedule(booking_id))
    assert (answer.status, answer.code, answer.extra) == (409, "booking_status_conflict", {"state": status.value})
    assert (await refused(router, reschedule(new_id()))).code == "booking_not_found"


async def test_the_same_status_again_changes_nothing_and_a_note_with_it_is_kept(router: Router) -> None:
    await router.handle(received("A1"))
    booking_id = router.of(BookingCreated)[0].booking.id
    for note in (None, None, "said twice"):
        await router.handle(change(booking_id, BookingStatus.CANCELLED, note=note))
    steps = [(step["status"], step.get("note")) for step in (await router.only("bookings"))["history"]]
    assert steps == [("pending", None), ("cancelled", None), ("cancelled", "said twice")]
