"""Who may do what, route by route: each role and each kind of key, with own ids and with another organization's."""

import asyncio
import json
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from services.api.settings import ApiSettings
from shared.contracts.ids import new_id
from shared.contracts.principal import ROLE_SCOPES, Role, Scope
from shared.contracts.registry import DEAD_STREAM, dead_letters_filter
from shared.messaging.client import jetstream
from tests.component.api.conftest import Api, Member, api, own_bus, settings
from tests.component.api.document import Operation, operations
from tests.component.api.test_leaks import PHONE, WAITING, VictimOrganization, filled, refusal
from tests.component.api.test_queues import dead
from tests.component.api.test_walls import SECRETS, belongings, snapshot
from tests.security.in_process import WITHOUT_LIMITS, Answer, InProcess, in_process
from tests.servers import free_port

__all__ = ["api", "own_bus", "settings"]
CONCURRENT_REQUESTS = 6
"""Fewer than the logins of one client that may wait."""
Reach = Literal["organization", "instance", "limited"]
"""A key limited to instances gets: nothing, its own instances by their id, what belongs to its instances."""

OPEN = (
    "POST /api/auth/register",
    "POST /api/auth/accept-invitation",
    "POST /api/auth/invitation",
    "POST /api/auth/password-reset",
    "POST /api/auth/forgot-password",
    "POST /api/auth/password-reset/inspect",
    "POST /api/auth/login",
    "POST /api/auth/refresh",
    "GET /health",
    "GET /health/live",
    "GET /health/ready",
)
ENDING = ("POST /api/auth/logout",)
"""Concerns the credentials themselves, whatever they open."""
NEEDS: dict[str, tuple[Scope, Reach]] = {
    "POST /api/auth/password": ("read", "organization"),
    "GET /api/auth/logins": ("read", "organization"),
    "POST /api/auth/logins/end-others": ("read", "organization"),
    "DELETE /api/auth/logins/{login_id}": ("read", "organization"),
    "GET /api/me": ("read", "organization"),
    "PATCH /api/me": ("read", "organization"),
    "GET /api/organization": ("read", "organization"),
    "PATCH /api/organization": ("manage", "organization"),
    "POST /api/api-keys": ("manage", "organization"),
    "GET /api/api-keys": ("manage", "organization"),
    "DELETE /api/api-keys/{key_id}": ("manage", "organization"),
    "POST /api/whatsapp/instances": ("manage", "organization"),
    "GET /api/whatsapp/instances": ("read", "limited"),
    "GET /api/whatsapp/instances/{instance_id}": ("read", "instance"),
    "PATCH /api/whatsapp/instances/{instance_id}": ("manage", "instance"),
    "DELETE /api/whatsapp/instances/{instance_id}": ("manage", "instance"),
    "POST /api/whatsapp/instances/{instance_id}/remove": ("manage", "instance"),
    "GET /api/whatsapp/instances/{instance_id}/status": ("read", "instance"),
    "GET /api/whatsapp/instances/{instance_id}/qr": ("manage", "instance"),
    "GET /api/whatsapp/instances/{instance_id}/pairing-code": ("manage", "instance"),
    "POST /api/whatsapp/instances/{instance_id}/connect": ("manage", "instance"),
    "POST /api/whatsapp/instances/{instance_id}/disconnect": ("manage", "instance"),
    "POST /api/whatsapp/instances/{instance_id}/logout": ("manage", "instance"),
    "POST /api/whatsapp/instances/{instance_id}/send": ("send", "instance"),
    "GET /api/contacts": ("read", "organization"),
    "POST /api/contacts": ("read", "organization"),
    "GET /api/contacts/{contact_id}": ("read", "organization"),
    "PATCH /api/contacts/{contact_id}": ("send", "organization"),
    "GET /api/contacts/merge-suggestions": ("read", "organization"),
    "POST /api/contacts/merge-suggestions/dismiss": ("manage", "organization"),
    "POST /api/contacts/{contact_id}/merge": ("manage", "organization"),
    "POST /api/contacts/{contact_id}/split": ("manage", "organization"),
    "GET /api/messages": ("read", "limited"),
    "GET /api/messages/{message_id}": ("read", "limited"),
    "GET /api/conversations": ("read", "limited"),
    "GET /api/conversations/counts": ("read", "limited"),
    "GET /api/conversations/{conversation_id}": ("read", "limited"),
    "GET /api/conversations/{conversation_id}/messages": ("read", "limited"),
    "POST /api/conversations/{conversation_id}/read": ("send", "limited"),
    "POST /api/conversations/{conversation_id}/assign": ("send", "limited"),
    "POST /api/conversations/{conversation_id}/close": ("send", "limited"),
    "POST /api/conversations/{conversation_id}/reopen": ("send", "limited"),
    "GET /api/bookings": ("read", "limited"),
    "POST /api/bookings": ("manage", "organization"),
    "GET /api/bookings/counts": ("read", "limited"),
    "GET /api/bookings/{booking_id}": ("read", "limited"),
    "POST /api/bookings/{booking_id}/reschedule": ("manage", "organization"),
    "POST /api/bookings/{booking_id}/{action}": ("manage", "organization"),
    "GET /api/admin/queue-stats": ("manage", "organization"),
    "GET /api/admin/dead-letters": ("manage", "organization"),
    "GET /api/admin/dead-letters/{sequence}": ("manage", "organization"),
    "POST /api/admin/dead-letters/{sequence}/replay": ("manage", "organization"),
    "DELETE /api/admin/dead-letters/{sequence}": ("manage", "organization"),
    "GET /api/audit": ("manage", "organization"),
    "GET /api/users": ("read", "organization"),
    "GET /api/users/{user_id}": ("read", "organization"),
    "PATCH /api/users/{user_id}": ("manage", "organization"),
    "DELETE /api/users/{user_id}": ("manage", "organization"),
    "POST /api/users/{user_id}/password-reset": ("manage", "organization"),
    "POST /api/invitations": ("manage", "organization"),
    "GET /api/invitations": ("manage", "organization"),
    "DELETE /api/invitations/{invitation_id}": ("manage", "organization"),
    "POST /api/invitations/{invitation_id}/renew": ("manage", "organization"),
    "POST /api/whatsapp/connect": ("manage", "limited"),
    "GET /api/whatsapp/status": ("read", "limited"),
    "POST /api/whatsapp/disconnect": ("manage", "limited"),
    "POST /api/v1/whatsapp/start-session": ("manage", "organization"),
    "GET /api/v1/whatsapp/sessions": ("read", "organization"),
    "GET /api/v1/whatsapp/sessions/{instance_id}": ("read", "instance"),
    "DELETE /api/v1/whatsapp/sessions/{instance_id}": ("manage", "instance"),
    "POST /api/v1/whatsapp/send-message": ("send", "organization"),
    "GET /api/whatsapp/contacts": ("read", "organization"),
    "GET /api/whatsapp/messages/between": ("read", "limited"),
    "GET /api/whatsapp/qr": ("manage", "limited"),
    "POST /api/whatsapp/send-message": ("send", "limited"),
    "POST /api/sessions/{session_name}/initialize-with-qr": ("manage", "limited"),
}
"""Every route: the scope it needs, and what a key that is limited to instances gets of it."""

