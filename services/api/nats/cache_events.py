"""Empties the caches of this process when another service or replica publishes what makes them outdated."""

from contextlib import AbstractAsyncContextManager

from services.api.access.caller_cache import CallerCache
from services.api.access.connected_instances import ConnectedInstances
from shared.contracts.events import AccessRevoked, ConnectionChanged
from shared.messaging.client import NatsClient
from shared.messaging.event_subscriptions import EventSubscription, subscribed_to_events


def caches_follow_events(
    client: NatsClient, callers: CallerCache, instances: ConnectedInstances
) -> AbstractAsyncContextManager[None]:
    """Subscribes while the block runs. Without an event, because it was lost, the caches are outdated for less than a
    second."""

    def on_revoked(event: AccessRevoked) -> None:
        callers.clear(event.organization_id)

    def on_connection_changed(event: ConnectionChanged) -> None:
        instances.remove(event.organization_id, event.instance_id)

    return subscribed_to_events(
        client,
        EventSubscription(AccessRevoked, on_revoked),
        EventSubscription(ConnectionChanged, on_connection_changed),
    )
