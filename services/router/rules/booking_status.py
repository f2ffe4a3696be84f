"""Bookings: which message opens one, and how its status may change. Pure."""

from datetime import datetime

from shared.contracts.commands import CreateBooking
from shared.contracts.ids import derived_id
from shared.contracts.records import Booking, MessageRecord
from shared.contracts.records import BookingStatus as S

OPEN_STATUSES = frozenset({S.PENDING, S.CONFIRMED})
"""Unless bookings are parallel, a contact has at most one booking with one of these statuses."""

_TRANSITIONS: dict[S, frozenset[S]] = {
    S.PENDING: frozenset({S.CONFIRMED, S.COMPLETED, S.NO_SHOW, S.CANCELLED}),
    S.CONFIRMED: frozenset({S.COMPLETED, S.NO_SHOW, S.CANCELLED}),
}


def may_change(current: S, wanted: S) -> bool:
    """Completed, no-show and cancelled are final."""
    return wanted in _TRANSITIONS.get(current, ())


def may_reschedule(current: S) -> bool:
    """Only an open booking can get another time."""
    return current in OPEN_STATUSES


def booking_id(opened_by: str) -> str:
    """The id of the booking that a message record or a command opens: the same on redelivery."""
    return derived_id("booking", opened_by)


def booking_from_command(command: CreateBooking, instance_id: str, now: datetime) -> Booking:
    """The booking that a user creates; the same id on redelivery."""
    return Booking(
        id=booking_id(command.id),
        organization_id=command.organization_id,
        instance_id=instance_id,
        contact_id=command.contact_id,
        status=S.PENDING,
        text=command.text,
        starts_at=command.starts_at,
        created_at=now,
        updated_at=now,
    )


def booking_from_message(message: MessageRecord, contact_id: str, now: datetime) -> Booking:
    """The booking that a contact's message opens."""
    return Booking(
        id=booking_id(message.id),
        organization_id=message.organization_id,
        instance_id=message.instance_id,
        contact_id=contact_id,
        status=S.PENDING,
        opened_by=message.id,
        text=message.text,
        created_at=now,
        updated_at=now,
    )
