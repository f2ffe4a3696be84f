"""Empties the caches of this process when another service or replica publishes what makes them outdated."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from pydantic import ValidationError

from services.api.access.caller_cache import CallerCache
from services.api.access.connected_instances import ConnectedInstances
from shared.contracts.errors import Reject
from shared.contracts.events import AccessRevoked, ConnectionChanged
from shared.messaging.client import NATS_OUTAGE_ERRORS, NatsClient, NatsMessage

log = logging.getLogger(__name__)


@asynccontextmanager
async def caches_follow_events(
    client: NatsClient, callers: CallerCache, instances: ConnectedInstances
) -> AsyncIterator[None]:
    """Subscribes while the block runs. Without an event, because it was lost, the caches are outdated for less than a
    second."""

    async def on_revoked(message: NatsMessage) -> None:
        callers.clear(AccessRevoked.from_nats(message.subject, message.data).organization_id)

    async def on_connection_changed(message: NatsMessage) -> None:
        event = ConnectionChanged.from_nats(message.subject, message.data)
        instances.remove(event.organization_id, event.instance_id)

    subscriptions = [
        await client.subscribe(AccessRevoked.subject_filter(), cb=_tolerant(on_revoked)),
        await client.subscribe(ConnectionChanged.subject_filter(), cb=_tolerant(on_connection_changed)),
    ]
    try:
        yield
    finally:
        for subscription in subscriptions:
            with suppress(*NATS_OUTAGE_ERRORS):
                await subscription.unsubscribe()


def _tolerant(handle: Callable[[NatsMessage], Awaitable[None]]) -> Callable[[NatsMessage], Awaitable[None]]:
    async def receive(message: NatsMessage) -> None:
        try:
            await handle(message)
        except (ValidationError, Reject):
            log.warning("unreadable event on %s", message.subject)

    return receive