GIVING = ("POST /api/api-keys", "POST /api/invitations")
"""The requested key has the scopes `read` and `send`, which only callers with these scopes may give."""
MAKING = ("POST /api/sessions/{session_name}/initialize-with-qr",)
"""Makes the instance when the caller reaches none of the name: a limited key may not."""
REFUSED = {"authentication_required", "token_invalid", "user_removed", "api_key_invalid"}
FORBIDDEN = {"scope_missing", "key_limited"}


@dataclass
class Caller:
    """Whose credentials, and what they allow."""

    headers: dict[str, str]
    scopes: frozenset[Scope] = frozenset()
    limited: bool = False
    known: bool = True


@dataclass
class World:
    """The api, one organization with callers of every kind, and another organization with one of everything."""

    api: InProcess
    own: VictimOrganization
    other: VictimOrganization
    callers: dict[str, Caller] = field(default_factory=dict)
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONCURRENT_REQUESTS))

    async def ask(self, who: Caller, operation: Operation, ids: VictimOrganization) -> Answer:
        async with self.gate:
            return await self._ask(who, operation, ids)

    async def _ask(self, who: Caller, operation: Operation, ids: VictimOrganization) -> Answer:
        path = operation.path.format(**{name: ids.value_of(name) or "x" for name in operation.parameters("path")})
        query = {name: value for name in operation.parameters("query") if (value := ids.value_of(name))}
        query = {name: value for name, value in query.items() if name != "cursor"}
        target = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        body = json.dumps(filled(ids, operation, operation.body)).encode() if operation.body else b""
        return await self.api.ask(operation.method, target, body, who.headers)

    async def operations(self) -> list[Operation]:
        return operations(json.loads((await self.api.ask("GET", "/openapi.json")).body))


