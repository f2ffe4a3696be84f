"""A client that comes back to another replica is in its rooms again, and in no room that it may not join now."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from shared.contracts.principal import Principal, issue_token
from shared.contracts.registry import MAX_ROOMS_BYTES, ROOMS_PREFIX, ROOMS_RETENTION, ROOMS_STREAM
from shared.messaging.publisher import Publisher
from tests.integration.realtime.conftest import service, token
from tests.integration.realtime.raw_socket import RawSocket
from tests.integration.realtime.test_session_rooms import SHOWN, Account
from tests.integration.realtime.test_session_rooms import account as account
from tests.token_keys import SIGNING_KEY


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def replicas(nats_url: str) -> AsyncIterator[list[str]]:
    async with AsyncExitStack() as opened:
        yield [await opened.enter_async_context(service(nats_url)) for _ in range(2)]


async def joined(http: aiohttp.ClientSession, url: str, auth_token: str) -> RawSocket:
    """A socket that waits for the session."""
    socket = RawSocket(http)
    await socket.connect(url, {"token": auth_token})
    assert await socket.ask("join-session", "my-session") == {"success": True}
    return socket


async def hears_again(http: aiohttp.ClientSession, url: str, auth_token: str, pid: str, account: Account) -> None:
    """Without joining."""
    socket = RawSocket(http)
    await socket.connect(url, {"token": auth_token, "pid": pid})
    async with asyncio.timeout(30):
        while ("qr-code", SHOWN) not in socket.heard:
            await account.shows_code()
            await asyncio.sleep(0.02)
    await socket.cut()


async def comes_back(http: aiohttp.ClientSession, url: str, auth_token: str, pid: str, account: Account) -> bool:
    """Whether a socket that shows this pid hears the session. Another one, which joins behind it, certainly does."""
    socket = RawSocket(http)
    await socket.connect(url, {"token": auth_token, "pid": pid})
    witness = await joined(http, url, token(account.organization_id))
    async with asyncio.timeout(30):
        while ("qr-code", SHOWN) not in witness.heard:
            await account.shows_code()
            await asyncio.sleep(0.02)
    await socket.ask("leave-session", "other")  # what was told before it is heard now
    heard = any(name == "qr-code" for name, _ in socket.heard)
    for each in (socket, witness):
        await each.cut()
    return heard


async def test_the_rooms_of_a_connection_are_restored_at_another_replica(
    replicas: list[str], http: aiohttp.ClientSession, account: Account
) -> None:
    own = token(account.organization_id)
    first = await joined(http, replicas[0], own)
    await first.cut()
    await hears_again(http, replicas[1], own, first.pid, account)


async def test_a_replica_that_stops_hands_the_rooms_over(
    nats_url: str, http: aiohttp.ClientSession, account: Account
) -> None:
    own = token(account.organization_id)
    async with service(nats_url) as other:
        async with service(nats_url) as stopping:
            first = await joined(http, stopping, own)
        await hears_again(http, other, own, first.pid, account)


async def test_a_connection_that_is_not_known_to_be_broken_is_followed_at_the_same_replica(
    replicas: list[str], http: aiohttp.ClientSession, account: Account
) -> None:
    """The network is gone and no packet says so: the client is back before the server notices."""
    own = token(account.organization_id)
    first = await joined(http, replicas[0], own)
    await hears_again(http, replicas[0], own, first.pid, account)
    await first.cut()


def of(organization_id: str, subject: str = "user", **fields: Any) -> str:
    principal = Principal(organization_id=organization_id, subject=subject, **fields)
    return issue_token(principal, SIGNING_KEY, ROOMS_RETENTION)


async def test_a_stolen_pid_opens_no_room(replicas: list[str], http: aiohttp.ClientSession, account: Account) -> None:
    """Of another tenant, of another user, of an API key; and of the same user without the scope, since."""
    organization_id = account.organization_id
    reader = frozenset({"read", "send"})
    for thief in (
        of("evil"),
        of(organization_id, "eve"),
        of(organization_id, "key:user"),
        of(organization_id, scopes=reader),
    ):
        victim = await joined(http, replicas[0], token(organization_id))
        await victim.cut()
        assert not await comes_back(http, replicas[1], thief, victim.pid, account)


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
async def test_what_is_no_list_of_rooms_does_nothing(
    replicas: list[str], http: aiohttp.ClientSession, account: Account, nats: Client, rooms: Any
) -> None:
    """Only realtime may write there; if somebody else does, no handler but those of rooms is called."""
    pid = "0123456789abcdef" * 2
    caller = [account.organization_id, "user"]
    await nats.publish(ROOMS_PREFIX + pid, json.dumps({"caller": caller, "rooms": rooms}).encode())
    await nats.flush()
    assert not await comes_back(http, replicas[0], token(account.organization_id), pid, account)


@pytest.mark.parametrize("pid", ["*", ">", "a.b", "", "0" * 31, "0" * 10_000, "\r\nPUB x 0\r\n", "éé"])
async def test_a_made_up_pid_connects_and_finds_nothing(
    replicas: list[str], http: aiohttp.ClientSession, account: Account, pid: str
) -> None:
    victim = await joined(http, replicas[0], token(account.organization_id))
    assert not await comes_back(http, replicas[1], token(account.organization_id), pid, account)
    await victim.cut()


async def test_without_the_stream_of_rooms_clients_connect_and_join_as_before(
    replicas: list[str], http: aiohttp.ClientSession, account: Account, js: JetStreamContext, publish: Publisher
) -> None:
    """The api of the version before declares none."""
    config = (await js.stream_info(ROOMS_STREAM)).config
    await js.delete_stream(ROOMS_STREAM)
    try:
        own = token(account.organization_id)
        first = await joined(http, replicas[0], own)
        await first.cut()
        assert not await comes_back(http, replicas[1], own, first.pid, account)
    finally:
        await js.add_stream(config)


async def test_what_is_kept_is_bounded_in_number_size_and_time(js: JetStreamContext) -> None:
    config = (await js.stream_info(ROOMS_STREAM)).config
    assert (config.max_msgs_per_subject, config.max_bytes) == (1, MAX_ROOMS_BYTES)
    assert config.max_age == ROOMS_RETENTION.total_seconds()
    assert config.max_msg_size
    assert 0 < config.max_msg_size < 100_000
