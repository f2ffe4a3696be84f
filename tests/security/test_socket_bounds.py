"""Limits of connections and of their time without a login; a closed connection is really closed."""

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from shared.contracts.access_tokens import issue_token
from shared.contracts.ids import new_id
from shared.contracts.principal import Principal
from tests.integration.realtime.conftest import service, token
from tests.security.socket_clients import PATH, RawClient, logged_in, raw_client
from tests.token_keys import SIGNING_KEY
from tests.waiting import until


async def test_websockets_that_do_not_log_in_are_closed_and_others_stay(nats_url: str) -> None:
    """12fd981: 1,500 of 1,500 stayed for ever."""
    async with service(nats_url, socket_login_time=0.5) as url, AsyncExitStack() as stack:
        member = await stack.enter_async_context(logged_in(url, token("acme")))
        strangers = [await stack.enter_async_context(raw_client(url)) for _ in range(20)]
        for packet in ("3", "41", '42["x"]', "40/admin,{}"):
            await strangers[0].send(packet)
        await until(lambda: all(stranger.closed for stranger in strangers))
        assert (await member.call("join-organization", "acme"))["success"]


async def test_polling_sessions_that_do_not_log_in_are_closed(nats_url: str) -> None:
    """12fd981: they stayed as long as they polled."""
    async with service(nats_url, socket_login_time=0.5) as url, aiohttp.ClientSession() as http:
        handshake = await (await http.get(f"{url}{PATH}polling")).text()
        address = f"{url}{PATH}polling&sid={json.loads(handshake[1:])['sid']}"
        async with asyncio.timeout(20):
            while (await http.get(address)).status == 200:
                pass


async def test_an_address_has_a_limit_of_connections_and_of_those_without_login(nats_url: str) -> None:
    """12fd981: there was no limit."""
    bounds: dict[str, Any] = {"socket_max_pending": 5, "socket_max_per_address": 8, "socket_login_time": 60}
    async with service(nats_url, **bounds) as url, AsyncExitStack() as stack, aiohttp.ClientSession() as http:
        for _ in range(5):
            await stack.enter_async_context(raw_client(url))
        for _ in range(3):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await stack.enter_async_context(raw_client(url))
            assert refused.value.status == 429
        answer = await http.get(f"{url}{PATH}polling")
        assert (answer.status, (await answer.json())["code"]) == (429, "too_many_sockets")
    async with service(nats_url, **bounds) as url, AsyncExitStack() as stack:
        members = [await stack.enter_async_context(logged_in(url, token(new_id()))) for _ in range(8)]
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await stack.enter_async_context(raw_client(url))
        await members[0].send("41")
        await until(lambda: members[0].closed)
        async with asyncio.timeout(20):
            while True:
                with suppress(aiohttp.WSServerHandshakeError):
                    await stack.enter_async_context(logged_in(url, token(new_id())))
                    return


async def test_a_caller_and_an_organization_have_a_limit_of_sockets(nats_url: str) -> None:
    """12fd981: there was no limit."""
    organization_id = new_id()

    def token_of(subject: str) -> str:
        person = Principal(organization_id=organization_id, subject=subject)
        return issue_token(person, SIGNING_KEY, timedelta(minutes=5))

    async with (
        service(nats_url, socket_max_per_caller=2, socket_max_per_organization=3) as url,
        AsyncExitStack() as stack,
    ):
        first = await stack.enter_async_context(logged_in(url, token_of("nina")))
        await stack.enter_async_context(logged_in(url, token_of("nina")))
        assert "too_many_sockets" in await refusal(stack, url, token_of("nina"))
        await stack.enter_async_context(logged_in(url, token_of("tom")))
        assert "too_many_sockets" in await refusal(stack, url, token_of("eve"))
        await stack.enter_async_context(logged_in(url, token(new_id())))
        await first.send("41")
        await until(lambda: first.closed)
        async with asyncio.timeout(20):
            while "too_many_sockets" in await refusal(stack, url, token_of("nina")):
                pass


