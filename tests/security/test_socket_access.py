"""Every request and every event asks whether the access goes on: no timer and no list has to work for that."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from shared.contracts.events import AccessRevoked
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from tests.integration.realtime.conftest import service, token, until
from tests.security.socket_clients import changed, logged_in, platform, publisher


def let_an_hour_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """For whoever looks at the clock; timers that run already do not notice it."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 3600)


async def test_a_request_after_expiry_is_refused_without_a_timer(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """12fd981: it was answered, only the timer ended sockets."""
    organization_id = new_id()
    async with service(nats_url) as url, logged_in(url, token(organization_id)) as client:
        let_an_hour_pass(monkeypatch)
        answer = await client.ask("join-organization", organization_id)
        assert answer is None or answer["code"] == "token_expired"
        await until(lambda: client.closed)
        assert client.named("session:ended")[0]["code"] == "token_expired"


async def test_a_silent_socket_hears_nothing_after_expiry(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """12fd981: it heard events as long as the timer was lost."""
    organization_id = new_id()
    longer = token(organization_id, timedelta(hours=3))
    async with (
        publisher(nats_url) as publish,
        service(nats_url, join_grace=0) as url,
        logged_in(url, token(organization_id)) as silent,
        logged_in(url, longer) as other,
    ):
        assert (await silent.ask("join-organization", organization_id))["success"]
        assert (await other.ask("join-organization", organization_id))["success"]
        let_an_hour_pass(monkeypatch)
        await publish(changed(organization_id))
        await until(lambda: other.named("whatsapp:ready") and silent.closed)
        assert [name for name, _ in silent.heard] == ["session:ended"]


async def test_an_answer_is_not_given_when_the_access_ended_in_between(nats_url: str) -> None:
    """12fd981: the answer was given after the access had ended, and the transport stayed open."""
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


async def test_a_socket_ends_with_its_api_key(mongo_url: str, tmp_path: Path) -> None:
    """12fd981: the expiry of a key did not travel; its socket was answered for ever."""
    async with platform(mongo_url, tmp_path) as running, running.stage.member() as member:
        until_when = (utc_now() + timedelta(seconds=3)).isoformat()
        body = {"name": "Till", "scopes": ["read"], "expires_at": until_when}
        made = (await member.http.post("/api/api-keys", json=body)).json()["data"]
        async with logged_in(running.realtime, made["key"]) as client:
            await until(lambda: client.closed)
            assert client.named("session:ended")[0]["code"] == "api_key_expired"
