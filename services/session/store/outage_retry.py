"""Repeats a MongoDB operation until MongoDB is reachable."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.platform.mongo import TRANSIENT_ERRORS

RETRY_DELAY_S = 1.0
R = TypeVar("R")
log = logging.getLogger(__name__)


async def retry_during_outage(what: str, operation: Callable[[], Awaitable[R]]) -> R:
    """`what` is not done yet, for the log. Raises what is not an outage."""
    while True:
        try:
            return await operation()
        except TRANSIENT_ERRORS as error:
            log.warning("%s: MongoDB is unreachable, retrying: %s", what, str(error)[:120])
            await asyncio.sleep(RETRY_DELAY_S)
