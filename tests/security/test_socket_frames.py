"""No client can occupy memory beyond the payload limit, before its login or after it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from shared.contracts.ids import new_id
from tests.integration.realtime.conftest import service, token
from tests.security.socket_clients import PATH, logged_in, raw_client, realtime_process
from tests.waiting import until

PAYLOAD_LIMIT_BYTES, MB = 10_000, 1_000_000
MESSAGE_TOO_BIG = 1009
SOCKET_COUNT, FRAME_BYTES = 40, 12 * MB
MAX_GROWTH_BYTES = 100 * MB


async def test_a_message_over_the_limit_is_refused_by_the_websocket_itself(nats_url: str) -> None:
    """12fd981: up to 16 MB were read into memory and then discarded."""
    async with service(nats_url, socket_payload_limit=PAYLOAD_LIMIT_BYTES) as url:
        async with raw_client(url) as stranger, logged_in(url, token(new_id())) as member:
            for client in (stranger, member):
                await client.send('42["x","' + "x" * 2 * PAYLOAD_LIMIT_BYTES + '"]')
                await until(lambda client=client: client.closed)  # type: ignore[misc]
                assert client.close_code == MESSAGE_TOO_BIG
        async with logged_in(url, token("acme")) as client:
            assert (await client.call("join-organization", "acme"))["success"]


async def test_unfinished_frames_occupy_no_memory(nats_url: str, tmp_path: Path) -> None:
    """12fd981: 40 sockets with frames below 16 MB occupied 600 MB, which were not freed."""
    async with realtime_process(nats_url, tmp_path) as realtime:
        before, writers = realtime.resident_bytes, []
        for _ in range(SOCKET_COUNT):
            writers.append(await unfinished(realtime.url))
        async with logged_in(realtime.url, token("acme")) as client:
            assert (await client.call("join-organization", "acme"))["success"]
        assert realtime.resident_bytes - before < MAX_GROWTH_BYTES
        for writer in writers:
            writer.close()


async def handshaken(url: str, limit: int = 65_536) -> asyncio.StreamWriter:
    """An open WebSocket that is not read."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=limit)
    head = "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    writer.write(f"GET {PATH}websocket HTTP/1.1\r\n{head}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    return writer


async def unfinished(url: str) -> asyncio.StreamWriter:
    """A WebSocket on which all of a frame but its last bytes is sent, or as much as the server reads."""
    writer = await handshaken(url)
    writer.write(b"\x81\xff" + FRAME_BYTES.to_bytes(8, "big") + b"\0\0\0\0")
    piece = b"4" * 100_000
    try:
        async with asyncio.timeout(20):
            for _ in range(FRAME_BYTES // len(piece) - 1):
                writer.write(piece)
                await writer.drain()
    except (ConnectionError, TimeoutError):
        pass
    return writer


async def test_a_client_that_sends_pings_and_reads_nothing_is_disconnected(nats_url: str) -> None:
    """A regression test: nothing is claimed about 12fd981."""
    async with service(nats_url) as url:
        writer = await handshaken(url, limit=1_000)
        pings = (b"\x89\xfd\0\0\0\0" + b"x" * 125) * 1_000
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(flood(writer, pings), 40)
        async with logged_in(url, token("acme")) as client:
            assert (await client.call("join-organization", "acme"))["success"]


async def flood(writer: asyncio.StreamWriter, frames: bytes) -> None:
    while True:
        writer.write(frames)
        await writer.drain()


@pytest.mark.parametrize("declared", [True, False])
async def test_a_polling_body_over_the_limit_is_refused_before_it_is_read(nats_url: str, declared: bool) -> None:
    """12fd981: with a length it hung, without one everything was read and answered with `ok`."""
    async with service(nats_url, socket_payload_limit=PAYLOAD_LIMIT_BYTES) as url, aiohttp.ClientSession() as http:
        handshake = await (await http.get(f"{url}{PATH}polling")).text()
        address = f"{url}{PATH}polling&sid={json.loads(handshake[1:])['sid']}"
        body = b"4" * (10 * PAYLOAD_LIMIT_BYTES) if declared else endless()
        async with http.post(address, data=body, timeout=aiohttp.ClientTimeout(total=15)) as answer:
            assert (answer.status, (await answer.json())["code"]) == (413, "body_too_large")
        assert (await http.get(address)).status == 400


async def endless() -> AsyncIterator[bytes]:
    for _ in range(1_000):
        yield b"4" * 1_000
        await asyncio.sleep(0)
