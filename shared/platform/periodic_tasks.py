"""Work that is repeated for ever with a pause in between, such as a check for messages that wait too long."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from shared.platform.background import keep_running, stop_task
from shared.platform.outages import OUTAGE_ERRORS

log = logging.getLogger(__name__)


@asynccontextmanager
async def periodic_task(name: str, work: Callable[[], Awaitable[None]], interval_s: float) -> AsyncIterator[None]:
    """Call `work` every `interval_s` until the block ends, for the first time at once. What an outage leaves undone is
    for the next call; after any other error the task is restarted (background.py)."""

    async def run() -> None:
        while True:
            try:
                await work()
            except OUTAGE_ERRORS as error:
                log.warning("%s: MongoDB or NATS is unreachable, again in %g s: %r", name, interval_s, error)
            await asyncio.sleep(interval_s)

    task = keep_running(name, run)
    try:
        yield
    finally:
        await stop_task(task)
