"""In which order transports are opened."""

import asyncio

import pytest

from services.realtime import handshake_queue
from services.realtime.handshake_queue import HandshakeQueue
from shared.contracts.errors import Problem


async def test_an_address_with_a_login_does_not_wait_behind_a_burst_of_strangers() -> None:
    turns, order = HandshakeQueue(interval_s=0.001), list[str]()
    turns.mark_known("member")

    async def opened(address: str) -> None:
        await turns.wait_turn(address)
        order.append(address)

    strangers = [asyncio.create_task(opened(f"stranger {number}")) for number in range(40)]
    await asyncio.sleep(0)
    await opened("member")
    assert order == ["member"]
    await asyncio.gather(*strangers)
    assert len(order) == 41


async def test_one_stranger_with_many_sockets_takes_turns_with_another() -> None:
    turns, order = HandshakeQueue(interval_s=0.001), list[str]()

    async def opened(address: str) -> None:
        await turns.wait_turn(address)
        order.append(address)

    await asyncio.gather(*(opened("greedy") for _ in range(40)), opened("another"))
    assert order.index("another") <= 2


async def test_more_strangers_than_may_wait_are_refused_and_the_others_go_on() -> None:
    turns = HandshakeQueue(interval_s=0.001, max_waiting=3)
    waiting = [asyncio.create_task(turns.wait_turn(f"stranger {number}")) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Problem) as refused:
        await turns.wait_turn("one more")
    assert (refused.value.status, refused.value.code) == (503, "too_many_sockets")
    await asyncio.gather(*waiting)
    await turns.wait_turn("one more")


async def test_a_stranger_that_gives_up_leaves_its_place() -> None:
    turns = HandshakeQueue(interval_s=0.001, max_waiting=1)
    waiting = asyncio.create_task(turns.wait_turn("stranger"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(5):
        await turns.wait_turn("stranger")


async def test_the_address_not_seen_for_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake_queue, "MAX_KNOWN_ADDRESSES", 2)
    turns = HandshakeQueue(interval_s=60)
    for address in ("one", "two", "one", "three"):
        turns.mark_known(address)
    async with asyncio.timeout(5):
        await turns.wait_turn("one")
        await turns.wait_turn("three")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await turns.wait_turn("two")
