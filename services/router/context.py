"""What every handler needs: the store, the way out, the clock."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.router.store import Store
from shared.message import Message, utc_now


@dataclass(frozen=True)
class Context:
    store: Store
    publish: Callable[[Message], Awaitable[None]]
    now: Callable[[], datetime] = utc_now

    async def publish_all(self, messages: Sequence[Message]) -> None:
        """In this order, without waiting for each; returns when all are stored."""
        await asyncio.gather(*(self.publish(message) for message in messages))
