"""Events at the moment they are published, in every process that subscribes: for caches that they make outdated."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from shared.contracts.errors import Reject
from shared.contracts.message import Event
from shared.messaging.client import NATS_OUTAGE_ERRORS, NatsClient, NatsMessage

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EventSubscription:
    """`handle` is called for each event of this class. It must not raise, and not block."""

    event_class: type[Event]
    handle: Callable[[Any], None]


@asynccontextmanager
async def subscribed_to_events(client: NatsClient, *subscriptions: EventSubscription) -> AsyncIterator[None]:
    """Subscribes on core NATS while the block runs: an event is lost when the connection is down, or this process too
    slow. Unreadable events are logged and dropped."""
    opened = [await client.subscribe(one.event_class.subject_filter(), cb=_receiver(one)) for one in subscriptions]
    try:
        yield
    finally:
        for subscription in opened:
            with suppress(*NATS_OUTAGE_ERRORS):
                await subscription.unsubscribe()


def _receiver(subscription: EventSubscription) -> Callable[[NatsMessage], Awaitable[None]]:
    async def receive(message: NatsMessage) -> None:
        try:
            event = subscription.event_class.from_nats(message.subject, message.data)
        except (ValidationError, Reject):
            log.warning("unreadable event on %s", message.subject)
            return
        subscription.handle(event)

    return receive
