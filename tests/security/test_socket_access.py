"""Access is checked at every request and every event, independently of timers."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from shared.contracts.events import AccessRevoked
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from tests.integration.realtime.conftest import service, token
from tests.security.socket_clients import changed, logged_in, platform, publisher
from tests.waiting import until


def let_an_hour_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """For code that reads the clock; timers that run already are not affected."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 3600)


async def test_a_request_after_expiry_is_refused_without_a_timer(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """12fd981: it was answered; only the timer closed sockets."""
    organization_id = new_id()
    async with service(nats_url) as url, logged_in(url, token(organization_id)) as client:
        let_an_hour_pass(monkeypatch)
        answer = await client.call("join-organization", organization_id)
        assert answer is None or answer["code"] == "token_expired"
        await until(lambda: client.closed)
        assert client.payloads_of("session:ended")[0]["code"] == "token_expired"


async def test_an_idle_socket_receives_nothing_after_expiry(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """12fd981: without its timer it still received events."""
    organization_id = new_id()
    longer = token(organization_id, timedelta(hours=3))
    async with (
        publisher(nats_url) as publish,
        service(nats_url, join_grace=0) as url,
        logged_in(url, token(organization_id)) as idle,
        logged_in(url, longer) as other,
    ):
        assert (await idle.call("join-organization", organization_id))["success"]
        assert (await other.call("join-organization", organization_id))["success"]
        let_an_hour_pass(monkeypatch)
        await publish(changed(organization_id))
        await until(lambda: other.payloads_of("whatsapp:ready") and idle.closed)
        assert [name for name, _ in idle.received] == ["session:ended"]


async def test_a_request_is_not_answered_when_access_is_revoked_meanwhile(nats_url: str) -> None:
    """12fd981: it was answered after the revocation, and the connection stayed open."""
    organization_id = new_id()
    async with (
        publisher(nats_url) as publish,
        service(nats_url, send_wait=5) as url,
        logged_in(url, token(organization_id, session_id="one")) as client,
    ):
        await client.send('429["send_message",{"to":"4915112345678","message":"hello"}]')
        await publish(AccessRevoked(organization_id=organization_id, code="login_ended", reason="", login_ids=("one",)))
        await until(lambda: client.closed)
        assert not [packet for packet in client.packets if packet.startswith("439")]


async def test_a_socket_is_closed_when_its_api_key_expires(mongo_url: str, tmp_path: Path) -> None:
    """12fd981: realtime did not learn the expiry of a key; its socket was answered for ever."""
    async with platform(mongo_url, tmp_path) as running, running.api.member() as member:
        expires_at = (utc_now() + timedelta(seconds=3)).isoformat()
        body = {"name": "Till", "scopes": ["read"], "expires_at": expires_at}
        created = (await member.http.post("/api/api-keys", json=body)).json()["data"]
        async with logged_in(running.realtime, created["key"]) as client:
            await until(lambda: client.closed)
            assert client.payloads_of("session:ended")[0]["code"] == "api_key_expired"
