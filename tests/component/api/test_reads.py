"""Reading contacts, conversations, messages, notes and bookings, page by page."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.commands import ChangeBooking
from shared.contracts.events import BookingUpdated, CommandRefused
from shared.contracts.ids import new_id
from shared.contracts.message import Event, utc_now
from shared.contracts.records import Booking
from shared.platform.mongo import Document
from tests.component.api.conftest import Api, Member, make_searchable

NOW = utc_now()


def contact(member: Member, age: int = 0, **fields: Any) -> Document:
    at = NOW - timedelta(seconds=age)
    new = {"_id": new_id(), "organization_id": member.organization_id, "created_at": at, "updated_at": at}
    return new | {"phone_number": "4915112345678", "lid": None, "name": "Anna", "aliases": [new_id()]} | fields


def booking(member: Member, **fields: Any) -> Document:
    new = {"_id": new_id(), "organization_id": member.organization_id, "instance_id": "i", "contact_id": "c"}
    return new | {"status": "pending", "opened_by": "m", "created_at": NOW, "updated_at": NOW} | fields


async def pages(member: Member, path: str, limit: int) -> list[list[str]]:
    """The ids of every page."""
    found: list[list[str]] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        answer = await member.get(path, **query)
        found.append([record["id"] for record in answer["data"]])
        if answer["next_cursor"] is None:
            return found
        query["cursor"] = answer["next_cursor"]


async def test_pages_hold_everything_once_though_many_have_the_same_time(api: Api, member: Member) -> None:
    people = [contact(member, age=number // 4) for number in range(10)]
    await api.database.contacts.insert_many(people)
    expected = [person["_id"] for person in sorted(people, key=lambda p: (p["created_at"], p["_id"]), reverse=True)]
    found = await pages(member, "/api/contacts", 3)
    assert [len(page) for page in found] == [3, 3, 3, 1]
    assert [name for page in found for name in page] == expected


async def test_a_new_contact_does_not_shift_the_next_page(api: Api, member: Member) -> None:
    people = [contact(member, age=number) for number in range(4)]
    await api.database.contacts.insert_many(people)
    first = await member.get("/api/contacts", limit=2)
    await api.database.contacts.insert_one(contact(member, age=-5))
    second = await member.get("/api/contacts", limit=2, cursor=first["next_cursor"])
    assert [person["id"] for person in first["data"] + second["data"]] == [person["_id"] for person in people]


@pytest.mark.parametrize("cursor", ["x", "!!", "W10", "WzEsMl0", "ée"])
async def test_a_made_up_cursor_is_refused(member: Member, cursor: str) -> None:
    answer = await member.http.get("/api/contacts", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


@pytest.mark.parametrize("limit", ["0", "201", "many"])
async def test_a_page_has_a_size_within_reason(member: Member, limit: str) -> None:
    answer = await member.http.get("/api/contacts", params={"limit": limit})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "limit"


@pytest.mark.parametrize(
    ("search", "found"),
    [("ann", ["Anna"]), ("ANNA", ["Anna"]), ("+55 (11) 999", ["Bert"]), (".*", []), ("a", ["Anna", "Carla"])],
)
async def test_contacts_are_found_by_parts_of_name_and_number(
    api: Api, member: Member, search: str, found: list[str]
) -> None:
    people = {"Anna": "4915112345678", "Bert": "5511999887766", "Carla": "4930901820"}
    await api.database.contacts.insert_many(
        [contact(member, name=name, phone_number=number) for name, number in people.items()]
    )
    await make_searchable(api.database)
    answer = await member.get("/api/contacts", search=search)
    assert sorted(person["name"] for person in answer["data"]) == found


async def test_contacts_can_be_listed_with_a_body(api: Api, member: Member) -> None:
    await api.database.contacts.insert_one(contact(member))
    listed = await member.get("/api/contacts")
    answer = await member.http.post("/api/contacts", json={"organization_id": member.organization_id})
    assert (answer.status_code, answer.json()) == (200, listed)
    assert (await member.http.post("/api/contacts", json={"organization_id": "org_123"})).status_code == 403


async def test_a_conversation_has_its_contact_and_latest_message(
    api: Api, member: Member, records: Callable[..., Document]
) -> None:
    person = contact(member)
    said = [records(conversation_id="", timestamp=NOW - timedelta(minutes=age), text=f"{age}") for age in range(3)]
    talk: Document = {
        "_id": new_id(),
        "organization_id": member.organization_id,
        "instance_id": "i",
        "contact_id": person["_id"],
        "updated_at": NOW,
        "order_key": 1,
        "last_message": {"id": "m", "text": "0", "type": "text", "direction": "inbound", "timestamp": NOW},
    }
    await api.database.contacts.insert_one(person)
    await api.database.conversations.insert_one(talk)
    await api.database.messages.insert_many([message | {"conversation_id": talk["_id"]} for message in said])
    listed = (await member.get("/api/conversations"))["data"]
    assert listed == [(await member.get(f"/api/conversations/{talk['_id']}"))["data"]]
    assert (listed[0]["contact"]["name"], listed[0]["last_message"]["text"]) == ("Anna", "0")
    assert (await member.get("/api/conversations", instance_id="other"))["data"] == []
    thread = await pages(member, f"/api/conversations/{talk['_id']}/messages", 2)
    assert thread == [[said[0]["_id"], said[1]["_id"]], [said[2]["_id"]]]


async def test_a_message_is_found_by_our_id_and_by_whatsapps(
    api: Api, member: Member, records: Callable[..., Document]
) -> None:
    step = {"status": "delivered", "at": NOW}
    instance = await member.instance()
    stored = records(instance_id=instance, wa_id="3EB0AA", status="delivered", history=[step])
    await api.database.messages.insert_one(stored)
    for name in (stored["_id"], "3EB0AA"):
        found = (await member.get(f"/api/messages/{name}"))["data"]
        assert (found["id"], found["history"][0]["status"]) == (stored["_id"], "delivered")


async def test_a_message_has_its_texts_before_edits(api: Api, member: Member, records: Callable[..., Document]) -> None:
    instance, later = await member.instance(), NOW + timedelta(minutes=1)
    edits = [{"id": str(n), "at": NOW, "timestamp": later, "text": text} for n, text in enumerate(("two", "three"))]
    stored = records(instance_id=instance, text="three", original_text="one", edits=edits, timestamp=NOW, revision=2)
    await api.database.messages.insert_one(stored)
    found = (await member.get(f"/api/messages/{stored['_id']}"))["data"]
    assert ([item["text"] for item in found["earlier_texts"]], found["text"]) == (["one", "two"], "three")
    (listed,) = (await member.get("/api/messages"))["data"]
    assert (listed["text"], listed["revision"], "edits" in listed) == ("three", 2, False)


async def test_notes_and_messages_have_a_kind(api: Api, member: Member, records: Callable[..., Document]) -> None:
    message, note = records(), records(kind="note")
    await api.database.messages.insert_many([message, note])
    found = {
        kind: [record["id"] for record in (await member.get("/api/messages", kind=kind))["data"]]
        for kind in ("message", "note")
    }
    assert found == {"message": [message["_id"]], "note": [note["_id"]]}
    assert len((await member.get("/api/messages"))["data"]) == 2


async def test_bookings_are_listed_by_status(api: Api, member: Member) -> None:
    waiting, done = booking(member), booking(member, status="completed")
    await api.database.bookings.insert_many([waiting, done])
    assert len((await member.get("/api/bookings"))["data"]) == 2
    assert [found["id"] for found in (await member.get("/api/bookings", status="pending"))["data"]] == [waiting["_id"]]


@pytest.mark.parametrize(
    ("action", "status"),
    [("confirm", "confirmed"), ("cancel", "cancelled"), ("complete", "completed"), ("no-show", "no_show")],
)
async def test_an_action_answers_the_changed_booking(api: Api, member: Member, action: str, status: str) -> None:
    stored = booking(member)
    await api.database.bookings.insert_one(stored)

    def change(command: ChangeBooking) -> list[Event]:
        new = Booking.model_validate({**stored, "id": stored["_id"], "status": command.status})
        return [BookingUpdated(organization_id=command.organization_id, cause=command.id, booking=new)]

    async with api.playing(ChangeBooking, change) as commands:
        answer = await member.http.post(f"/api/bookings/{stored['_id']}/{action}")
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, status)
    assert commands[0].by


async def test_an_impossible_change_is_a_conflict(api: Api, member: Member) -> None:
    stored = booking(member, status="completed")
    await api.database.bookings.insert_one(stored)

    def refuse(command: ChangeBooking) -> list[Event]:
        final = "a completed booking cannot become confirmed"
        return [
            CommandRefused(
                organization_id=command.organization_id,
                cause=command.id,
                status=409,
                code="booking_status_conflict",
                detail=final,
            )
        ]

    async with api.playing(ChangeBooking, refuse):
        answer = await member.http.post(f"/api/bookings/{stored['_id']}/confirm")
    assert (answer.status_code, answer.json()["code"]) == (409, "booking_status_conflict")


async def test_an_unknown_action_is_refused(api: Api, member: Member) -> None:
    stored = booking(member)
    await api.database.bookings.insert_one(stored)
    answer = await member.http.post(f"/api/bookings/{stored['_id']}/forget")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "action")
