"""Who may ask and command in the subjects of one organization reaches nothing of another by naming its ids."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pydantic import ValidationError

from shared.contracts import queries
from shared.contracts.errors import SwitchboardError
from shared.contracts.message import Command, Message, Query, utc_now
from shared.contracts.registry import COMMANDS, DEAD_STREAM, EPHEMERAL_EVENTS, dead_letters_filter
from shared.messaging.client import jetstream
from shared.platform.mongo import Document
from tests.component.api.conftest import Api, Member, api, member, own_bus, settings
from tests.component.api.test_leaks import PHONE, WAITING, VictimOrganization, refusal
from tests.component.api.test_queues import dead
from tests.component.api.test_walls import SECRETS, belongings, snapshot
from tests.integration.router.conftest import HANDLERS, ONE, ORG, TABLES, Router, open_database, open_router
from tests.nats_messages import QUERIES, REQUESTS

__all__ = ["api", "member", "own_bus", "settings"]
ASKED: tuple[type[Message], ...] = (*QUERIES, *REQUESTS)
OTHER, TWO = "other", "two"
ELSEWHERE = {
    "VerifyApiKey": "asked with a key, which says whose it is: tests/security/test_rights_of_creators.py",
    "TakeRateLimit": "counts for a caller of the organization in the subject; names nothing else",
    "CountFailedCredential": "counts for an address; concerns no organization",
    "ResolveNumber": "answered by the session service for the accounts it holds",
    "ConnectInstance": "of the session service",
    "DisconnectInstance": "of the session service",
    "LogoutInstance": "of the session service",
    "SendText": "of the session service",
    "MarkRead": "of the session service",
    "TypingObserved": "said by the session service only",
    "PresenceObserved": "said by the session service only",
    "ContactTyping": "said by the router only",
    "ContactPresence": "said by the router only",
    "ColleagueTyping": "said and heard by realtime only",
    "ColleagueViewing": "said and heard by realtime only",
    "SendTyping": "of the session service",
    "SubscribePresence": "of the session service",
}
"""Classes that neither the api nor the router answers: the session service compares organizations itself."""


def all_classes() -> Iterator[type[Message]]:
    yield from (item for item in vars(queries).values() if isinstance(item, type) and issubclass(item, Query))
    yield from (*QUERIES, *REQUESTS, *COMMANDS.values(), *EPHEMERAL_EVENTS.values())


def test_every_class_is_tried_here_or_named_with_its_reason() -> None:
    """A new query, request, command or live message belongs into one of these."""
    names = {cls.__name__ for cls in all_classes() if "subject" in vars(cls)}
    assert names == {cls.__name__ for cls in ASKED} | {cls.__name__ for cls in HANDLERS if issubclass(cls, Command)} | (
        ELSEWHERE.keys()
    )


@pytest.fixture(scope="module")
async def victim(api: Api) -> AsyncIterator[VictimOrganization]:
    async with api.member() as owner:
        ids = await belongings(api, owner)
        changed = {"$set": {"phone_number": PHONE, "from_address": PHONE, "to_address": PHONE}}
        for name in ("contacts", "messages", "instances"):
            await api.database[name].update_many({"organization_id": owner.organization_id}, changed)
        await dead(api, owner.organization_id, error=SECRETS)
        letter = await jetstream(api.nats).get_msg(
            DEAD_STREAM, 1, dead_letters_filter(owner.organization_id), next=True
        )
        ids |= {"sequence": str(letter.seq), "one": PHONE, "other": PHONE, "to": PHONE, "merged_id": ids["contact_id"]}
        ids |= {"assigned_to": owner.user_id, "actor": owner.user_id, "search": PHONE}
        yield VictimOrganization(owner.organization_id, ids, (SECRETS, owner.organization_id))


SAMPLES: dict[str, Any] = {
    "starts_at": "2030-01-01T00:00:00Z",
    "settings": {},
    "email": "a@example.org",
    "status": "closed",
    "instance_name": "mine now",
    "name": "mine now",
    "role": "viewer",
    "text": "mine now",
    "message": "mine now",
}


def filled(cls: type[Message], victim: VictimOrganization) -> dict[str, Any]:
    """Another organization's ids wherever one fits, else the least that is accepted."""
    fields = cls.model_json_schema()["properties"].keys() - {"organization_id", "instance_id", "id", "at"}
    required = cls.model_json_schema().get("required", [])
    found: dict[str, Any] = {name: victim.value_of(name) for name in fields if victim.value_of(name)}
    found |= {name: SAMPLES.get(name, "x") for name in required if name in fields and name not in found}
    if cls.__name__ in ("ChangeInstanceRequest", "ChangeUserRequest"):
        found |= {"instance_name": "mine now"} if "instance_name" in fields else {"name": "mine now"}
    if "instance_ids" in fields:
        found["instance_ids"] = [victim.ids["instance_id"]]
    return found


