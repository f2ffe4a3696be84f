"""Retry an operation until what it needs is reachable.

Not a library: it would replace six lines, and its exponential backoff is not wanted. An outage of MongoDB or NATS ends
for all waiters at once, so the delay is constant, with jitter that spreads them.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.platform.outages import OUTAGE_ERRORS

RETRY_DELAY_S = 1.0
JITTER = 0.25
"""Of the delay: a process waits between 0.75 and 1.25 times as long."""

R = TypeVar("R")
log = logging.getLogger(__name__)


async def retry_during_outage(
    what: str,
    operation: Callable[[], Awaitable[R]],
    *,
    errors: tuple[type[Exception], ...] = OUTAGE_ERRORS,
    delay_s: float = RETRY_DELAY_S,
) -> R:
    """The result of `operation`, called again as often as it raises one of `errors`. `what` is not done yet, for the
    log. Any other error is raised."""
    while True:
        try:
            return await operation()
        except errors as error:
            reason = str(error)[:120] or type(error).__name__
            log.warning("%s: MongoDB or NATS is unreachable, retrying (%s)", what, reason)
            await asyncio.sleep(delay_s * random.uniform(1 - JITTER, 1 + JITTER))
