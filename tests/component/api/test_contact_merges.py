"""Merges of a contact are listed and can be split again; the test plays the router."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from shared.contracts.commands import SplitContact
from shared.contracts.errors import Problem
from shared.contracts.events import ContactUpdated
from shared.contracts.ids import new_id
from shared.contracts.message import Event
from shared.contracts.records import Contact
from shared.messaging.command_client import refusal
from tests.component.api.conftest import Api, Member

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


async def contact(api: Api, member: Member, *merged: dict[str, Any]) -> str:
    document = {
        "_id": new_id(),
        "organization_id": member.organization_id,
        "phone_number": "4915112345678",
        "lid": None,
        "name": "Anna",
        "created_at": NOON,
        "updated_at": NOON,
        "aliases": ["phone:4915112345678"],
        "merges": [{"id": item["_id"], "at": NOON, "was": item} for item in merged],
    }
    document["aliases"] = [f"x:{document['_id']}"]
    await api.database.contacts.insert_one(document)
    return str(document["_id"])


def taken_apart(command: SplitContact) -> Iterable[Event]:
    known = Contact(id=command.contact_id, organization_id=command.organization_id, created_at=NOON, updated_at=NOON)
    return [ContactUpdated(organization_id=command.organization_id, cause=command.id, contact=known)]


async def test_a_contact_lists_its_merges(api: Api, member: Member) -> None:
    merged: dict[str, Any] = {"_id": new_id(), "name": "Ann", "phone_number": None, "lid": "111", "merges": []}
    shown = (await member.get(f"/api/contacts/{await contact(api, member, merged)}"))["data"]["merges"]
    assert shown == [
        {"id": merged["_id"], "name": "Ann", "phone_number": None, "lid": "111", "merged_at": "2026-11-01T12:00:00Z"}
    ]


async def test_a_split_returns_the_restored_contact(api: Api, member: Member) -> None:
    kept, back = await contact(api, member), await contact(api, member)
    async with api.playing(SplitContact, taken_apart) as commands:
        answer = await member.http.post(f"/api/contacts/{kept}/split", json={"merged_id": back})
    assert (answer.status_code, answer.json()["data"]["id"]) == (200, back), answer.text
    [command] = commands
    assert (command.contact_id, command.merged_id, command.by) == (kept, back, member.user_id)


async def test_a_foreign_contact_is_not_found(api: Api, member: Member, stranger: Member) -> None:
    foreign = await contact(api, stranger)
    answer = await member.http.post(f"/api/contacts/{foreign}/split", json={"merged_id": foreign})
    assert (answer.status_code, answer.json()["code"]) == (404, "contact_not_found")


async def test_a_contact_that_was_not_merged_is_refused(api: Api, member: Member) -> None:
    def refuse(command: SplitContact) -> Iterable[Event]:
        return [refusal(command, Problem(409, "contact_not_merged", "it was not merged"))]

    async with api.playing(SplitContact, refuse):
        url = f"/api/contacts/{await contact(api, member)}/split"
        answer = await member.http.post(url, json={"merged_id": "nobody"})
    assert (answer.status_code, answer.json()["code"]) == (409, "contact_not_merged")
