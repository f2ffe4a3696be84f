"""Bookings that users create, reschedule and change."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.contracts.commands import ChangeBooking, CreateBooking, RescheduleBooking
from shared.contracts.errors import Problem
from shared.contracts.events import BookingCreated, BookingUpdated
from shared.contracts.ids import new_id
from shared.contracts.message import Command, Event, utc_now
from shared.contracts.records import Booking, BookingStatus
from shared.messaging.command_client import refusal
from shared.messaging.rpc_client import rpc_request
from shared.platform.mongo import Document
from tests.component.api.conftest import Api, Member
from tests.component.api.test_keys import created as created_key
from tests.nats_messages import MESSAGES

SOON = "2026-12-01T10:00:00+01:00"
NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)


async def contact(api: Api, member: Member) -> str:
    at, contact_id = utc_now(), new_id()
    times = {"created_at": at, "updated_at": at}
    await api.database.contacts.insert_one(
        {"_id": contact_id, "organization_id": member.organization_id, "aliases": [contact_id], **times}
    )
    return contact_id


def booking(command: Command, **fields: Any) -> Booking:
    given: dict[str, Any] = {
        "id": new_id(),
        "organization_id": command.organization_id,
        "instance_id": command.instance_id,
        "contact_id": "c",
        "status": "pending",
        "created_at": utc_now(),
        "updated_at": utc_now(),
    }
    return Booking.model_validate(given | fields)


async def stored(api: Api, member: Member, **fields: Any) -> str:
    new: Document = {
        "_id": new_id(),
        "organization_id": member.organization_id,
        "instance_id": "i",
        "contact_id": "c",
        "status": "pending",
        "created_at": utc_now(),
        "updated_at": utc_now(),
    }
    await api.database.bookings.insert_one(new | fields)
    return str(new["_id"])


def created(command: CreateBooking) -> Iterable[Event]:
    made = booking(command, contact_id=command.contact_id, text=command.text, starts_at=command.starts_at)
    return [BookingCreated(organization_id=command.organization_id, cause=command.id, booking=made)]


def moved(command: RescheduleBooking) -> Iterable[Event]:
    now = booking(command, id=command.booking_id, starts_at=command.starts_at)
    return [BookingUpdated(organization_id=command.organization_id, cause=command.id, booking=now)]


async def test_a_booking_is_made_for_a_contact(api: Api, member: Member) -> None:
    body = {"contact_id": await contact(api, member), "text": "a table", "starts_at": SOON, "note": "by phone"}
    body["instance_id"] = await member.instance()
    async with api.playing(CreateBooking, created) as commands:
        answer = await member.http.post("/api/bookings", json=body)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["data"]["starts_at"], answer.json()["data"]["text"]) == ("2026-12-01T09:00:00Z", "a table")
    [command] = commands
    assert (command.instance_id, command.by, command.note) == (body["instance_id"], member.user_id, "by phone")


async def test_without_an_instance_the_router_chooses(api: Api, member: Member) -> None:
    async with api.playing(CreateBooking, created) as commands:
        answer = await member.http.post("/api/bookings", json={"contact_id": await contact(api, member)})
    assert (answer.status_code, commands[0].instance_id, commands[0].starts_at) == (201, "-", None)


async def test_a_booking_is_made_over_nats_for_the_instance_of_the_subject(api: Api, member: Member) -> None:
    contact_id, instance_id = await contact(api, member), await member.instance()
    request = MESSAGES.CreateBookingRequest(
        organization_id=member.organization_id, instance_id=instance_id, contact_id=contact_id, starts_at=NINE
    )
    async with api.playing(CreateBooking, created) as commands:
        answer = await rpc_request(api.nats, request)
    assert (answer["data"]["contact_id"], answer["data"]["instance_id"]) == (contact_id, instance_id)
    assert (commands[0].instance_id, commands[0].starts_at, commands[0].by) == (instance_id, NINE, "bus")


async def test_while_one_is_open_the_problem_names_it(api: Api, member: Member) -> None:
    def refuse(command: CreateBooking) -> Iterable[Event]:
        return [refusal(command, Problem(409, "booking_open", "there is one", booking_id="b1"))]

    async with api.playing(CreateBooking, refuse):
        answer = await member.http.post("/api/bookings", json={"contact_id": await contact(api, member)})
    assert (answer.status_code, answer.json()["code"], answer.json()["booking_id"]) == (409, "booking_open", "b1")


async def test_foreign_contact_and_instance_are_not_found(api: Api, member: Member, stranger: Member) -> None:
    mine, foreign = await contact(api, member), await contact(api, stranger)
    for body, code in (
        ({"contact_id": foreign}, "contact_not_found"),
        ({"contact_id": mine, "instance_id": await stranger.instance()}, "instance_not_found"),
    ):
        answer = await member.http.post("/api/bookings", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, code)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "starts_at"),
        ({"starts_at": "2026-12-01T10:00:00"}, "starts_at"),
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, "starts_at"),
        ({"starts_at": SOON, "note": " "}, "note"),
        ({"starts_at": SOON, "notes": "x"}, "notes"),
    ],
)
async def test_an_invalid_time_is_refused(api: Api, member: Member, body: Any, field: str) -> None:
    answer = await member.http.post(f"/api/bookings/{await stored(api, member)}/reschedule", json=body)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])


async def test_a_booking_is_rescheduled(api: Api, member: Member) -> None:
    booking_id = await stored(api, member)
    async with api.playing(RescheduleBooking, moved) as commands:
        body = {"starts_at": SOON, "note": "she is late"}
        answer = await member.http.post(f"/api/bookings/{booking_id}/reschedule", json=body)
    assert (answer.status_code, answer.json()["data"]["starts_at"]) == (200, "2026-12-01T09:00:00Z")
    assert [(item.starts_at, item.note, item.by) for item in commands] == [(NINE, "she is late", member.user_id)]


async def test_a_change_may_have_a_note(api: Api, member: Member) -> None:
    def decided(command: ChangeBooking) -> Iterable[Event]:
        now = booking(command, id=command.booking_id, status=command.status)
        return [BookingUpdated(organization_id=command.organization_id, cause=command.id, booking=now)]

    booking_id = await stored(api, member)
    async with api.playing(ChangeBooking, decided) as commands:
        for body in ({"note": "nobody there"}, {}, None):
            answer = await member.http.post(f"/api/bookings/{booking_id}/cancel", json=body)
            assert answer.status_code == 200
    assert [item.note for item in commands] == ["nobody there", None, None]


async def test_a_booking_has_its_history(api: Api, member: Member) -> None:
    steps = [
        {"status": "pending", "at": NINE, "by": None},
        {"status": "pending", "at": NINE, "by": "ben", "note": "late", "starts_at": NINE, "cause": "x"},
        {"status": "cancelled", "at": NINE, "by": None, "reason": "contacts_merged", "cause": "y"},
    ]
    booking_id = await stored(api, member, status=BookingStatus.CANCELLED.value, starts_at=NINE, history=steps)
    booking = (await member.get(f"/api/bookings/{booking_id}"))["data"]
    nine = "2026-12-01T09:00:00Z"
    assert booking["starts_at"] == nine
    assert [(step["by"], step["note"], step["starts_at"], step["reason"]) for step in booking["history"]] == [
        (None, None, None, None),
        ("ben", "late", nine, None),
        (None, None, None, "contacts_merged"),
    ]
    assert {step["at"] for step in booking["history"]} == {nine}


async def test_bookings_are_listed_by_contact_and_instance(api: Api, member: Member, stranger: Member) -> None:
    anna, bert, other = await contact(api, member), await contact(api, member), await member.instance()
    annas, berts = await stored(api, member, contact_id=anna), await stored(api, member, contact_id=bert)
    elsewhere = await stored(api, member, contact_id=anna, instance_id=other, status="completed")

    async def listed(whose: Member, **query: str) -> set[str]:
        return {item["id"] for item in (await whose.get("/api/bookings", **query))["data"]}

    assert await listed(member, contact_id=anna) == {annas, elsewhere}
    assert await listed(member, contact_id=anna, status="completed") == {elsewhere}
    assert await listed(member, instance_id="i") == {annas, berts}
    assert await listed(member, contact_id=anna, instance_id=other) == {elsewhere}
    assert await listed(member, contact_id="nobody") == await listed(stranger, contact_id=anna) == set()
    question = MESSAGES.ListBookings(organization_id=member.organization_id, contact_id=anna, instance_id="i")
    assert [item["id"] for item in (await rpc_request(api.nats, question))["data"]] == [annas]
    key = (await created_key(member, "read", instance_ids=[other]))["key"]
    async with api.client(**{"X-Api-Key": key}) as http:
        for query, found in (({"contact_id": anna}, [elsewhere]), ({"instance_id": "i"}, [])):
            answer = await http.get("/api/bookings", params=query)
            assert [item["id"] for item in answer.json()["data"]] == found
