"""What every handler needs: the store, the way out, the clock."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.router.store import Store
from shared.message import Message, utc_now
from shared.queries import NumberOwner


async def nobody_to_ask(_organization_id: str, _instance_id: str, _number: str) -> NumberOwner | None:
    """The answer while WhatsApp cannot be asked."""
    return None


@dataclass(frozen=True)
class Context:
    store: Store
    publish: Callable[[Message], Awaitable[None]]
    now: Callable[[], datetime] = utc_now
    whose_number: Callable[[str, str, str], Awaitable[NumberOwner | None]] = nobody_to_ask
    """Organization, instance, number → its owner on WhatsApp, None when WhatsApp could not be asked."""

    async def publish_all(self, messages: Sequence[Message]) -> None:
        """In this order, without waiting for each; returns when all are stored."""
        await asyncio.gather(*(self.publish(message) for message in messages))
