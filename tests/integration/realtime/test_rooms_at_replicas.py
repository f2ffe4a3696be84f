"""A client that reconnects to another replica is in its rooms again, and in no room that it may not join now."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from shared.contracts.access_tokens import issue_token
from shared.contracts.principal import Principal
from shared.contracts.registry import MAX_ROOMS_BYTES, ROOMS_PREFIX, ROOMS_RETENTION, ROOMS_STREAM
from shared.messaging.publisher import Publisher
from tests.integration.realtime.conftest import service, token
from tests.integration.realtime.raw_socket import RawSocket
from tests.integration.realtime.test_session_rooms import SHOWN_CODE, FakeInstance
from tests.integration.realtime.test_session_rooms import account as account
from tests.token_keys import SIGNING_KEY


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def replicas(nats_url: str) -> AsyncIterator[list[str]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(service(nats_url)) for _ in range(2)]


async def join_session(http: aiohttp.ClientSession, url: str, auth_token: str) -> RawSocket:
    """A socket in the room of the session."""
    socket = RawSocket(http)
    await socket.connect(url, {"token": auth_token})
    assert await socket.call("join-session", "my-session") == {"success": True}
    return socket


async def require_restored(
    http: aiohttp.ClientSession, url: str, auth_token: str, pid: str, account: FakeInstance
) -> None:
    """The socket receives the session's code without joining again."""
    socket = RawSocket(http)
    await socket.connect(url, {"token": auth_token, "pid": pid})
    async with asyncio.timeout(30):
        while ("qr-code", SHOWN_CODE) not in socket.received:
            await account.publish_code()
            await asyncio.sleep(0.02)
    await socket.cut()


async def is_restored(http: aiohttp.ClientSession, url: str, auth_token: str, pid: str, account: FakeInstance) -> bool:
    """Whether a socket that connects with this pid receives the session's code; the control, which joins, does."""
    socket = RawSocket(http)
    await socket.connect(url, {"token": auth_token, "pid": pid})
    control = await join_session(http, url, token(account.organization_id))
    async with asyncio.timeout(30):
        while ("qr-code", SHOWN_CODE) not in control.received:
            await account.publish_code()
            await asyncio.sleep(0.02)
    await socket.call("leave-session", "other")  # earlier events arrive before this answer
    receives_code = any(name == "qr-code" for name, _ in socket.received)
    for each in (socket, control):
        await each.cut()
    return receives_code


async def test_the_rooms_of_a_connection_are_restored_at_another_replica(
    replicas: list[str], http: aiohttp.ClientSession, account: FakeInstance
) -> None:
    own = token(account.organization_id)
    first = await join_session(http, replicas[0], own)
    await first.cut()
    await require_restored(http, replicas[1], own, first.pid, account)


async def test_the_rooms_of_a_stopping_replica_are_restored_at_another(
    nats_url: str, http: aiohttp.ClientSession, account: FakeInstance
) -> None:
    own = token(account.organization_id)
    async with service(nats_url) as other:
        async with service(nats_url) as stopping:
            first = await join_session(http, stopping, own)
        await require_restored(http, other, own, first.pid, account)


async def test_rooms_are_restored_before_the_server_notices_that_the_connection_broke(
    replicas: list[str], http: aiohttp.ClientSession, account: FakeInstance
) -> None:
    """Without a close frame the client reconnects first."""
    own = token(account.organization_id)
    first = await join_session(http, replicas[0], own)
    await require_restored(http, replicas[0], own, first.pid, account)
    await first.cut()


def token_of(organization_id: str, subject: str = "user", **fields: Any) -> str:
    principal = Principal(organization_id=organization_id, subject=subject, **fields)
    return issue_token(principal, SIGNING_KEY, ROOMS_RETENTION)


async def test_a_stolen_pid_opens_no_room(
    replicas: list[str], http: aiohttp.ClientSession, account: FakeInstance
) -> None:
    """By another tenant, another user, an API key, and by the same user who has lost the scope."""
    organization_id = account.organization_id
    reader = frozenset({"read", "send"})
    for thief in (
        token_of("evil"),
        token_of(organization_id, "eve"),
        token_of(organization_id, "key:user"),
        token_of(organization_id, scopes=reader),
    ):
        victim = await join_session(http, replicas[0], token(organization_id))
        await victim.cut()
        assert not await is_restored(http, replicas[1], thief, victim.pid, account)


@pytest.mark.parametrize(
    "rooms",
    [
        [["send_message", {"to": "4915112345678", "message": "hello"}]],
        [["join-session", "my-session"]] * 51,
        [["join-session", {"sessionName": "my-session"}]],
        [["join-session", "x" * 1_000]],
        "join-session",
        None,
    ],
)
async def test_an_invalid_list_of_rooms_has_no_effect(
    replicas: list[str], http: aiohttp.ClientSession, account: FakeInstance, nats: Client, rooms: Any
) -> None:
    """Only realtime may write there; if another service does, only handlers of rooms can be called."""
    pid = "0123456789abcdef" * 2
    caller = [account.organization_id, "user"]
    await nats.publish(ROOMS_PREFIX + pid, json.dumps({"caller": caller, "rooms": rooms}).encode())
    await nats.flush()
    assert not await is_restored(http, replicas[0], token(account.organization_id), pid, account)


@pytest.mark.parametrize("pid", ["*", ">", "a.b", "", "0" * 31, "0" * 10_000, "\r\nPUB x 0\r\n", "éé"])
async def test_a_made_up_pid_restores_nothing(
    replicas: list[str], http: aiohttp.ClientSession, account: FakeInstance, pid: str
) -> None:
    victim = await join_session(http, replicas[0], token(account.organization_id))
    assert not await is_restored(http, replicas[1], token(account.organization_id), pid, account)
    await victim.cut()


async def test_without_the_stream_of_rooms_clients_connect_and_join_as_before(
    replicas: list[str], http: aiohttp.ClientSession, account: FakeInstance, js: JetStreamContext, publish: Publisher
) -> None:
    """The api of the previous version does not declare it."""
    config = (await js.stream_info(ROOMS_STREAM)).config
    await js.delete_stream(ROOMS_STREAM)
    try:
        own = token(account.organization_id)
        first = await join_session(http, replicas[0], own)
        await first.cut()
        assert not await is_restored(http, replicas[1], own, first.pid, account)
    finally:
        await js.add_stream(config)


async def test_the_stream_of_rooms_is_bounded_in_number_size_and_age(js: JetStreamContext) -> None:
    config = (await js.stream_info(ROOMS_STREAM)).config
    assert (config.max_msgs_per_subject, config.max_bytes) == (1, MAX_ROOMS_BYTES)
    assert config.max_age == ROOMS_RETENTION.total_seconds()
    assert config.max_msg_size
    assert 0 < config.max_msg_size < 100_000
