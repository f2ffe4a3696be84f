"""Commands of users: create a booking, change its status, reschedule it."""

from services.router.context import RouterContext
from services.router.handlers.rejections import rejecting_with_event
from services.router.rules.booking_policy import one_at_a_time
from services.router.rules.booking_status import booking_from_command, may_change, may_reschedule
from services.router.store.bookings import BookingChange
from shared.contracts.commands import ChangeBooking, CreateBooking, RescheduleBooking
from shared.contracts.errors import Problem, Retry
from shared.contracts.events import BookingCreated, BookingUpdated
from shared.contracts.ids import NO_INSTANCE, derived_id
from shared.contracts.records import Booking
from shared.platform.mongo import DuplicateKeyError


async def on_create_booking(command: CreateBooking, context: RouterContext) -> None:
    """Repeatable: one command creates one booking; a repetition is answered with that booking as it is by then."""
    async with rejecting_with_event(command, context):
        new = booking_from_command(command, await _instance(command, context), context.now())
        booking = await _create(command, new, context)
        await context.publish(
            BookingCreated(
                id=derived_id(command.id, "created"),
                organization_id=booking.organization_id,
                instance_id=booking.instance_id,
                cause=command.id,
                booking=booking,
            )
        )


async def on_change_booking(command: ChangeBooking, context: RouterContext) -> None:
    """Repeatable: a booking that already has the status is answered in the same way, and a note is added once."""
    async with rejecting_with_event(command, context):
        booking, done = await _find(command, context)
        if not done and (command.note or booking.status is not command.status):
            if booking.status is not command.status and not may_change(booking.status, command.status):
                raise _conflict(booking, f"become {command.status.value}")
            booking = await _change(booking, BookingChange.of(command, command.status, context.now()), context)
        await _updated(command, booking, context)


async def on_reschedule_booking(command: RescheduleBooking, context: RouterContext) -> None:
    """Repeatable: a command that was carried out before changes nothing."""
    async with rejecting_with_event(command, context):
        booking, done = await _find(command, context)
        if not done:
            if not may_reschedule(booking.status):
                raise _conflict(booking, "be rescheduled")
            change = BookingChange.of(command, booking.status, context.now(), command.starts_at)
            booking = await _change(booking, change, context)
        await _updated(command, booking, context)


async def _instance(command: CreateBooking, context: RouterContext) -> str:
    """The instance of the command, else that of the contact's latest conversation, else the oldest one."""
    instances = await context.store.instances.active(command.organization_id)
    ids = [instance.instance_id for instance in instances]
    if command.instance_id != NO_INSTANCE:
        if command.instance_id not in ids:
            raise Problem(404, "instance_not_found", "there is no such instance in this organization")
        return command.instance_id
    if not ids:
        raise Problem(404, "instance_not_found", "this organization has no instance yet; create one first")
    latest = await context.store.conversations.latest_instance(command.contact_id, ids)
    return latest or ids[0]


async def _create(command: CreateBooking, new: Booking, context: RouterContext) -> Booking:
    profile = await context.store.instances.profile(command.organization_id, fresh=True)
    opened = BookingChange.of(command, new.status, new.created_at, command.starts_at)
    try:
        booking = await context.store.bookings.create(
            new, opened, parallel=not one_at_a_time(profile.settings_of(new.instance_id))
        )
    except DuplicateKeyError as error:
        raise Retry("the contact's booking was closed just now") from error
    if booking is None:
        raise Problem(404, "contact_not_found", "there is no such contact in this organization")
    if booking.id != new.id:
        detail = f"the contact has the open booking {booking.id}; reschedule it, or close it first"
        raise Problem(409, "booking_open", detail, booking_id=booking.id)
    return booking


async def _find(command: ChangeBooking | RescheduleBooking, context: RouterContext) -> tuple[Booking, bool]:
    """The booking, and whether this command changed it before a crash."""
    found = await context.store.bookings.find(command.organization_id, command.booking_id, command.id)
    if found is None:
        raise Problem(404, "booking_not_found", "there is no such booking in this organization")
    return found


def _conflict(booking: Booking, what: str) -> Problem:
    detail = f"a {booking.status.value} booking cannot {what}"
    return Problem(409, "booking_status_conflict", detail, state=booking.status.value)


async def _change(booking: Booking, change: BookingChange, context: RouterContext) -> Booking:
    changed = await context.store.bookings.change(booking, change)
    if changed is None:
        raise Retry("somebody else changed the booking at the same moment")
    return changed


async def _updated(command: ChangeBooking | RescheduleBooking, booking: Booking, context: RouterContext) -> None:
    await context.publish(
        BookingUpdated(
            id=derived_id(command.id, "updated"),
            organization_id=booking.organization_id,
            instance_id=booking.instance_id,
            cause=command.id,
            booking=booking,
        )
    )
