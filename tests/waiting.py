"""Waiting for what other tasks and processes do: short pauses and a long bound, because the machine may be busy."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

MAX_WAIT_S = 60.0
_POLL_INTERVAL_S = 0.01


@overload
async def until(condition: Callable[[], Awaitable[T | None]], max_wait_s: float = MAX_WAIT_S) -> T: ...
@overload
async def until(condition: Callable[[], T | None], max_wait_s: float = MAX_WAIT_S) -> T: ...
async def until(condition: Callable[[], Any], max_wait_s: float = MAX_WAIT_S) -> Any:
    """The first result that is true. Raises TimeoutError."""
    async with asyncio.timeout(max_wait_s):
        while True:
            result = condition()
            if inspect.isawaitable(result):
                result = await result
            if result:
                return result
            await asyncio.sleep(_POLL_INTERVAL_S)
