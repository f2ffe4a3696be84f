"""The events a socket receives depend on its scopes: linking codes need `manage`, all others `read`."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from shared.contracts.ephemeral import ContactPresence, ContactTyping
from shared.contracts.events import MessageStatusChanged, PairingCodeIssued, QrIssued
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import ROLE_SCOPES, Scope
from shared.contracts.records import MessageStatus
from shared.messaging.client import jetstream
from shared.messaging.publisher import Publisher, publish_ephemeral
from tests.integration.realtime.conftest import service, token
from tests.security.socket_clients import RawClient, changed, logged_in, platform, publisher
from tests.waiting import until

LINKING_EVENTS = {"whatsapp:qr", "whatsapp:pairing-code"}
SCOPE_SETS: list[frozenset[Scope]] = [
    frozenset({"read"}),
    frozenset({"send"}),
    frozenset({"manage"}),
    frozenset({"read", "send"}),
    frozenset({"send", "manage"}),
    frozenset({"read", "send", "manage"}),
]


def qr(organization_id: str) -> QrIssued:
    expires_at = utc_now() + timedelta(minutes=1)
    return QrIssued(
        organization_id=organization_id,
        instance_id="one",
        qr="secret",
        data_url="data:secret",
        ascii="secret",
        attempt=1,
        expires_at=expires_at,
    )


def pairing_code(organization_id: str) -> PairingCodeIssued:
    expires_at = utc_now() + timedelta(minutes=1)
    return PairingCodeIssued(
        organization_id=organization_id,
        instance_id="one",
        code="ABCD-1234",
        phone_number="4915112345678",
        expires_at=expires_at,
    )


def status(organization_id: str) -> MessageStatusChanged:
    return MessageStatusChanged(
        organization_id=organization_id, instance_id="one", message_id="m", status=MessageStatus.READ
    )


async def publish_all(publish: Publisher, organization_id: str) -> None:
    for event in (
        qr(organization_id),
        pairing_code(organization_id),
        status(organization_id),
        changed(organization_id),
    ):
        await publish(event)


def expected(scopes: frozenset[Scope]) -> set[str]:
    read = {"message_status", "whatsapp:status", "whatsapp:connected", "whatsapp:ready"}
    return (read if "read" in scopes else set()) | (LINKING_EVENTS if "manage" in scopes else set())


def names(client: RawClient) -> set[str]:
    return {name for name, _ in client.received}


@pytest.mark.parametrize("how", ["live", "resumed in the handshake", "resumed by joining"])
async def test_a_socket_receives_what_its_scopes_allow(nats_url: str, how: str) -> None:
    """12fd981: a `read` key received the QR code, a `send` key everything."""
    organization_id = new_id()
    async with publisher(nats_url) as publish, service(nats_url, join_grace=0.01) as url, AsyncExitStack() as stack:
        if how != "live":
            await publish_all(publish, organization_id)
        auth = {"since": 0} if how == "resumed in the handshake" else {}
        clients: dict[frozenset[Scope], RawClient] = {
            scopes: await stack.enter_async_context(logged_in(url, token(organization_id, scopes=scopes), **auth))
            for scopes in SCOPE_SETS
        }
        request: dict[str, Any] = {"organizationId": organization_id}
        request |= {"since": 0} if how == "resumed by joining" else {}
        for client in clients.values():
            assert (await client.call("join-organization", request))["success"]
        if how == "live":
            await publish_all(publish, organization_id)
        everything = clients[SCOPE_SETS[-1]]
        await until(lambda: names(everything) == expected(SCOPE_SETS[-1]))
        for number, (scopes, client) in enumerate(clients.items()):
            assert (await client.call("join-organization", organization_id, number=2 + number))["success"]
            assert names(client) == expected(scopes), scopes


@pytest.mark.parametrize("role", ["viewer", "agent"])
async def test_viewers_and_agents_receive_no_linking_codes(nats_url: str, role: Any) -> None:
    """12fd981: a viewer received the QR code."""
    organization_id = new_id()
    async with publisher(nats_url) as publish, service(nats_url, join_grace=0) as url:
        person = token(organization_id, role=role, scopes=ROLE_SCOPES[role])
        async with logged_in(url, person) as client:
            assert (await client.call("join-organization", organization_id))["success"]
            await publish_all(publish, organization_id)
            await until(lambda: client.payloads_of("whatsapp:ready"))
            assert not names(client) & LINKING_EVENTS


async def test_ephemeral_events_need_read(nats_url: str) -> None:
    """12fd981: a `send` key received who types and who is online."""
    organization_id = new_id()
    ids = {"organization_id": organization_id, "instance_id": "one", "from_address": "4915112345678"}
    nats = Client()
    await nats.connect(nats_url)
    async with (
        service(nats_url, join_grace=0) as url,
        logged_in(url, token(organization_id, scopes=frozenset({"send", "manage"}))) as sender,
        logged_in(url, token(organization_id, scopes=frozenset({"read"}))) as reader,
    ):
        for client in (sender, reader):
            assert (await client.call("join-organization", organization_id))["success"]
        async with asyncio.timeout(20):
            while not (reader.payloads_of("typing") and reader.payloads_of("presence")):
                await publish_ephemeral(nats, ContactTyping.model_validate(ids | {"state": "composing"}))
                await publish_ephemeral(nats, ContactPresence.model_validate(ids | {"available": True}))
                await asyncio.sleep(0.05)
        assert (await sender.call("join-organization", organization_id, number=2))["success"]
        assert names(sender) == set()
    await nats.close()


async def test_a_send_key_receives_the_replies_to_its_own_requests(nats_url: str) -> None:
    organization_id = new_id()
    async with (
        service(nats_url, send_wait=0.2) as url,
        logged_in(url, token(organization_id, scopes=frozenset({"send"}))) as sender,
    ):
        answer = await sender.call("send_message", {"to": "4915112345678", "message": "hello", "clientId": "c"})
        assert (answer["success"], answer["status"]) == (True, "queued")
        assert sender.payloads_of("message_sent_success")[0]["clientId"] == "c"
        assert (await sender.call("get_contacts", {}, number=2))["code"] == "scope_missing"


async def test_the_code_of_a_named_session_needs_manage(mongo_url: str, tmp_path: Path) -> None:
    async with platform(mongo_url, tmp_path) as running, running.api.member() as member:
        publish = Publisher(jetstream(running.api.nats))
        instance_id = await member.instance(instance_name="till")
        event = qr(member.organization_id).model_copy(update={"instance_id": instance_id})
        async with (
            logged_in(running.realtime, token(member.organization_id)) as owner,
            logged_in(running.realtime, token(member.organization_id, scopes=frozenset({"read", "send"}))) as agent,
        ):
            assert (await owner.call("join-session", "till"))["success"]
            assert (await agent.call("join-session", "till"))["code"] == "scope_missing"
            await publish(event)
            await until(lambda: owner.payloads_of("qr-code"))
            assert (await agent.call("join-organization", member.organization_id, number=2))["success"]
            assert not names(agent) & {"qr-code", "status-update", "whatsapp:qr"}