async def organization(api: Api, owner: Member, secret: str) -> VictimOrganization:
    """One of everything, with ids by the names of parameters and fields."""
    ids = await belongings(api, owner)
    changed = {"$set": {"phone_number": PHONE, "from_address": PHONE, "to_address": PHONE}}
    for name in ("contacts", "messages", "instances"):
        await api.database[name].update_many({"organization_id": owner.organization_id}, changed)
    code = {"qr.data_url": SECRETS, "qr.ascii": SECRETS, "qr.attempt": 1}
    await api.database.connections.update_one({"_id": ids["instance_id"]}, {"$set": code})
    await dead(api, owner.organization_id, error=secret)
    letters = dead_letters_filter(owner.organization_id)
    letter = await jetstream(api.nats).get_msg(DEAD_STREAM, 1, letters, next=True)
    ids |= {"sequence": str(letter.seq), "organization_id": owner.organization_id}
    return VictimOrganization(
        owner.organization_id, ids | {"subject": owner.user_id, "actor": owner.user_id}, (SECRETS,)
    )


async def key(owner: Member, *scopes: Scope, **limits: Any) -> Caller:
    made = await owner.http.post("/api/api-keys", json={"name": "x", "scopes": scopes, **limits})
    assert made.status_code == 201, made.text
    return Caller({"x-api-key": made.json()["data"]["key"]}, frozenset(scopes), bool(limits))


async def callers(api: Api, stack: AsyncExitStack, owner: Member) -> dict[str, Caller]:
    found: dict[str, Caller] = {"nobody": Caller({}, known=False), "nonsense": Caller({"x-api-key": "?"}, known=False)}
    roles: tuple[Role, ...] = ("owner", "admin", "agent", "viewer")
    for role in roles:
        person = await stack.enter_async_context(api.member(role, owner.organization_id))
        found[role] = Caller({"authorization": person.http.headers["Authorization"]}, ROLE_SCOPES[role])
    removed = await stack.enter_async_context(api.member("admin", owner.organization_id))
    dead_key = await key(removed, "read", "send", "manage")
    assert (await owner.http.delete(f"/api/users/{removed.user_id}")).status_code == 200
    found["a removed admin"] = Caller({"authorization": removed.http.headers["Authorization"]}, known=False)
    found["a key of a removed admin"] = Caller(dead_key.headers, known=False)
    header, claims, _ = str(owner.http.headers["Authorization"]).removeprefix("Bearer ").split(".")
    found["a forged token"] = Caller({"authorization": f"Bearer {header}.{claims}.AAAA"}, known=False)
    every: list[tuple[Scope, ...]] = [("read",), ("send",), ("manage",), ("read", "send"), ("read", "send", "manage")]
    for scopes in every:
        found[f"a key with {', '.join(scopes)}"] = await key(owner, *scopes)
    limit = {"instance_ids": [await owner.instance()]}
    found["a limited key"] = await key(owner, "read", "send", "manage", **limit)
    return found


@pytest.fixture(scope="module")
async def world(api: Api, settings: ApiSettings) -> AsyncIterator[World]:
    free = WITHOUT_LIMITS | {"http_port": free_port()}
    async with AsyncExitStack() as stack:
        in_process_api = await stack.enter_async_context(in_process(settings.model_copy(update=free)))
        for command in WAITING:
            await stack.enter_async_context(api.playing(command, refusal))
        owner, other = [await stack.enter_async_context(api.member()) for _ in range(2)]
        found = World(in_process_api, await organization(api, owner, "x"), await organization(api, other, SECRETS))
        found.callers = await callers(api, stack, owner)
        # what is one's own must not be ended by the first who may end it
        found.own.ids |= {"user_id": new_id(), "key_id": new_id(), "invitation_id": new_id()}
        yield found


