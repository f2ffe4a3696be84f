"""Every event a socket may send, with every set of scopes and another organization's ids: nothing is found, changed or
received. A new event needs an entry in `ATTACKS`, or the first test fails."""

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
from services.realtime.viewing import ViewingHandlers
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import ROLE_SCOPES, Scope
from shared.messaging.client import jetstream
from shared.messaging.publisher import Publisher
from shared.text.search_terms import contact_fields
from tests.component.api.conftest import Member
from tests.integration.realtime.conftest import token
from tests.security.socket_clients import Platform, RawClient, changed, logged_in, platform
from tests.subscriptions import subscribed
from tests.token_keys import PUBLIC_KEY
from tests.waiting import until

FOREIGN_MARK = "words of another organization"
Ids = dict[str, str]
SCOPES: tuple[Scope, ...] = ("read", "send", "manage")
SCOPE_SETS: list[frozenset[Scope]] = [
    frozenset(),
    *(frozenset(each) for count in (1, 2, 3) for each in combinations(SCOPES, count)),
]


@dataclass(frozen=True)
class Attack:
    """The arguments of an event, and the scope it needs; None: every socket may send it for its own organization."""

    scope: Scope | None
    arguments: tuple[Callable[[Ids], Any], ...]
    refusal_codes: frozenset[str] = field(default_factory=frozenset)
    """Empty: the answer is a success that contains nothing of the other organization."""


def _conversation(ids: Ids) -> Any:
    return {"conversationId": ids["conversation"]}


def _instance(ids: Ids) -> Any:
    return {"instanceId": ids["instance"]}


NOT_FOUND = frozenset({"conversation_not_found"})
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
    "typing": Attack("send", (_conversation, lambda ids: _conversation(ids) | {"state": "recording"}), NOT_FOUND),
    "stop_typing": Attack("send", (_conversation,), NOT_FOUND),
    "conversation:viewing": Attack(
        "read", (_conversation, lambda ids: _conversation(ids) | {"viewing": False}), NOT_FOUND
    ),
    "presence_subscribe": Attack("read", (_conversation,), NOT_FOUND),
    "mark_read": Attack(
        "send",
        (_conversation, lambda ids: {"messageIds": [ids["message"]]}),
        NOT_FOUND | {"message_not_found"},
    ),
    "join_conversation": Attack("read", (_conversation,), NOT_FOUND),
    "leave_conversation": Attack(None, (_conversation,)),
    "get_contacts": Attack(
        "read", (lambda ids: {"search": FOREIGN_MARK}, lambda ids: {"organizationId": ids["organization"]})
    ),
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
    presence = PresenceHandlers(server)
    ViewingHandlers(server, presence)
    ChatHandlers(server, presence)
    NamedSessionHandlers(server)
    assert set(server.requests.handlers) == set(ATTACKS)
    assert set(server.sio.handlers) <= {"/"}
    assert not server.sio.handlers.get("/"), "events of clients are answered by server.requests only"


def test_the_scopes_of_every_role_are_among_the_sets() -> None:
    assert set(ROLE_SCOPES.values()) <= set(SCOPE_SETS)


