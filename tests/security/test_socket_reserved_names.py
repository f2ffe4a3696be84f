"""No event name lets a client run the server's handlers of connects and disconnects."""

import json
from datetime import timedelta

import pytest

from shared.contracts.access_tokens import issue_token
from shared.contracts.events import AccessRevoked
from shared.contracts.ids import new_id
from shared.contracts.principal import Principal
from tests.integration.realtime.conftest import service, token
from tests.security.socket_clients import changed, logged_in, publisher
from tests.token_keys import SIGNING_KEY
from tests.waiting import until

RESERVED = ["disconnect", "connect", "connect_error", "disconnecting", "newListener", "removeListener"]


@pytest.mark.parametrize("name", RESERVED)
async def test_the_socket_of_a_removed_agent_that_sent_a_reserved_name_is_closed(nats_url: str, name: str) -> None:
    """12fd981: `disconnect` removed the socket from the list of those to close."""
    person = Principal(organization_id=new_id(), subject="nina", session_id="one").with_role("agent")
    person_token = issue_token(person, SIGNING_KEY, timedelta(minutes=5))
    async with (
        publisher(nats_url) as publish,
        service(nats_url) as url,
        logged_in(url, person_token) as agent,
    ):
        for packet in (f'42["{name}"]', f'42["{name}","x"]', f'42["{name}",{{}},{{}}]', f'427["{name}",null]'):
            await agent.send(packet)
        assert (await agent.call("join-organization", person.organization_id))["success"]
        await publish(
            AccessRevoked(organization_id=person.organization_id, code="user_removed", reason="", holder="nina")
        )
        await until(lambda: agent.closed)
        assert agent.payloads_of("session:ended")[0]["code"] == "user_removed"


async def test_a_token_expires_although_its_socket_sent_disconnect(nats_url: str) -> None:
    """12fd981: the timer was cancelled."""
    async with service(nats_url) as url, logged_in(url, token(new_id(), timedelta(seconds=2))) as client:
        await client.send('42["disconnect"]')
        await until(lambda: client.closed)
        assert client.payloads_of("session:ended")[0]["code"] == "token_expired"


async def test_an_event_named_connect_changes_nobodys_identity(nats_url: str) -> None:
    """12fd981: the socket was given the other token's identity and a full rate bucket."""
    mine, other = new_id(), new_id()
    async with (
        service(nats_url, socket_rate=0.001, socket_burst=4) as url,
        logged_in(url, token(mine)) as client,
    ):
        connect = json.dumps(["connect", {}, {"token": token(other)}])
        await client.send(f"425{connect}")
        await until(lambda: any(packet.startswith("435") for packet in client.packets))
        refused = json.loads(next(packet for packet in client.packets if packet.startswith("435"))[3:])[0]
        assert (refused["success"], refused["code"]) == (False, "reserved_event")
        assert (await client.call("join-organization", other))["code"] == "organization_mismatch"
        assert (await client.call("join-organization", mine))["success"]
        await client.send(f"42{connect}")
        assert (await client.call("join-organization", mine))["code"] == "rate_limited"


async def test_unknown_names_and_namespaces_run_nothing(nats_url: str) -> None:
    organization_id = new_id()
    async with (
        publisher(nats_url) as publish,
        service(nats_url) as url,
        logged_in(url, token(organization_id)) as client,
    ):
        for packet in (
            '42["nothing",{}]',
            '42/admin,["join-organization","x"]',
            '42/admin,["disconnect"]',
            "41/admin,",
        ):
            await client.send(packet)
        assert (await client.call("join-organization", organization_id))["success"]
        await publish(changed(organization_id))
        await until(lambda: client.payloads_of("whatsapp:ready"))
        assert not client.closed


async def test_packets_before_the_login_run_nothing(nats_url: str) -> None:
    from tests.security.socket_clients import raw_client

    organization_id = new_id()
    async with service(nats_url) as url, raw_client(url) as client:
        for packet in ('421["join-organization",{}]', '42["disconnect"]', "41", '42["connect",{},{}]'):
            await client.send(packet)
        assert (await client.log_in(token(organization_id))).startswith("40")
        assert (await client.call("join-organization", organization_id, number=2))["success"]
        assert not [packet for packet in client.packets if packet.startswith("431[")]
