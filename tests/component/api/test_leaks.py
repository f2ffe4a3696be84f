"""No leaks: every route of the OpenAPI document, with every caller, with the ids of another organization."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeGuard

import httpx
import pytest

from shared.contracts.commands import (
    AssignConversation,
    ChangeBooking,
    ChangeConversation,
    ConnectInstance,
    CreateBooking,
    DisconnectInstance,
    LogoutInstance,
    MarkConversationRead,
    MergeContacts,
    RenameContact,
    SendMessage,
)
from shared.contracts.events import CommandRefused
from shared.contracts.message import Command, Event
from shared.contracts.principal import ROLE_SCOPES, Role
from shared.contracts.registry import DEAD_STREAM, dead_letters_filter
from shared.messaging.client import jetstream
from tests.component.api.conftest import Api, Member
from tests.component.api.document import Operation, Schema, operations, resolved
from tests.component.api.test_queues import dead
from tests.component.api.test_walls import SECRETS, belongings, snapshot

PHONE = "4915123456789"
WAITING = (
    ConnectInstance,
    DisconnectInstance,
    LogoutInstance,
    SendMessage,
    ChangeBooking,
    CreateBooking,
    AssignConversation,
    ChangeConversation,
    MarkConversationRead,
    MergeContacts,
    RenameContact,
)
CALLERS = (*ROLE_SCOPES, "a key", "a limited key", "nobody")


@dataclass
class VictimOrganization:
    """Another organization: its ids by parameter name, and the texts that others must not read."""

    organization_id: str
    ids: dict[str, str]
    secrets: tuple[str, ...]

    def value_of(self, name: str) -> str | None:
        """What to put into a parameter or a field of this name; None when it names nothing of anybody."""
        key = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
        aliases = {"account_id": "instance_id", "session_name": "instance_id", "around": "message_id"}
        phones = {"from", "to", "phone_number", "search"}
        return PHONE if key in phones else self.ids.get(aliases.get(key, key))


@pytest.fixture(scope="module")
async def victim(api: Api) -> AsyncIterator[VictimOrganization]:
    async with api.member() as owner:
        ids = await belongings(api, owner)
        changed = {"$set": {"phone_number": PHONE, "from_address": PHONE, "to_address": PHONE}}
        for name in ("contacts", "messages", "instances"):
            await api.database[name].update_many({"organization_id": owner.organization_id}, changed)
        await dead(api, owner.organization_id, error=SECRETS)
        letters = dead_letters_filter(owner.organization_id)
        letter = await jetstream(api.nats).get_msg(DEAD_STREAM, 1, letters, next=True)
        ids |= {"sequence": str(letter.seq), "organization_id": owner.organization_id}
        ids |= {"subject": owner.user_id, "actor": owner.user_id}
        yield VictimOrganization(owner.organization_id, ids, (SECRETS, owner.organization_id))


def refusal(command: Command) -> Iterable[Event]:
    """The other services, quick and unwilling."""
    return [
        CommandRefused(
            organization_id=command.organization_id,
            instance_id=command.instance_id,
            cause=command.id,
            status=409,
            code="unwilling",
            detail="not now",
        )
    ]


def is_role(who: str) -> TypeGuard[Role]:
    return who in ROLE_SCOPES


@asynccontextmanager
async def acting(api: Api, attacker: Member, who: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client: a user or a key of the attacker's organization, or without credentials."""
    async with AsyncExitStack() as stack:
        if is_role(who):
            member = await stack.enter_async_context(api.member(who, attacker.organization_id))
            yield member.http
            return
        headers = {}
        if who != "nobody":
            limit = {"instance_ids": [await attacker.instance()]} if who == "a limited key" else {}
            body = {"name": "x", "scopes": ["read", "send", "manage"], **limit}
            made = await attacker.http.post("/api/api-keys", json=body)
            headers = {"X-Api-Key": made.json()["data"]["key"]}
        yield await stack.enter_async_context(api.client(**headers))


