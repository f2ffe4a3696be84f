"""A socket ends with the login, the user, the role or the API key it was opened with, on every replica."""

import asyncio
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from socketio.exceptions import ConnectionError as Refused

from shared.contracts.events import AccessRevoked
from shared.contracts.ids import new_id
from shared.contracts.principal import Principal, issue_token
from shared.messaging.publisher import Publisher
from tests.integration.realtime.conftest import Browser, browser, service, token, until
from tests.token_keys import SIGNING_KEY


def of(person: Principal) -> str:
    return issue_token(person, SIGNING_KEY, timedelta(minutes=5))


def ended(organization_id: str, **fields: Any) -> AccessRevoked:
    return AccessRevoked.model_validate({"organization_id": organization_id, "reason": "it is over"} | fields)


async def over(socket: Browser, code: str) -> None:
    await until(lambda: not socket.client.connected)
    assert socket.named("session:ended") == [{"code": code, "reason": "it is over"}]


async def test_the_sockets_of_a_login_end_on_both_replicas_and_no_others(nats_url: str, publish: Publisher) -> None:
    organization_id = new_id()
    nina = Principal(organization_id=organization_id, subject="nina", session_id="one").with_role("agent")
    others = (nina.model_copy(update={"session_id": "two"}), nina.model_copy(update={"session_id": None}))
    async with AsyncExitStack() as opened:
        replicas = [await opened.enter_async_context(service(nats_url)) for _ in range(2)]
        mine = [await opened.enter_async_context(browser(url, of(nina))) for url in replicas]
        rest = [await opened.enter_async_context(browser(url, of(other))) for url in replicas for other in others]
        await publish(ended(organization_id, code="login_ended", login_ids=["one"]))
        for socket in mine:
            await over(socket, "login_ended")
        assert all(socket.client.connected and not socket.named("session:ended") for socket in rest)
        await publish(ended(organization_id, code="role_changed", holder="nina", role="viewer"))
        for socket in rest:
            await over(socket, "role_changed")
        for url in replicas:
            async with browser(url, of(others[0].with_role("viewer"))) as again:
                assert again.client.connected


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_valid_token_of_an_ended_login_opens_no_socket(nats_url: str, publish: Publisher, when: str) -> None:
    """Whether the service ran already when the login ended or not."""
    organization_id = new_id()
    old = of(Principal(organization_id=organization_id, subject="nina", session_id="one"))
    event = ended(organization_id, code="password_changed", login_ids=["one"])
    if when == "before":
        await publish(event)
    async with service(nats_url) as url:
        if when == "after":
            async with browser(url, old) as socket:
                await publish(event)
                await over(socket, "password_changed")
        await refused(url, old)
        async with browser(url, token(organization_id)) as other:
            assert other.client.connected


async def refused(url: str, auth_token: str) -> None:
    """A service that has just started may let one in that it ends at once."""
    async with asyncio.timeout(20):
        with suppress(Refused):
            while True:
                async with browser(url, auth_token) as socket:
                    await until(partial(ending, socket))


def ending(socket: Browser) -> bool:
    return not socket.client.connected
