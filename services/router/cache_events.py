"""Removes from the caches of this process what another service, or another router, has changed."""

from contextlib import AbstractAsyncContextManager

from services.router.store import RouterStore
from shared.contracts.events import BookingCreated, BookingUpdated, ConnectionChanged, ContactUpdated, SettingsChanged
from shared.messaging.client import NatsClient
from shared.messaging.event_subscriptions import EventSubscription, subscribed_to_events


def caches_follow_events(client: NatsClient, store: RouterStore) -> AbstractAsyncContextManager[None]:
    """Subscribes while the block runs. Each cache says how long it may be outdated when an event is lost."""

    def on_connection_changed(event: ConnectionChanged) -> None:
        store.instances.on_connection_changed(event.organization_id)
        if event.phone_number:
            store.instances.on_number_linked(event.organization_id, event.instance_id, event.phone_number)

    def on_contact_updated(event: ContactUpdated) -> None:
        store.recent_contacts.forget((event.contact.id, *event.merged_ids))

    def on_booking_changed(event: BookingCreated | BookingUpdated) -> None:
        store.recent_contacts.forget((event.booking.contact_id,))

    def on_settings_changed(event: SettingsChanged) -> None:
        store.instances.on_settings_changed(event.organization_id)

    return subscribed_to_events(
        client,
        EventSubscription(ConnectionChanged, on_connection_changed),
        EventSubscription(ContactUpdated, on_contact_updated),
        EventSubscription(BookingCreated, on_booking_changed),
        EventSubscription(BookingUpdated, on_booking_changed),
        EventSubscription(SettingsChanged, on_settings_changed),
    )
