"""The limits for attackers do not affect the libraries that front ends use."""

import asyncio
from typing import Any

import pytest
import socketio

from shared.contracts.events import AccessRevoked
from shared.contracts.ids import new_id
from shared.contracts.principal import Principal
from shared.messaging.publisher import Publisher
from tests.integration.realtime.conftest import service, token
from tests.security.socket_clients import changed, publisher
from tests.waiting import until


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], ["polling", "websocket"]])
async def test_requests_events_and_revocation_on_every_transport(nats_url: str, transports: list[str]) -> None:
    organization_id, received = new_id(), list[tuple[str, Any]]()
    client = socketio.AsyncClient(reconnection=False)

    async def on_event(event: str, payload: Any) -> None:
        received.append((event, payload))

    client.on("*", on_event)
    async with publisher(nats_url) as publish, service(nats_url) as url:
        await client.connect(url, auth={"token": token(organization_id)}, transports=transports, wait_timeout=15)
        assert (await client.call("join-organization", organization_id, timeout=15))["success"]
        details = [f"detail {number}" for number in range(300)]
        for detail in details:
            await publish(changed(organization_id, detail))
        await until(lambda: sum(name == "whatsapp:status" for name, _ in received) == len(details))
        assert [payload["detail"] for name, payload in received if name == "whatsapp:status"] == details
        sends = [client.call("send_message", {"message": "x" * 60_000}, timeout=15) for _ in range(4)]
        assert {answer["code"] for answer in await asyncio.gather(*sends)} == {"missing_recipient"}
        await revoke(publish, organization_id)
        await until(lambda: not client.connected)
        assert [payload["code"] for name, payload in received if name == "session:ended"] == ["user_removed"]


async def revoke(publish: Publisher, organization_id: str) -> None:
    person = Principal(organization_id=organization_id, subject="user")
    await publish(
        AccessRevoked(organization_id=organization_id, code="user_removed", reason="over", holder=person.subject)
    )


async def test_a_refused_client_connects_with_a_valid_token(nats_url: str) -> None:
    async with service(nats_url) as url:
        client = socketio.AsyncClient(reconnection=False)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(url, auth={"token": "wrong"}, wait_timeout=15)
        await client.connect(url, auth={"token": token("acme")}, wait_timeout=15)
        assert (await client.call("join-organization", "acme", timeout=15))["success"]
        await client.disconnect()