def filled(victim: VictimOrganization, operation: Operation, schema: Schema) -> Any:
    """A body of this schema with the victim's ids wherever one fits, and else the least that is accepted."""
    schema = resolved(operation.document, schema)
    if options := schema.get("anyOf"):
        return filled(victim, operation, options[0])
    if schema.get("type") == "object":
        known = schema.get("properties", {})
        wanted = {name for name in known if name in schema.get("required", []) or victim.value_of(name)}
        return {name: victim.value_of(name) or filled(victim, operation, known[name]) for name in wanted}
    if schema.get("type") == "array":
        return [victim.ids["instance_id"]]
    if schema.get("format") == "date-time":
        return "2026-12-01T10:00:00Z"
    samples: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True}
    return schema["enum"][0] if "enum" in schema else samples.get(schema.get("type", ""), "a@example.org")


async def asked(http: httpx.AsyncClient, victim: VictimOrganization, operation: Operation) -> httpx.Response:
    path = operation.path.format(**{name: victim.value_of(name) or "x" for name in operation.parameters("path")})
    query = {name: value for name in operation.parameters("query") if (value := victim.value_of(name))}
    body = filled(victim, operation, operation.body) if operation.body else None
    return await http.request(operation.method, path, params=query, json=body)


def leaks(victim: VictimOrganization, operation: Operation, answer: httpx.Response) -> list[str]:
    told = answer.text.replace(json.dumps(victim.organization_id), "") if answer.status_code >= 400 else answer.text
    found = [f"{operation.name} tells {secret!r}" for secret in victim.secrets if secret in told]
    foreign = set(operation.parameters("path")) & (set(victim.ids) - {"action"})
    if foreign and answer.status_code not in (401, 403, 404):
        found.append(f"{operation.name} answers {answer.status_code}: {answer.text[:200]}")
    return found


@pytest.mark.parametrize("who", CALLERS)
async def test_no_route_reveals_or_changes_anything_of_another_organization(
    api: Api, member: Member, victim: VictimOrganization, who: str
) -> None:
    before = await snapshot(api, victim.organization_id)
    async with AsyncExitStack() as stack:
        heard = [await stack.enter_async_context(api.playing(command, refusal)) for command in WAITING]
        http = await stack.enter_async_context(acting(api, member, who))
        everything = operations((await http.get("/openapi.json")).json())
        assert len(everything) >= 50
        answers = await asyncio.gather(*(asked(http, victim, operation) for operation in everything))
    pairs = zip(everything, answers, strict=True)
    assert [leak for operation, answer in pairs for leak in leaks(victim, operation, answer)] == []
    assert {command.organization_id for commands in heard for command in commands} <= {member.organization_id}
    assert await snapshot(api, victim.organization_id) == before
    letters = dead_letters_filter(victim.organization_id)
    assert (await jetstream(api.nats).get_msg(DEAD_STREAM, 1, letters, next=True)).seq == int(victim.ids["sequence"])


async def test_the_same_requests_find_everything_of_the_own_organization(api: Api, victim: VictimOrganization) -> None:
    """The requests of the test above name existing records: the victim's own user gets them."""
    async with api.member("viewer", victim.organization_id) as own:
        everything = operations((await own.http.get("/openapi.json")).json())
        reads = [operation for operation in everything if operation.method == "GET" and operation.parameters("path")]
        answers = [await asked(own.http, victim, operation) for operation in reads]
    refused = {
        operation.path: answer.status_code
        for operation, answer in zip(reads, answers, strict=True)
        if answer.status_code != 200
    }
    assert refused == {
        "/api/whatsapp/instances/{instance_id}/pairing-code": 403,
        "/api/whatsapp/instances/{instance_id}/qr": 403,
        "/api/admin/dead-letters/{sequence}": 403,
        "/api/v1/whatsapp/sessions/{instance_id}": 404,
    }