async def refusal(stack: AsyncExitStack, url: str, auth_token: str) -> str:
    client = await stack.enter_async_context(raw_client(url))
    return await client.log_in(auth_token)


@pytest.mark.parametrize("packet", ["41", "1"])
async def test_a_disconnect_closes_the_connection(nats_url: str, packet: str) -> None:
    """12fd981: after a Socket.IO disconnect the connection stayed open."""
    async with service(nats_url) as url, logged_in(url, token("acme")) as client:
        await client.send(packet)
        await until(lambda: client.closed)


async def test_a_disconnect_of_a_polling_client_closes_its_session(nats_url: str) -> None:
    """12fd981: it could log in again on the session, any number of times."""
    async with service(nats_url) as url, aiohttp.ClientSession() as http:
        handshake = await (await http.get(f"{url}{PATH}polling")).text()
        address = f"{url}{PATH}polling&sid={json.loads(handshake[1:])['sid']}"
        await http.post(address, data="40" + json.dumps({"token": token("acme")}))
        assert (await (await http.get(address)).text()).startswith("40")
        await http.post(address, data="41")
        async with asyncio.timeout(20):
            while (await http.get(address)).status == 200:
                pass


async def test_a_connection_allows_few_failed_logins(nats_url: str) -> None:
    """12fd981: 107,200 wrong credentials on one socket in 8 s."""
    async with service(nats_url) as url, raw_client(url) as client:
        for number in range(50):
            if client.closed:
                break
            with suppress(ConnectionError, aiohttp.ClientError):
                await client.send("40" + json.dumps({"token": f"wrong {number}"}))
        await until(lambda: client.closed)
        assert len(client.logins) <= 3
        assert all("token_invalid" in answer for answer in client.logins)


async def test_a_second_login_on_a_connection_changes_nothing(nats_url: str) -> None:
    mine, other = new_id(), new_id()
    async with service(nats_url) as url, logged_in(url, token(mine)) as client:
        assert (await client.log_in(token(other))).startswith("44")
        assert (await client.call("join-organization", other))["code"] == "organization_mismatch"
        assert (await client.call("join-organization", mine, number=2))["success"]


async def test_requests_in_progress_are_limited(nats_url: str) -> None:
    """12fd981: a socket had as many in progress as it could send."""
    async with service(nats_url, send_wait=30, socket_burst=200) as url, logged_in(url, token(new_id())) as client:
        for number in range(100):
            await client.send(f'42{number}["send_message",{{"to":"4915112345678","message":"hello"}}]')
        await until(lambda: len(rate_limited_acks(client)) >= 68)


def rate_limited_acks(client: RawClient) -> list[str]:
    return [packet for packet in client.packets if packet.startswith("43") and "rate_limited" in packet]


async def test_a_client_that_does_not_read_its_replies_is_dropped(nats_url: str, tmp_path: Path) -> None:
    """12fd981: all replies stayed in memory."""
    async with service(nats_url, socket_backlog_bytes=10_000, socket_rate=10_000, socket_burst=10_000) as url:
        host, port = url.removeprefix("http://").split(":")
        writer = await log_in_without_reading(host, int(port))
        body = b'421["send_message",{"to":"' + b"x" * 120 + b'"}]'
        frame = b"\x81\xfe" + len(body).to_bytes(2, "big") + b"\0\0\0\0" + body
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(flood(writer, frame * 200), 40)
        async with logged_in(url, token("acme")) as client:
            assert (await client.call("join-organization", "acme"))["success"]


async def flood(writer: asyncio.StreamWriter, frames: bytes) -> None:
    while True:
        writer.write(frames)
        await writer.drain()


async def log_in_without_reading(host: str, port: int) -> asyncio.StreamWriter:
    reader, writer = await asyncio.open_connection(host, port, limit=1_000)
    head = "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    writer.write(f"GET {PATH}websocket HTTP/1.1\r\n{head}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    login = ("40" + json.dumps({"token": token("globex")})).encode()
    writer.write(b"\x81\xfe" + len(login).to_bytes(2, "big") + b"\0\0\0\0" + login)
    return writer
