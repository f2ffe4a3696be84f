"""A person changes a booking's status."""

from services.router.context import Context
from services.router.handlers.refusals import refusing
from services.router.rules.bookings import may_change
from services.router.store.bookings import Change
from shared.commands import ChangeBooking
from shared.errors import Problem, Retry
from shared.events import BookingUpdated
from shared.ids import derived_id
from shared.records import Booking


async def on_change(command: ChangeBooking, context: Context) -> None:
    """Repeatable: a booking that has the wanted status already is answered the same way."""
    async with refusing(command, context):
        found = await context.store.bookings.find(command.organization_id, command.booking_id, command.id)
        if found is None:
            raise Problem(404, "booking_not_found", "there is no such booking in this organization")
        booking, _ = found
        if booking.status is not command.status:
            booking = await _change(booking, command, context)
        await context.publish(
            BookingUpdated(
                id=derived_id(command.id, "updated"),
                organization_id=booking.organization_id,
                instance_id=booking.instance_id,
                cause=command.id,
                booking=booking,
            )
        )


async def _change(booking: Booking, command: ChangeBooking, context: Context) -> Booking:
    if not may_change(booking.status, command.status):
        detail = f"a {booking.status.value} booking cannot become {command.status.value}"
        raise Problem(409, "booking_status_conflict", detail, state=booking.status.value)
    changed = await context.store.bookings.change(
        booking, Change(command.status, context.now(), command.id, command.by)
    )
    if changed is None:
        raise Retry("somebody else changed the booking at the same moment")
    return changed
