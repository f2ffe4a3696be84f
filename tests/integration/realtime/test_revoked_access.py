"""A socket is closed on every replica when its login, user, role or API key is revoked."""

import asyncio
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from socketio.exceptions import ConnectionError as Refused

from shared.contracts.access_tokens import issue_token
from shared.contracts.events import AccessRevoked
from shared.contracts.ids import new_id
from shared.contracts.principal import Principal
from shared.messaging.publisher import Publisher
from tests.integration.realtime.conftest import Browser, browser, service, token
from tests.token_keys import SIGNING_KEY
from tests.waiting import until


def token_of(person: Principal) -> str:
    return issue_token(person, SIGNING_KEY, timedelta(minutes=5))


def revoked(organization_id: str, **fields: Any) -> AccessRevoked:
    return AccessRevoked.model_validate({"organization_id": organization_id, "reason": "it is over"} | fields)


async def closed_with(socket: Browser, code: str) -> None:
    await until(lambda: not socket.client.connected)
    assert socket.payloads_of("session:ended") == [{"code": code, "reason": "it is over"}]


async def test_a_revoked_login_closes_its_sockets_on_both_replicas_and_no_others(
    nats_url: str, publish: Publisher
) -> None:
    organization_id = new_id()
    nina = Principal(organization_id=organization_id, subject="nina", session_id="one").with_role("agent")
    others = (nina.model_copy(update={"session_id": "two"}), nina.model_copy(update={"session_id": None}))
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(service(nats_url)) for _ in range(2)]
        own_sockets = [await stack.enter_async_context(browser(url, token_of(nina))) for url in replicas]
        other_sockets = [
            await stack.enter_async_context(browser(url, token_of(other))) for url in replicas for other in others
        ]
        await publish(revoked(organization_id, code="login_ended", login_ids=["one"]))
        for socket in own_sockets:
            await closed_with(socket, "login_ended")
        assert all(socket.client.connected and not socket.payloads_of("session:ended") for socket in other_sockets)
        await publish(revoked(organization_id, code="role_changed", holder="nina", role="viewer"))
        for socket in other_sockets:
            await closed_with(socket, "role_changed")
        for url in replicas:
            async with browser(url, token_of(others[0].with_role("viewer"))) as again:
                assert again.client.connected


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_valid_token_of_a_revoked_login_opens_no_socket(nats_url: str, publish: Publisher, when: str) -> None:
    """The login is revoked before the service starts, or after."""
    organization_id = new_id()
    old = token_of(Principal(organization_id=organization_id, subject="nina", session_id="one"))
    event = revoked(organization_id, code="password_changed", login_ids=["one"])
    if when == "before":
        await publish(event)
    async with service(nats_url) as url:
        if when == "after":
            async with browser(url, old) as socket:
                await publish(event)
                await closed_with(socket, "password_changed")
        await refused(url, old)
        async with browser(url, token(organization_id)) as other:
            assert other.client.connected


async def refused(url: str, auth_token: str) -> None:
    """A service that has just started may accept a socket and close it at once."""
    async with asyncio.timeout(20):
        with suppress(Refused):
            while True:
                async with browser(url, auth_token) as socket:
                    await until(partial(is_closed, socket))


def is_closed(socket: Browser) -> bool:
    return not socket.client.connected
