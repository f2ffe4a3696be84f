"""Bookings: opened by customers' messages, decided by people."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from services.api.answers import Listed, One, listed
from services.api.context import Ctx, LimitedReader, Manager, Paging
from services.api.views import records
from shared.commands import ChangeBooking
from shared.errors import Problem
from shared.events import BookingUpdated
from shared.records import Booking, BookingStatus

router = APIRouter(prefix="/api/bookings", tags=["bookings"])

LIMIT = 10.0
"""Seconds to wait for the router."""
Action = Literal["confirm", "cancel", "complete", "no-show"]
_WANTED: dict[Action, BookingStatus] = {
    "confirm": BookingStatus.CONFIRMED,
    "cancel": BookingStatus.CANCELLED,
    "complete": BookingStatus.COMPLETED,
    "no-show": BookingStatus.NO_SHOW,
}


@router.get("")
async def list_bookings(
    context: Ctx, caller: LimitedReader, page: Paging, status: Annotated[BookingStatus | None, Query()] = None
) -> Listed[Booking]:
    """Newest first, of one status or all."""
    return listed(await records.bookings(context.database, caller.organization_id, status, page, caller.instance_ids))


@router.get("/{booking_id}")
async def read_booking(context: Ctx, caller: LimitedReader, booking_id: str) -> One[Booking]:
    """One booking."""
    found = await records.booking(context.database, caller.organization_id, booking_id, caller.instance_ids)
    return One(data=found)


@router.post("/{booking_id}/{action}")
async def change_booking(context: Ctx, caller: Manager, booking_id: str, action: Action) -> One[Booking]:
    """Completed, cancelled and no-show are final: 409 `booking_status_conflict`. The same again changes nothing."""
    found = await records.booking(context.database, caller.organization_id, booking_id)
    command = ChangeBooking(
        organization_id=caller.organization_id,
        instance_id=found.instance_id,
        booking_id=booking_id,
        status=_WANTED[action],
        by=caller.subject,
    )
    event = await context.dispatcher.issue(command, BookingUpdated, timeout=LIMIT)
    if not isinstance(event, BookingUpdated):
        raise Problem(504, "no_answer_yet", "the change was taken on and is not done yet; look at the booking again")
    return One(data=event.booking)