@pytest.mark.timeout(120)
async def test_no_query_and_no_request_reaches_another_organization(
    api: Api, member: Member, victim: VictimOrganization
) -> None:
    before, wrongs, answered = await snapshot(api, victim.organization_id), list[str](), 0

    async def attempt(cls: type[Message], token: str) -> None:
        nonlocal answered
        address = cls.subject_filter(member.organization_id, token)
        reply = await api.nats.request(address, json.dumps(filled(cls, victim)).encode(), timeout=50)
        text, answer = reply.data.decode(), json.loads(reply.data)
        answered += 1
        if any(secret in text for secret in victim.secrets):
            wrongs.append(f"{address} tells {text[:200]}")
        if not answer["success"] and answer["status"] >= 500:
            wrongs.append(f"{address}: {text[:200]}")

    async with AsyncExitStack() as stack:
        heard = [await stack.enter_async_context(api.playing(command, refusal)) for command in WAITING]
        for cls in ASKED:
            await asyncio.gather(*(attempt(cls, token) for token in ("-", victim.ids["instance_id"])))
    assert not wrongs, "\n".join(wrongs)
    assert answered == 2 * len(ASKED)
    assert {command.organization_id for commands in heard for command in commands} <= {member.organization_id}
    assert await snapshot(api, victim.organization_id) == before


async def test_the_body_of_a_query_names_no_other_organization(
    api: Api, member: Member, victim: VictimOrganization
) -> None:
    for cls in ASKED:
        body = filled(cls, victim) | {"organization_id": victim.organization_id}
        reply = await api.nats.request(
            cls.subject_filter(member.organization_id, "-"), json.dumps(body).encode(), timeout=5
        )
        assert json.loads(reply.data)["code"] == "organization_mismatch", cls


@pytest.fixture
async def router(mongo_url: str) -> AsyncIterator[Router]:
    async with open_database(mongo_url) as database, open_router(database) as found:
        at = utc_now()
        theirs: Document = {"organization_id": OTHER, "instance_id": TWO, "text": SECRETS, "created_at": at}
        times = {"updated_at": at, "timestamp": at}
        await found.database.instances.insert_one(
            {
                "_id": TWO,
                "organization_id": OTHER,
                "instance_name": "x",
                "phone_number": PHONE,
                "network": "whatsapp",
                "created_at": at,
                "deleted_at": None,
            }
        )
        await found.database.connections.insert_one({"_id": TWO, "organization_id": OTHER, "status": "connected"})
        person = {"phone_number": PHONE, "lid": None, "name": SECRETS, "aliases": [f"phone:{PHONE}"]}
        merged = {"id": "old", "at": at, "was": {"id": "old", "name": SECRETS, "aliases": ["lid:1"]}}
        await found.database.contacts.insert_one({"_id": "contact", **person, "merges": [merged], **theirs, **times})
        await found.database.conversations.insert_one(
            {"_id": "conversation", "contact_id": "contact", "status": "open", "unread": True, **theirs, **times}
        )
        await found.database.messages.insert_one(
            {
                "_id": "message",
                "conversation_id": "conversation",
                "contact_id": "contact",
                "kind": "message",
                "direction": "inbound",
                "origin": "contact",
                "from_address": PHONE,
                "to_address": "1",
                "type": "text",
                "status": "received",
                "wa_id": "WA",
                **theirs,
                **times,
            }
        )
        await found.database.bookings.insert_one(
            {"_id": "booking", "contact_id": "contact", "status": "pending", "opened_by": "message", **theirs, **times}
        )
        yield found


IDS = {
    "conversation_id": "conversation",
    "contact_id": "contact",
    "merged_id": "old",
    "booking_id": "booking",
    "message_id": "message",
    "user_id": "x",
    "status": "closed",
    "starts_at": "2030-01-01T00:00:00Z",
    "text": "mine",
}
ROUTED = [cls for cls in HANDLERS if issubclass(cls, Command)]


def aimed(cls: type[Command], instance_id: str) -> Iterator[Command]:
    """With the ids of the other organization, each optional one too; and only those that are required."""
    schema = cls.model_json_schema()
    named = {name: IDS[name] for name in schema["properties"] if name in IDS}
    required = {name: IDS.get(name, "x") for name in schema["required"] if name != "organization_id"}
    for fields in (named, required, required | {"to": PHONE}):
        for status in ("closed", "confirmed"):
            body = {**fields, "status": status} if "status" in fields else fields
            try:
                yield cls.model_validate({"organization_id": ORG, "instance_id": instance_id, **body})
            except ValidationError:
                continue


@pytest.mark.parametrize("cls", ROUTED, ids=lambda cls: str(cls.__name__))
async def test_no_command_reaches_another_organization(router: Router, cls: type[Command]) -> None:
    theirs = {"organization_id": OTHER}
    before = [await router.rows(table, **theirs) for table in TABLES]
    tried, said = 0, ""
    for instance_id in (ONE, TWO, "-"):
        for command in aimed(cls, instance_id):
            tried += 1
            try:
                await router.handle(command)
            except SwitchboardError as error:
                said += str(error)
    assert tried
    assert SECRETS not in said
    assert [await router.rows(table, **theirs) for table in TABLES] == before
    assert {message.organization_id for message in router.published} <= {ORG}
    assert SECRETS not in "".join(message.model_dump_json() for message in router.published)
    assert not [
        message
        for message in router.published
        if message.instance_id == TWO and message.subject.startswith("wa.command.session")
    ]