@pytest.fixture(scope="module")
async def running(mongo_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    async with platform(mongo_url, tmp_path_factory.mktemp("bus")) as found:
        yield found


async def belongings(running: Platform, owner: Member) -> Ids:
    """Creates one of everything whose id a socket can send."""
    database, mine = running.database, {"organization_id": owner.organization_id}
    instance = await owner.instance(instance_name="till")
    qr = {
        "qr": FOREIGN_MARK,
        "data_url": FOREIGN_MARK,
        "ascii": FOREIGN_MARK,
        "attempt": 1,
        "expires_at": utc_now().replace(year=2099),
    }
    await running.api.connection(owner, instance, status="qr_pending", qr=qr, phone_number="442071838750")
    ids = {name: new_id() for name in ("contact", "conversation", "message")}
    now, number, own = utc_now(), "442079460033", "442071838750"
    times: dict[str, Any] = {"created_at": now, "updated_at": now, "timestamp": now}
    mine |= {"instance_id": instance}
    contact = {"_id": ids["contact"], "aliases": [f"phone:{number}"], "phone_number": number, "name": FOREIGN_MARK}
    searched = contact_fields(FOREIGN_MARK, number, None, [f"phone:{number}"])
    await database.contacts.insert_one({**contact, **searched, **mine, **times})
    await database.conversations.insert_one(
        {"_id": ids["conversation"], "contact_id": ids["contact"], "last_text": FOREIGN_MARK} | mine | times
    )
    message = {"direction": "inbound", "origin": "contact", "kind": "message", "status": "received", "type": "text"}
    links = {"_id": ids["message"], "conversation_id": ids["conversation"], "contact_id": ids["contact"]}
    texts = {"text": FOREIGN_MARK, "from_address": number, "to_address": own, "wa_id": new_id()}
    await database.messages.insert_one(message | links | texts | mine | times)
    return ids | {
        "organization": owner.organization_id,
        "instance": instance,
        "session": "till",
        "number": number,
        "own": own,
    }


async def stored_documents(running: Platform, organization_id: str) -> str:
    """All documents of an organization."""
    found = {}
    for name in sorted(await running.database.list_collection_names()):
        if name != "rate_counters":
            found[name] = await running.database[name].find({"organization_id": organization_id}).to_list(None)
    return json.dumps(found, default=str, sort_keys=True)


async def attack(client: RawClient, scopes: frozenset[Scope], name: str, ids: Ids) -> list[str]:
    """Descriptions of unexpected answers."""
    faults, attack_of_event = list[str](), ATTACKS[name]
    for number, make in enumerate(attack_of_event.arguments):
        answer = await client.call(name, make(ids), number=hash((name, number)) % 10_000)
        allowed = attack_of_event.scope is None or attack_of_event.scope in scopes
        expected = attack_of_event.refusal_codes if allowed else {"scope_missing"}
        code = answer.get("code", "")
        if (expected and code not in expected) or (not expected and not answer["success"]):
            faults.append(f"{name} {number} by {sorted(scopes)}: {answer}")
        if FOREIGN_MARK in json.dumps(answer):
            faults.append(f"{name} {number} by {sorted(scopes)} found {answer}")
    return faults


@pytest.mark.parametrize("name", sorted(ATTACKS))
async def test_a_socket_reaches_nothing_of_another_organization(running: Platform, name: str) -> None:
    api, own = running.api, new_id()
    subjects: list[str] = []

    async def spy(message: Msg) -> None:
        subjects.append(message.subject)

    async with api.member() as owner, AsyncExitStack() as stack:
        ids = await belongings(running, owner)
        before = await stored_documents(running, owner.organization_id)
        victim = await stack.enter_async_context(logged_in(running.realtime, token(owner.organization_id)))
        assert (await victim.call("join-organization", owner.organization_id))["success"]
        await until(
            lambda: len(victim.payloads_of("whatsapp:qr")) == 2
        )  # its own code, at its login and when it joined
        clients = {
            scopes: await stack.enter_async_context(logged_in(running.realtime, token(own, scopes=scopes)))
            for scopes in SCOPE_SETS
        }
        spying = await api.nats.subscribe("wa.>", cb=spy)
        await subscribed(api.nats)
        found = await asyncio.gather(*(attack(client, scopes, name, ids) for scopes, client in clients.items()))
        await subscribed(api.nats)
        assert [faults for each in found for faults in each] == []
        assert [subject for subject in subjects if owner.organization_id in subject.split(".")] == []
        await spying.unsubscribe()
        assert await stored_documents(running, owner.organization_id) == before
        await Publisher(jetstream(api.nats))(changed(owner.organization_id, FOREIGN_MARK))
        await until(lambda: victim.payloads_of("whatsapp:ready"))
        own_code, changes = {"whatsapp:qr"}, {"whatsapp:status", "whatsapp:connected", "whatsapp:ready"}
        assert {name for name, _ in victim.received} == own_code | changes
        for client in clients.values():
            await client.call("leave_conversation", {"conversationId": "x"}, number=77)
            assert FOREIGN_MARK not in "".join(client.packets)
            assert owner.organization_id not in "".join(client.packets)


async def test_the_owner_of_these_ids_reaches_them(running: Platform) -> None:
    """Proof that the attack would have found them."""
    async with running.api.member() as owner:
        ids = await belongings(running, owner)
        async with logged_in(running.realtime, token(owner.organization_id)) as client:
            for number, name in enumerate(("get_contacts", "get_messages_between", "get_connection_status")):
                answer = await client.call(name, ATTACKS[name].arguments[0](ids), number=number + 1)
                assert answer["success"], answer
                assert FOREIGN_MARK in json.dumps(answer) or name == "get_connection_status"
            assert (await client.call("join_conversation", _conversation(ids), number=9))["success"]
            await client.call("join-session", "till", number=10)
            await until(lambda: client.payloads_of("qr-code"))
