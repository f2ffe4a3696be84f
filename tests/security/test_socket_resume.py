"""Who resumes and does not read neither fills the memory nor keeps others from resuming."""

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
from tests.integration.realtime.conftest import token, until
from tests.security.socket_clients import PATH, RealtimeProcess, changed, logged_in, publisher, realtime_process

DEAF, EVENTS, SIZE = 24, 60, 400_000
GROWTH = 100_000_000
"""Bytes. What the deaf sockets want is 24 x 24 MB."""


async def deaf(stack: AsyncExitStack, url: str, organization_id: str) -> ClientConnection:
    """A socket that wants everything and reads nothing."""
    parts, made = urlsplit(url), socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    made.connect((parts.hostname, parts.port))
    address = url.replace("http", "ws") + PATH + "websocket"
    opened = await stack.enter_async_context(
        connect(address, sock=made, max_queue=1, close_timeout=0.1, compression=None, ping_interval=None)
    )
    await opened.recv()
    await opened.send("40" + json.dumps({"token": token(organization_id), "since": 0}))
    await opened.recv()
    await opened.send("421" + json.dumps(["join-organization", {"organizationId": organization_id, "since": 0}]))
    return opened


async def fill(publish: Publisher, organization_id: str) -> None:
    for _ in range(EVENTS):
        await publish(changed(organization_id, "x" * SIZE))


async def dropped(realtime: RealtimeProcess) -> float:
    """Sockets that were ended because they read too slowly."""
    async with aiohttp.ClientSession() as http, http.get(f"{realtime.url}/metrics") as answer:
        found = re.search(r"^switchboard_realtime_dropped_total\{.*\} (\S+)$", await answer.text(), re.MULTILINE)
    return float(found[1]) if found else 0.0


async def test_deaf_resumers_cost_little_memory_and_others_are_answered_meanwhile(
    nats_url: str, tmp_path: Path
) -> None:
    """12fd981: 92 -> 891 MB, and who joined was answered when the deaf sockets had been dropped."""
    attackers, victim = new_id(), new_id()
    patience = {"WA_SOCKET_PATIENCE": "60"}
    async with (
        publisher(nats_url) as publish,
        realtime_process(nats_url, tmp_path, **patience) as realtime,
        AsyncExitStack() as stack,
    ):
        await fill(publish, attackers)
        await publish(changed(victim, "missed"))
        before = realtime.memory
        for _ in range(DEAF):
            await deaf(stack, realtime.url, attackers)
        for number in range(5):
            async with logged_in(realtime.url, token(victim)) as client:
                wanted = {"organizationId": victim, "since": 0}
                answer = await client.ask("join-organization", wanted, number=number)
                assert answer["success"], answer
                assert [payload["detail"] for payload in client.named("whatsapp:status")] == ["missed"]
        async with logged_in(realtime.url, token(attackers)) as client:
            wanted = {"organizationId": attackers, "since": 0}
            answer = await asyncio.wait_for(client.ask("join-organization", wanted), 50)
            assert answer["success"], answer
            assert len(client.named("whatsapp:status")) == EVENTS
        assert await dropped(realtime) == 0
        assert realtime.memory - before < GROWTH


async def test_slots_go_round_among_the_organizations() -> None:
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


async def test_a_cancelled_wait_gives_its_slot_back() -> None:
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
