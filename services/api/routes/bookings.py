"""Bookings: opened by messages of contacts or by users, decided by users."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import AfterValidator

from services.api.context import ApiContext, Ctx, LimitedReader, Manager, Paging
from services.api.dependencies import depends_on
from services.api.nats.served_on_nats import OPTIONAL_ID_FIELD, SEARCH_FIELD, served_on_nats
from services.api.request_fields import (
    SEARCH_PATTERN,
    Id,
    InstanceParameter,
    RequestBody,
    Text,
    searchable,
    with_json_schema,
)
from services.api.responses import Item, Page, page_of
from services.api.router_commands import execute_on_router
from services.api.views import booking_list as views
from services.api.views import contacts, counts
from services.api.views.booking_list import BookingFilter, BookingWithContact, BookingWithHistory
from services.api.views.counts import BookingCounts
from shared.contracts.commands import ChangeBooking, CreateBooking, Note, RescheduleBooking
from shared.contracts.events import BookingCreated, BookingUpdated
from shared.contracts.ids import Slug
from shared.contracts.queries import MAX_SEARCH, AnyId
from shared.contracts.records import AwareTimestamp, Booking, BookingStatus

router = APIRouter(prefix="/api/bookings", tags=["bookings"])

Action = Literal["confirm", "cancel", "complete", "no-show"]
_STATUS_AFTER: dict[Action, BookingStatus] = {
    "confirm": BookingStatus.CONFIRMED,
    "cancel": BookingStatus.CANCELLED,
    "complete": BookingStatus.COMPLETED,
    "no-show": BookingStatus.NO_SHOW,
}


BookingSearch = Annotated[
    Annotated[str, AfterValidator(searchable), with_json_schema(pattern=SEARCH_PATTERN)] | None,
    Query(max_length=MAX_SEARCH, description="Parts of words of the contact's name, of the number or of the text"),
]


class BookingNote(RequestBody):
    """`note`: for the booking's history."""

    note: Note | None = None


class RescheduleBody(BookingNote):
    """`starts_at` with its zone, such as 2026-12-01T10:00:00+01:00."""

    starts_at: AwareTimestamp


class NewBooking(BookingNote):
    contact_id: AnyId
    instance_id: Slug | None = None
    text: Text | None = None
    starts_at: AwareTimestamp | None = None


def _filter(
    status: Annotated[BookingStatus | None, Query()] = None,
    search: BookingSearch = None,
    contact_id: Annotated[Id | None, Query(description="Only of this contact")] = None,
) -> BookingFilter:
    return BookingFilter(status, search, contact_id)


BookingFilterParameters = Annotated[BookingFilter, depends_on(_filter)]


@router.get("")
@served_on_nats(
    "wa.query.booking.list", "ListBookings", fields={"search": SEARCH_FIELD, "contact_id": OPTIONAL_ID_FIELD}
)
async def list_bookings(
    context: Ctx,
    caller: LimitedReader,
    page: Paging,
    filters: BookingFilterParameters,
    instance_id: InstanceParameter = None,
) -> Page[BookingWithContact]:
    """Newest first, with their contacts: of one status or all, of one contact or all, of one instance or all."""
    filters = replace(filters, instance_ids=caller.accessible(instance_id))
    return page_of(await views.find_bookings(context.database, caller.organization_id, page, filters))


@router.get("/counts")
@served_on_nats("wa.query.booking.counts", "CountBookings")
async def count_bookings(context: Ctx, caller: LimitedReader) -> Item[BookingCounts]:
    """The number of bookings by status."""
    return Item(data=await counts.count_bookings(context.database, caller.organization_id, caller.instance_ids))


@router.post("", status_code=201)
@served_on_nats("wa.command.booking.open", "CreateBookingRequest", is_slow=True)
async def create_booking(context: Ctx, caller: Manager, body: NewBooking) -> Item[Booking]:
    """Create one for a contact; by default on the instance of the contact's latest conversation.

    409 `booking_open`, with `booking_id`: the contact has an open booking, and the booking policy is not
    `every_message`.
    """
    if body.instance_id:
        await context.instances.require(caller.organization_id, body.instance_id)
    await contacts.get_contact(context.database, caller.organization_id, body.contact_id)
    command = CreateBooking(
        organization_id=caller.organization_id,
        by=caller.subject,
        **body.model_dump(exclude_none=True),
    )
    pending = "the booking was asked for and is not made yet; look at the list again"
    event = await execute_on_router(context, command, BookingCreated, pending)
    return Item(data=event.booking)


@router.get("/{booking_id}")
@served_on_nats("wa.query.booking.read", "ReadBooking")
async def read_booking(context: Ctx, caller: LimitedReader, booking_id: str) -> Item[BookingWithHistory]:
    """One booking with its history."""
    booking = await views.get_booking(context.database, caller.organization_id, booking_id, caller.instance_ids)
    return Item(data=booking)


@router.post("/{booking_id}/reschedule")
@served_on_nats("wa.command.booking.move", "RescheduleBookingRequest", is_slow=True)
async def reschedule_booking(context: Ctx, caller: Manager, booking_id: str, body: RescheduleBody) -> Item[Booking]:
    """Set the time of an open booking. 409 `booking_status_conflict`: it is closed."""
    booking = await views.get_booking(context.database, caller.organization_id, booking_id)
    command = RescheduleBooking(
        organization_id=caller.organization_id,
        instance_id=booking.instance_id,
        booking_id=booking_id,
        starts_at=body.starts_at,
        note=body.note,
        by=caller.subject,
    )
    return await _changed(context, command)


@router.post("/{booking_id}/{action}")
@served_on_nats("wa.command.booking.decide", "ChangeBookingRequest", is_slow=True)
async def change_booking(
    context: Ctx, caller: Manager, booking_id: str, action: Action, body: BookingNote | None = None
) -> Item[Booking]:
    """Change the status. Completed, cancelled and no-show are final: 409 `booking_status_conflict`. Repeating an
    action only adds the note."""
    booking = await views.get_booking(context.database, caller.organization_id, booking_id)
    command = ChangeBooking(
        organization_id=caller.organization_id,
        instance_id=booking.instance_id,
        booking_id=booking_id,
        status=_STATUS_AFTER[action],
        note=body.note if body else None,
        by=caller.subject,
    )
    return await _changed(context, command)


async def _changed(context: ApiContext, command: ChangeBooking | RescheduleBooking) -> Item[Booking]:
    pending = "the change was taken on and is not done yet; look at the booking again"
    event = await execute_on_router(context, command, BookingUpdated, pending)
    return Item(data=event.booking)