def expected(who: Caller, operation: Operation) -> str:
    """`refused`: unknown credentials. `forbidden`: known, but not for this. `allowed`: up to the route."""
    if operation.name in OPEN or operation.name in ENDING:
        return "allowed"
    if not who.known:
        return "refused"
    scope, reach = NEEDS[operation.name]
    beyond = operation.name in GIVING and not who.scopes >= {"read", "send"}
    shut = who.limited and (reach == "organization" or operation.name in MAKING)
    return "forbidden" if scope not in who.scopes or beyond or shut else "allowed"


def got(answer: Answer) -> str:
    code = json.loads(answer.body).get("code") if answer.status >= 400 else None
    if answer.status == 401 and code in REFUSED:
        return "refused"
    return "forbidden" if answer.status == 403 and code in FORBIDDEN else "allowed"


async def test_the_table_names_every_route(world: World) -> None:
    """A new route belongs into NEEDS, with the scope it needs and what a limited key gets."""
    named = {*NEEDS, *OPEN, *ENDING}
    assert {operation.name for operation in await world.operations()} == named


@pytest.mark.timeout(120)
async def test_every_caller_may_do_what_the_table_says_and_nothing_else(world: World) -> None:
    wrongs: list[str] = []
    for operation in await world.operations():
        if operation.name in OPEN or operation.name in ENDING:
            continue
        answers = await asyncio.gather(*(world.ask(who, operation, world.own) for who in world.callers.values()))
        for (name, who), answer in zip(world.callers.items(), answers, strict=True):
            if got(answer) != expected(who, operation):
                wrongs.append(
                    f"{operation.name} as {name}: {answer.status} instead of {expected(who, operation)}: "
                    f"{answer.body[:200]!r}"
                )
    assert not wrongs, "\n".join(wrongs)


@pytest.mark.timeout(120)
def told(other: VictimOrganization, answer: Answer) -> bool:
    """A refusal may repeat the ids of the question; an answer has none of them."""
    text = answer.body.decode()
    if answer.status >= 400:
        return SECRETS in text
    return any(value in text for value in other.ids.values() if len(value) == 32)


async def test_nobody_sees_or_changes_anything_with_the_ids_of_another_organization(api: Api, world: World) -> None:
    before = await snapshot(api, world.other.organization_id)
    wrongs: list[str] = []
    for operation in await world.operations():
        answers = await asyncio.gather(*(world.ask(who, operation, world.other) for who in world.callers.values()))
        for name, answer in zip(world.callers, answers, strict=True):
            foreign = set(operation.parameters("path")) & (set(world.other.ids) - {"action"})
            if told(world.other, answer) or (foreign and answer.status not in (401, 403, 404)) or answer.status >= 500:
                wrongs.append(f"{operation.name} as {name}: {answer.status} {answer.body[:200]!r}")
    assert not wrongs, "\n".join(wrongs)
    assert await snapshot(api, world.other.organization_id) == before
    letters = dead_letters_filter(world.other.organization_id)
    kept = await jetstream(api.nats).get_msg(DEAD_STREAM, 1, letters, next=True)
    assert str(kept.seq) == world.other.ids["sequence"]


async def test_the_ids_of_the_table_are_there(api: Api, world: World) -> None:
    """The ids of the test above exist: their own organization finds them."""
    async with api.member("owner", world.other.organization_id) as owner:
        who = Caller({"authorization": owner.http.headers["Authorization"]})
        reads = [each for each in await world.operations() if each.method == "GET" and each.parameters("path")]
        answers = {each.path: await world.ask(who, each, world.other) for each in reads}
    missing = {path: answer.status for path, answer in answers.items() if answer.status != 200}
    accounts_of_their_maker, instance_shows_qr = (
        "/api/v1/whatsapp/sessions/{instance_id}",
        "/api/whatsapp/instances/{instance_id}/pairing-code",
    )
    assert missing == {accounts_of_their_maker: 404, instance_shows_qr: 404}
