"""Every event a socket may send, by every role and set of scopes, with another organization's ids: nothing is found,
nothing is changed, nothing is heard. A new event needs an entry in `ATTACKS`, or the first test fails."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pytest
from nats.aio.msg import Msg

from services.realtime.dialects.chat import ChatHandlers
from services.realtime.dialects.named_sessions import NamedSessionHandlers
from services.realtime.presence import PresenceHandlers
from services.realtime.send_message import SendMessageHandler
from services.realtime.server import RealtimeServer
from services.realtime.settings import RealtimeSettings
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import ROLE_SCOPES, Scope
from shared.messaging.client import jetstream
from shared.messaging.publisher import Publisher
from tests.component.api.conftest import Member
from tests.integration.realtime.conftest import token, until
from tests.security.socket_clients import Platform, RawClient, changed, logged_in, platform
from tests.subscriptions import subscribed
from tests.token_keys import PUBLIC_KEY

MARK = "words of another organization"
Ids = dict[str, str]
SCOPES: tuple[Scope, ...] = ("read", "send", "manage")
SETS: list[frozenset[Scope]] = [
    frozenset(),
    *(frozenset(each) for count in (1, 2, 3) for each in combinations(SCOPES, count)),
]


@dataclass(frozen=True)
class Attack:
    """What is sent with an event, and the scope it needs; None: every socket may ask it of its own organization."""

    scope: Scope | None
    data: tuple[Callable[[Ids], Any], ...]
    refused: frozenset[str] = field(default_factory=frozenset)
    """The codes of a refusal; without any the answer is a success that holds nothing of the others."""


def _conversation(ids: Ids) -> Any:
    return {"conversationId": ids["conversation"]}


def _instance(ids: Ids) -> Any:
    return {"instanceId": ids["instance"]}


_AWAY = frozenset({"conversation_not_found"})
ATTACKS: dict[str, Attack] = {
    "join-organization": Attack(
        None,
        (lambda ids: ids["organization"], lambda ids: {"organizationId": ids["organization"], "since": 0}),
        frozenset({"organization_mismatch"}),
    ),
    "send_message": Attack(
        "send",
        (
            lambda ids: {"conversationId": ids["conversation"], "message": "x"},
            lambda ids: {"to": "4915112345678", "message": "x", "instanceId": ids["instance"]},
            lambda ids: {"to": "4915112345678", "message": "x", "organizationId": ids["organization"]},
        ),
    ),  # the router refuses it: the command carries the sender's own organization
    "typing": Attack("send", (_conversation, lambda ids: _conversation(ids) | {"state": "recording"}), _AWAY),
    "stop_typing": Attack("send", (_conversation,), _AWAY),
    "presence_subscribe": Attack("read", (_conversation,), _AWAY),
    "mark_read": Attack(
        "send",
        (_conversation, lambda ids: {"messageIds": [ids["message"]]}),
        _AWAY | {"message_not_found"},
    ),
    "join_conversation": Attack("read", (_conversation,), _AWAY),
    "leave_conversation": Attack(None, (_conversation,)),
    "get_contacts": Attack("read", (lambda ids: {"search": MARK}, lambda ids: {"organizationId": ids["organization"]})),
    "get_messages_between": Attack("read", (lambda ids: {"fromNumber": ids["number"], "toNumber": ids["own"]},)),
    "get_qr_code": Attack(
        "manage",
        (_instance, lambda ids: _instance(ids) | {"forceNew": True}),
        frozenset({"instance_not_found"}),
    ),
    "get_connection_status": Attack("read", (_instance,), frozenset({"instance_not_found"})),
    "join-session": Attack("manage", (lambda ids: ids["session"], lambda ids: {"sessionName": ids["session"]})),
    "leave-session": Attack(None, (lambda ids: ids["session"],)),
}


def test_every_event_is_attacked() -> None:
    server = RealtimeServer(RealtimeSettings(token_public_key=PUBLIC_KEY))
    SendMessageHandler(server, timeout=10)
    ChatHandlers(server, PresenceHandlers(server))
    NamedSessionHandlers(server)
    assert set(server.requests.handlers) == set(ATTACKS)
    assert set(server.sio.handlers) <= {"/"}
    assert not server.sio.handlers.get("/"), "events of clients are answered by server.requests only"


def test_every_role_is_among_the_sets() -> None:
    assert set(ROLE_SCOPES.values()) <= set(SETS)


@pytest.fixture(scope="module")
async def running(mongo_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    async with platform(mongo_url, tmp_path_factory.mktemp("bus")) as found:
        yield found


async def belongings(running: Platform, owner: Member) -> Ids:
    """One of everything a socket can name."""
    database, mine = running.database, {"organization_id": owner.organization_id}
    instance = await owner.instance(instance_name="till")
    qr = {"qr": MARK, "data_url": MARK, "ascii": MARK, "attempt": 1, "expires_at": utc_now().replace(year=2099)}
    await running.stage.connection(owner, instance, status="qr_pending", qr=qr, phone_number="442071838750")
    ids = {name: new_id() for name in ("contact", "conversation", "message")}
    now, number, own = utc_now(), "442079460033", "442071838750"
    times: dict[str, Any] = {"created_at": now, "updated_at": now, "timestamp": now}
    mine |= {"instance_id": instance}
    contact = {"_id": ids["contact"], "aliases": [number], "phone_number": number, "name": MARK}
    await database.contacts.insert_one(contact | mine | times)
    await database.conversations.insert_one(
        {"_id": ids["conversation"], "contact_id": ids["contact"], "last_text": MARK} | mine | times
    )
    message = {"direction": "inbound", "origin": "contact", "kind": "message", "status": "received", "type": "text"}
    links = {"_id": ids["message"], "conversation_id": ids["conversation"], "contact_id": ids["contact"]}
    texts = {"text": MARK, "from_address": number, "to_address": own, "wa_id": new_id()}
    await database.messages.insert_one(message | links | texts | mine | times)
    return ids | {
        "organization": owner.organization_id,
        "instance": instance,
        "session": "till",
        "number": number,
        "own": own,
    }


async def kept(running: Platform, organization_id: str) -> str:
    """Everything the database has of an organization."""
    found = {}
    for name in sorted(await running.database.list_collection_names()):
        if name != "rate_counters":
            found[name] = await running.database[name].find({"organization_id": organization_id}).to_list(None)
    return json.dumps(found, default=str, sort_keys=True)


async def attack(client: RawClient, scopes: frozenset[Scope], name: str, ids: Ids) -> list[str]:
    """What went wrong."""
    wrong, attacked = list[str](), ATTACKS[name]
    for number, make in enumerate(attacked.data):
        answer = await client.ask(name, make(ids), number=hash((name, number)) % 10_000)
        allowed = attacked.scope is None or attacked.scope in scopes
        expected = attacked.refused if allowed else {"scope_missing"}
        code = answer.get("code", "")
        if (expected and code not in expected) or (not expected and not answer["success"]):
            wrong.append(f"{name} {number} by {sorted(scopes)}: {answer}")
        if MARK in json.dumps(answer):
            wrong.append(f"{name} {number} by {sorted(scopes)} found {answer}")
    return wrong


@pytest.mark.parametrize("name", sorted(ATTACKS))
async def test_a_socket_reaches_nothing_of_another_organization(running: Platform, name: str) -> None:
    stage, own = running.stage, new_id()
    said: list[str] = []

    async def spy(message: Msg) -> None:
        said.append(message.subject)

    async with stage.member() as owner, AsyncExitStack() as stack:
        ids = await belongings(running, owner)
        before = await kept(running, owner.organization_id)
        victim = await stack.enter_async_context(logged_in(running.realtime, token(owner.organization_id)))
        assert (await victim.ask("join-organization", owner.organization_id))["success"]
        await until(lambda: len(victim.named("whatsapp:qr")) == 2)  # its own code, when it connected and when it joined
        clients = {
            scopes: await stack.enter_async_context(logged_in(running.realtime, token(own, scopes=scopes)))
            for scopes in SETS
        }
        spying = await stage.nats.subscribe("wa.>", cb=spy)
        await subscribed(stage.nats)
        found = await asyncio.gather(*(attack(client, scopes, name, ids) for scopes, client in clients.items()))
        await subscribed(stage.nats)
        assert [wrong for each in found for wrong in each] == []
        assert [subject for subject in said if owner.organization_id in subject.split(".")] == []
        await spying.unsubscribe()
        assert await kept(running, owner.organization_id) == before
        await Publisher(jetstream(stage.nats))(changed(owner.organization_id, MARK))
        await until(lambda: victim.named("whatsapp:ready"))
        own_code, changes = {"whatsapp:qr"}, {"whatsapp:status", "whatsapp:connected", "whatsapp:ready"}
        assert {name for name, _ in victim.heard} == own_code | changes
        for client in clients.values():
            await client.ask("leave_conversation", {"conversationId": "x"}, number=77)
            assert MARK not in "".join(client.packets)
            assert owner.organization_id not in "".join(client.packets)


async def test_the_owner_of_these_ids_reaches_them(running: Platform) -> None:
    """The attack above would find what is there."""
    async with running.stage.member() as owner:
        ids = await belongings(running, owner)
        async with logged_in(running.realtime, token(owner.organization_id)) as client:
            for number, name in enumerate(("get_contacts", "get_messages_between", "get_connection_status")):
                answer = await client.ask(name, ATTACKS[name].data[0](ids), number=number + 1)
                assert answer["success"], answer
            assert MARK in "".join(client.packets)
            assert (await client.ask("join_conversation", _conversation(ids), number=9))["success"]
            await client.ask("join-session", "till", number=10)
            await until(lambda: client.named("qr-code"))
