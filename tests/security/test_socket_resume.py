"""Clients that resume and do not read neither fill the memory nor keep others from resuming."""

import asyncio
import json
import re
import socket
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from websockets.asyncio.client import ClientConnection, connect

from services.realtime.round_robin_semaphore import RoundRobinSemaphore
from shared.contracts.ids import new_id
from shared.messaging.publisher import Publisher
from tests.integration.realtime.conftest import token
from tests.security.socket_clients import PATH, RealtimeProcess, changed, logged_in, publisher, realtime_process
from tests.waiting import until

SLOW_CLIENTS, EVENT_COUNT, EVENT_BYTES = 24, 60, 400_000
MAX_GROWTH_BYTES = 100_000_000
"""The slow clients request 24 x 24 MB."""


async def connect_slow_client(stack: AsyncExitStack, url: str, organization_id: str) -> ClientConnection:
    """A socket that requests all events and reads nothing."""
    parts, connection = urlsplit(url), socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.connect((parts.hostname, parts.port))
    address = url.replace("http", "ws") + PATH + "websocket"
    connected = await stack.enter_async_context(
        connect(address, sock=connection, max_queue=1, close_timeout=0.1, compression=None, ping_interval=None)
    )
    await connected.recv()
    await connected.send("40" + json.dumps({"token": token(organization_id), "since": 0}))
    await connected.recv()
    await connected.send("421" + json.dumps(["join-organization", {"organizationId": organization_id, "since": 0}]))
    return connected


async def fill(publish: Publisher, organization_id: str) -> None:
    for _ in range(EVENT_COUNT):
        await publish(changed(organization_id, "x" * EVENT_BYTES))


async def dropped(realtime: RealtimeProcess) -> float:
    """Sockets that were closed because they read too slowly."""
    async with aiohttp.ClientSession() as http, http.get(f"{realtime.url}/metrics") as answer:
        found = re.search(r"^switchboard_realtime_dropped_total\{.*\} (\S+)$", await answer.text(), re.MULTILINE)
    return float(found[1]) if found else 0.0


async def test_clients_that_resume_without_reading_occupy_little_memory_and_delay_nobody(
    nats_url: str, tmp_path: Path
) -> None:
    """12fd981: 92 -> 891 MB, and others were answered only after the slow clients had been dropped."""
    attackers, victim = new_id(), new_id()
    settings = {"WA_SOCKET_PATIENCE": "60"}
    async with (
        publisher(nats_url) as publish,
        realtime_process(nats_url, tmp_path, **settings) as realtime,
        AsyncExitStack() as stack,
    ):
        await fill(publish, attackers)
        await publish(changed(victim, "missed"))
        before = realtime.resident_bytes
        for _ in range(SLOW_CLIENTS):
            await connect_slow_client(stack, realtime.url, attackers)
        for number in range(5):
            async with logged_in(realtime.url, token(victim)) as client:
                request = {"organizationId": victim, "since": 0}
                answer = await client.call("join-organization", request, number=number)
                assert answer["success"], answer
                assert [payload["detail"] for payload in client.payloads_of("whatsapp:status")] == ["missed"]
        async with logged_in(realtime.url, token(attackers)) as client:
            request = {"organizationId": attackers, "since": 0}
            answer = await asyncio.wait_for(client.call("join-organization", request), 50)
            assert answer["success"], answer
            assert len(client.payloads_of("whatsapp:status")) == EVENT_COUNT
        assert await dropped(realtime) == 0
        assert realtime.resident_bytes - before < MAX_GROWTH_BYTES


async def test_organizations_take_turns_at_the_slots() -> None:
    slots, order = RoundRobinSemaphore(3, 2), list[str]()
    release = asyncio.Event()

    async def use(name: str) -> None:
        async with slots.slot(name[0]):
            order.append(name)
            await release.wait()
            await asyncio.sleep(0)

    greedy = [asyncio.create_task(use(f"a{number}")) for number in range(10)]
    await asyncio.sleep(0)
    others = [asyncio.create_task(use(name)) for name in ("b0", "c0", "b1")]
    await until(lambda: len(order) == 3)
    assert order == ["a0", "a1", "b0"]
    release.set()
    await asyncio.gather(*greedy, *others)
    assert set(order[:6]) > {"b0", "c0", "b1"}
    assert not any(slots.is_contended(key) for key in "abc")


async def test_a_cancelled_waiter_releases_its_slot() -> None:
    slots = RoundRobinSemaphore(1, 1)

    async def use() -> None:
        async with slots.slot("a"):
            await asyncio.sleep(0)

    async with slots.slot("b"):
        waiting = [asyncio.create_task(use()) for _ in range(5)]
        await asyncio.sleep(0)
        for task in waiting[:3]:
            task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.wait_for(use(), 5)
