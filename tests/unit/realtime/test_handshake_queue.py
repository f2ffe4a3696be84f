"""The order in which connections are opened."""

import asyncio

import pytest

from services.realtime import handshake_queue
from services.realtime.handshake_queue import HandshakeQueue
from shared.contracts.errors import Problem


async def test_a_known_address_does_not_wait_behind_a_burst_from_unknown_ones() -> None:
    queue, order = HandshakeQueue(interval_s=0.001), list[str]()
    queue.mark_known("member")

    async def open_connection(address: str) -> None:
        await queue.wait_turn(address)
        order.append(address)

    strangers = [asyncio.create_task(open_connection(f"stranger {number}")) for number in range(40)]
    await asyncio.sleep(0)
    await open_connection("member")
    assert order == ["member"]
    await asyncio.gather(*strangers)
    assert len(order) == 41


async def test_unknown_addresses_take_turns() -> None:
    queue, order = HandshakeQueue(interval_s=0.001), list[str]()

    async def open_connection(address: str) -> None:
        await queue.wait_turn(address)
        order.append(address)

    await asyncio.gather(*(open_connection("greedy") for _ in range(40)), open_connection("another"))
    assert order.index("another") <= 2


async def test_beyond_the_limit_handshakes_are_refused_and_the_queued_ones_continue() -> None:
    queue = HandshakeQueue(interval_s=0.001, max_waiting=3)
    waiting = [asyncio.create_task(queue.wait_turn(f"stranger {number}")) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Problem) as refused:
        await queue.wait_turn("one more")
    assert (refused.value.status, refused.value.code) == (503, "too_many_sockets")
    await asyncio.gather(*waiting)
    await queue.wait_turn("one more")


async def test_a_cancelled_handshake_leaves_the_queue() -> None:
    queue = HandshakeQueue(interval_s=0.001, max_waiting=1)
    waiting = asyncio.create_task(queue.wait_turn("stranger"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(5):
        await queue.wait_turn("stranger")


async def test_the_least_recently_seen_address_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake_queue, "MAX_KNOWN_ADDRESSES", 2)
    queue = HandshakeQueue(interval_s=60)
    for address in ("one", "two", "one", "three"):
        queue.mark_known(address)
    async with asyncio.timeout(5):
        await queue.wait_turn("one")
        await queue.wait_turn("three")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await queue.wait_turn("two")
