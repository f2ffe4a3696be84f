"""Conversations over REST: lists by status, users and words; changes are commands to the router."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.commands import (
    AssignConversation,
    ChangeConversation,
    ExpectedAssignee,
    MarkConversationRead,
)
from shared.contracts.errors import Problem
from shared.contracts.events import CommandRefused, ConversationUpdated
from shared.contracts.ids import new_id
from shared.contracts.message import Command, Event, utc_now
from shared.contracts.order_keys import key_at
from shared.contracts.records import ConversationRecord, Seen
from shared.messaging.command_client import refusal
from shared.messaging.rpc_client import rpc_request
from shared.platform.mongo import Document
from tests.component.api.conftest import Api, Member, make_searchable
from tests.component.api.test_reads import contact
from tests.nats_messages import MESSAGES

NOW = utc_now()


def talk(member: Member, age: int = 0, **fields: Any) -> Document:
    """A conversation as the router keeps it, last spoken in so many seconds ago."""
    new = {"_id": new_id(), "organization_id": member.organization_id, "instance_id": "i", "contact_id": new_id()}
    at = NOW - timedelta(seconds=age)
    return new | {"updated_at": at, "order_key": key_at(at), "status": "open", "unread": False} | fields


async def listed(member: Member, **query: Any) -> list[str]:
    return [found["id"] for found in (await member.get("/api/conversations", **query))["data"]]


async def test_conversations_are_listed_by_status_and_assignee(api: Api, member: Member) -> None:
    mine = talk(member, assigned_to=member.user_id)
    theirs = talk(member, 1, assigned_to="somebody", unread=True)
    closed = talk(member, 2, status="closed")
    before = {name: value for name, value in talk(member, 3).items() if name not in ("status", "unread")}
    await api.database.conversations.insert_many([mine, theirs, closed, before])
    ids = [each["_id"] for each in (mine, theirs, closed, before)]
    assert await listed(member) == ids
    assert await listed(member, status="closed") == [ids[2]]
    assert await listed(member, status="open") == [ids[0], ids[1], ids[3]]
    assert await listed(member, assigned_to="none") == ids[2:]
    assert await listed(member, assigned_to="none", status="open") == [ids[3]]
    assert await listed(member, assigned_to="me") == await listed(member, assigned_to=member.user_id) == [ids[0]]
    assert await listed(member, unread=True) == [ids[1]]
    assert await listed(member, unread=False, status="open") == [ids[0], ids[3]]
    answer = await member.http.get("/api/conversations", params={"status": "half"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "status")


async def test_conversations_are_found_by_name_and_number_page_by_page(api: Api, member: Member) -> None:
    people = [contact(member, name=name) for name in ("Anna", "Annegret", "Bert")]
    people[2]["phone_number"] = "5511999887766"
    talks = [talk(member, age, contact_id=person["_id"]) for age, person in enumerate(people)]
    await api.database.contacts.insert_many(people)
    await api.database.conversations.insert_many(talks)
    await make_searchable(api.database)
    ids = [each["_id"] for each in talks]
    assert await listed(member, search="ANN") == ids[:2]
    assert await listed(member, search="+55 11 999") == ids[2:]
    assert await listed(member, search="nobody") == []
    assert await listed(member, search=" ") == ids
    first = await member.get("/api/conversations", search="ann", limit=1)
    second = await member.get("/api/conversations", search="ann", limit=1, cursor=first["next_cursor"])
    assert [found["id"] for found in first["data"] + second["data"]] == ids[:2]


async def test_unread_messages_are_counted_after_the_read_mark(
    api: Api, member: Member, records: Callable[..., Document]
) -> None:
    never, partly, none = (
        talk(member, unread=True),
        talk(member, 1, unread=True, read_key=2),
        talk(member, 2),
    )
    for each in (never, partly, none):
        ways = enumerate(("inbound", "inbound", "inbound", "outbound"), start=1)
        said = [records(conversation_id=each["_id"], order_key=key, direction=way) for key, way in ways]
        await api.database.messages.insert_many(said)
    await api.database.conversations.insert_many([never, partly, none])
    counts = [found["unread_count"] for found in (await member.get("/api/conversations"))["data"]]
    assert counts == [3, 1, 0]
    assert (await member.get(f"/api/conversations/{partly['_id']}"))["data"]["unread_count"] == 1


def carried_out(found: Document) -> Callable[[Any], Iterable[Event]]:
    """The router, done at once."""
    record = ConversationRecord.model_validate({**found, "id": found["_id"], "assigned_to": "u", "unread_count": 2})

    def answer(command: Command) -> Iterable[Event]:
        common: dict[str, Any] = {"organization_id": command.organization_id, "instance_id": command.instance_id}
        return [ConversationUpdated(cause=command.id, conversation=record, **common)]

    return answer


async def test_mark_read_names_the_newest_message_at_that_time(api: Api, member: Member) -> None:
    person = contact(member)
    found = talk(member, contact_id=person["_id"])
    await api.database.contacts.insert_one(person)
    await api.database.conversations.insert_one(found)
    async with api.playing(MarkConversationRead, carried_out(found)) as commands:
        answer = await member.http.post(f"/api/conversations/{found['_id']}/read")
    assert answer.status_code == 200, answer.text
    told = answer.json()["data"]
    assert (told["contact"]["name"], told["assigned_to"], told["unread_count"]) == ("Anna", "u", 2)
    assert (commands[0].conversation_id, commands[0].by) == (found["_id"], member.user_id)
    assert commands[0].seen == Seen(order_key=found["order_key"])


@pytest.mark.parametrize(("action", "status"), [("close", "closed"), ("reopen", "open")])
async def test_closing_and_reopening_are_commands_to_the_router(
    api: Api, member: Member, action: str, status: str
) -> None:
    found = talk(member)
    await api.database.conversations.insert_one(found)
    async with api.playing(ChangeConversation, carried_out(found)) as commands:
        answer = await member.http.post(f"/api/conversations/{found['_id']}/{action}")
    assert answer.status_code == 200, answer.text
    assert (commands[0].status, commands[0].instance_id, commands[0].seen is not None) == (status, "i", True)


@pytest.mark.parametrize("wanted", ["me", "another", None])
async def test_a_conversation_is_assigned_to_oneself_to_another_and_to_nobody(
    api: Api, member: Member, wanted: str | None
) -> None:
    found = talk(member)
    await api.database.conversations.insert_one(found)
    async with api.playing(AssignConversation, carried_out(found)) as commands:
        answer = await member.http.post(f"/api/conversations/{found['_id']}/assign", json={"user_id": wanted})
    assert answer.status_code == 200, answer.text
    assert commands[0].user_id == (member.user_id if wanted == "me" else wanted)


async def test_what_the_router_refuses_is_the_answer(api: Api, member: Member) -> None:
    found = talk(member)
    await api.database.conversations.insert_one(found)

    def refuse(command: AssignConversation) -> Iterable[Event]:
        common: dict[str, Any] = {"organization_id": command.organization_id, "instance_id": command.instance_id}
        return [CommandRefused(cause=command.id, status=422, code="assignee_unknown", detail="no such user", **common)]

    async with api.playing(AssignConversation, refuse):
        answer = await member.http.post(f"/api/conversations/{found['_id']}/assign", json={"user_id": "x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "assignee_unknown")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"expected_assigned_to": None}, ExpectedAssignee(user_id=None)),
        ({"expected_assigned_to": "another"}, ExpectedAssignee(user_id="another")),
    ],
)
async def test_an_assignment_names_the_assignee_that_its_user_saw(
    api: Api, member: Member, given: dict[str, Any], expected: ExpectedAssignee | None
) -> None:
    found = talk(member)
    await api.database.conversations.insert_one(found)
    organization_id = member.organization_id
    message = MESSAGES.AssignConversationRequest(
        organization_id=organization_id, conversation_id=found["_id"], user_id="u", **given
    )
    async with api.playing(AssignConversation, carried_out(found)) as commands:
        body = {"user_id": "me", **given}
        answer = await member.http.post(f"/api/conversations/{found['_id']}/assign", json=body)
        assert answer.status_code == 200, answer.text
        assert (await rpc_request(api.nats, message))["success"]
    assert [command.expected_assignee for command in commands] == [expected, expected]


@pytest.mark.parametrize(("action", "expected"), [("close", "open"), ("reopen", "closed")])
async def test_a_change_of_status_names_the_status_that_its_user_saw(
    api: Api, member: Member, action: str, expected: str
) -> None:
    found = talk(member)
    await api.database.conversations.insert_one(found)
    message = {"close": MESSAGES.CloseConversationRequest, "reopen": MESSAGES.ReopenConversationRequest}[action](
        organization_id=member.organization_id, conversation_id=found["_id"], expected_status=expected
    )
    async with api.playing(ChangeConversation, carried_out(found)) as commands:
        url = f"/api/conversations/{found['_id']}/{action}"
        answers = [await member.http.post(url, json={"expected_status": expected}), await member.http.post(url)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert (await rpc_request(api.nats, message))["success"]
    assert [command.expected_status for command in commands] == [expected, None, expected]
    answer = await member.http.post(f"/api/conversations/{found['_id']}/{action}", json={"expected_status": "half"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "expected_status")


async def test_the_conversation_that_somebody_else_changed_is_in_the_answer(api: Api, member: Member) -> None:
    found = talk(member)
    await api.database.conversations.insert_one(found)
    changed = {"id": found["_id"], "assigned_to": "somebody"}

    def refuse(command: AssignConversation) -> Iterable[Event]:
        return [refusal(command, Problem(409, "conversation_changed", "somebody was faster", conversation=changed))]

    async with api.playing(AssignConversation, refuse):
        body = {"user_id": "me", "expected_assigned_to": None}
        answer = await member.http.post(f"/api/conversations/{found['_id']}/assign", json=body)
    told = answer.json()
    assert (answer.status_code, told["code"], told["conversation"]) == (409, "conversation_changed", changed)


@pytest.mark.parametrize("body", [{}, {"user_id": ""}, {"user_id": 1}, {"user_id": "u", "more": 1}])
async def test_an_assignment_says_to_whom(api: Api, member: Member, body: dict[str, Any]) -> None:
    found = talk(member)
    await api.database.conversations.insert_one(found)
    answer = await member.http.post(f"/api/conversations/{found['_id']}/assign", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_a_reader_changes_nothing(api: Api, member: Member) -> None:
    found = talk(member)
    await api.database.conversations.insert_one(found)
    async with api.member("viewer", member.organization_id) as viewer:
        answer = await viewer.http.post(f"/api/conversations/{found['_id']}/read")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
