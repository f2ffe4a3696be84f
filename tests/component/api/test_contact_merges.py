"""Merges of a contact are listed and can be split again; the test plays the router."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.contracts.commands import MergeContacts, SplitContact
from shared.contracts.errors import Problem
from shared.contracts.events import ContactUpdated
from shared.contracts.ids import new_id
from shared.contracts.message import Event
from shared.contracts.records import Contact
from shared.messaging.command_client import refusal
from shared.messaging.rpc_client import rpc_request
from tests.component.api.conftest import Api, Member
from tests.nats_messages import MESSAGES

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


def taken_apart(command: SplitContact | MergeContacts) -> Iterable[Event]:
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


async def test_two_contacts_are_merged_over_rest_and_nats(api: Api, member: Member) -> None:
    kept, other = await contact(api, member), await contact(api, member)
    question = MESSAGES.MergeContactsRequest(
        organization_id=member.organization_id, contact_id=kept, other_id=other, anyway=True
    )
    async with api.playing(MergeContacts, taken_apart) as commands:
        answer = await member.http.post(f"/api/contacts/{kept}/merge", json={"other_id": other})
        assert (answer.status_code, answer.json()["data"]["id"]) == (200, kept), answer.text
        assert (await rpc_request(api.nats, question))["data"]["id"] == kept
    assert [(command.contact_id, command.other_id, command.anyway) for command in commands] == [
        (kept, other, False),
        (kept, other, True),
    ]
    assert commands[0].by == member.user_id
    [entry, *_] = (await member.get("/api/audit", action="merge_contacts"))["data"]
    assert entry["target"] == {"contact_id": kept}


async def test_what_the_router_says_about_a_merge_is_the_answer(api: Api, member: Member) -> None:
    def refuse(command: MergeContacts) -> Iterable[Event]:
        return [refusal(command, Problem(409, "contacts_have_numbers", "each has one", phone_numbers=["1", "2"]))]

    async with api.playing(MergeContacts, refuse):
        url = f"/api/contacts/{await contact(api, member)}/merge"
        answer = await member.http.post(url, json={"other_id": "nobody"})
    told = answer.json()
    assert (answer.status_code, told["code"], told["phone_numbers"]) == (409, "contacts_have_numbers", ["1", "2"])


@pytest.mark.parametrize("body", [{}, {"other_id": ""}, {"other_id": "x" * 65}, {"other_id": "x", "anyway": "yes"}])
async def test_a_merge_names_the_other_contact(api: Api, member: Member, body: Any) -> None:
    answer = await member.http.post(f"/api/contacts/{await contact(api, member)}/merge", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_only_managers_merge_and_nobody_merges_foreign_contacts(
    api: Api, member: Member, stranger: Member
) -> None:
    kept, other = await contact(api, member), await contact(api, member)
    async with api.member("agent", member.organization_id) as agent:
        answer = await agent.http.post(f"/api/contacts/{kept}/merge", json={"other_id": other})
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    answer = await stranger.http.post(f"/api/contacts/{kept}/merge", json={"other_id": other})
    assert (answer.status_code, answer.json()["code"]) == (404, "contact_not_found")
