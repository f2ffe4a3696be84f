"""Periodic tasks."""

import asyncio

from shared.platform.periodic_tasks import periodic_task


async def test_what_an_outage_leaves_undone_is_done_by_the_next_call_and_nothing_after_the_block() -> None:
    calls, done = 0, asyncio.Event()

    async def work() -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise ConnectionError("away")
        done.set()

    async with asyncio.timeout(20), periodic_task("a check", work, interval_s=0):
        await done.wait()
    calls_in_the_block = calls
    for _ in range(10):
        await asyncio.sleep(0)
    assert calls == calls_in_the_block
