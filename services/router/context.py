"""What every handler needs: the store, the publisher, the clock, the lookup of numbers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.router.rules.send_checks import PendingLimits
from services.router.store import RouterStore
from shared.contracts.message import Message, utc_now
from shared.contracts.queries import NumberOwner
from shared.platform.keyed_locks import KeyedLocks


async def number_lookup_unavailable(_organization_id: str, _instance_id: str, _number: str) -> NumberOwner | None:
    """Where no instance can ask WhatsApp."""
    return None


class PublishMessages(Protocol):
    """shared/messaging/consumer.py's Publisher."""

    async def __call__(self, *messages: Message) -> None: ...


@dataclass(frozen=True)
class RouterContext:
    store: RouterStore
    publish: PublishMessages
    now: Callable[[], datetime] = utc_now
    find_number_owner: Callable[[str, str, str], Awaitable[NumberOwner | None]] = number_lookup_unavailable
    """Organization, instance, number → the WhatsApp account of the number; None when WhatsApp could not be asked."""
    pending_limits: PendingLimits = field(default_factory=PendingLimits)
    status_locks: KeyedLocks = field(default_factory=KeyedLocks)
    """Held while a status is stored and published, so that this process publishes statuses in the order in which they
    were stored. See `handlers/status_locks.py`."""
