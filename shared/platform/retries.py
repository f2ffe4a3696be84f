"""Retry an operation until what it needs is reachable (why not a library: docs/decisions/0039)."""

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.platform.outages import OUTAGE_ERRORS

RETRY_DELAY_S = 1.0
"""Constant, because an outage ends for all waiters at once; the jitter spreads them."""
JITTER = 0.25
"""Of the delay: a process waits between 0.75 and 1.25 times as long."""
LOG_INTERVAL_S = 60.0
"""Between two log lines of one waiter: thousands may wait for minutes."""

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
    logged_at = -math.inf
    while True:
        try:
            return await operation()
        except errors as error:
            if time.monotonic() - logged_at >= LOG_INTERVAL_S:
                logged_at = time.monotonic()
                reason = str(error)[:120] or type(error).__name__
                log.warning("%s: MongoDB or NATS is unreachable, retrying (%s)", what, reason)
            await asyncio.sleep(delay_s * random.uniform(1 - JITTER, 1 + JITTER))
