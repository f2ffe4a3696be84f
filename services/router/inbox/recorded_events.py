"""The events that a recorded message makes. Pure."""

from collections.abc import Sequence
from typing import TypedDict

from services.router.inbox.steps import Record
from services.router.rules.classification import PLACEHOLDER_TYPES
from shared.contracts.events import BookingCreated, BookingUpdated, ContactCreated, ContactUpdated, MessageRecorded
from shared.contracts.ids import derived_id
from shared.contracts.message import Event
from shared.contracts.records import Booking, Contact, MessageRecord


class _Origin(TypedDict):
    organization_id: str
    instance_id: str
    cause: str


def events_of(
    record: Record,
    message: MessageRecord,
    opened: Booking | None = None,
    cancelled: Sequence[Booking] = (),
    former_holders: Sequence[Contact] = (),
) -> list[Event]:
    """In the order in which a reader needs them: contacts, bookings, the message.

    message: as it is stored. opened: the booking of this message. cancelled: bookings that a merge closed.
    former_holders: contacts that lost their number.
    """
    event, contact = record.event, record.contact
    common: _Origin = {
        "organization_id": event.organization_id,
        "instance_id": event.instance_id,
        "cause": event.id,
    }
    events: list[Event] = [
        ContactUpdated(id=derived_id(event.id, "former", holder.id), contact=holder, **common)
        for holder in former_holders
    ]
    if contact and contact.created:
        events.append(ContactCreated(id=derived_id(event.id, "contact"), contact=contact.contact, **common))
    elif contact and contact.updated:
        events.append(
            ContactUpdated(
                id=derived_id(event.id, "contact"), contact=contact.contact, merged_ids=contact.merged_ids, **common
            )
        )
    events += [BookingUpdated(id=derived_id(event.id, one.id), booking=one, **common) for one in cancelled]
    if opened:
        events.append(BookingCreated(id=derived_id(message.id, "booking-created"), booking=opened, **common))
    what = ("recorded", event.type) if event.type in PLACEHOLDER_TYPES else ("recorded",)
    return [*events, MessageRecorded(id=derived_id(message.id, *what), message=message, **common)]
