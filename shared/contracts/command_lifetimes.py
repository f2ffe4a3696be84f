"""How long each command may wait until its owner begins with it (docs/decisions/0045). A command waits in its stream
while the service that owns it is stopped; what was asked hours ago may surprise everybody when it is done then."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from shared.contracts.commands import (
    SEND_EXPIRY,
    AssignConversation,
    ChangeBooking,
    ChangeConversation,
    ConnectInstance,
    CreateBooking,
    DisconnectInstance,
    LogoutInstance,
    MarkConversationRead,
    MarkRead,
    RescheduleBooking,
    SendMessage,
    SendText,
    SplitContact,
)
from shared.contracts.errors import Problem
from shared.contracts.message import Command


@dataclass(frozen=True)
class Lifetime:
    """limit: None as long as the stream keeps it. reason: for the documents. late: what becomes of one that is late."""

    limit: timedelta | None
    reason: str
    late: str = ""


_OWN_RECORDS = "its caller was answered that it will be done; of two commands that contradict each other the later wins"

LIFETIMES: Mapping[type[Command], Lifetime] = MappingProxyType(
    {
        ConnectInstance: Lifetime(
            timedelta(minutes=5),
            "after that the caller, who got no code in time, is not expected to scan one",
            "`CommandRefused` with `too_late`; an account that is not running shows the reason `connect_too_late`",
        ),
        DisconnectInstance: Lifetime(
            None, "an account that was to be disconnected must not stay online; a later connect counts (`superseded`)"
        ),
        LogoutInstance: Lifetime(None, "a device that was to be unlinked must not keep its access to the account"),
        SendText: Lifetime(
            SEND_EXPIRY, "the default; a sender may set another `expires_at`", "`MessageFailed` with `too_late`"
        ),
        MarkRead: Lifetime(
            timedelta(hours=1), "a read receipt a day late is of no use", "nothing; the sender awaits no event"
        ),
        SendMessage: Lifetime(
            SEND_EXPIRY,
            "the default; a sender may set another `expires_at`",
            "the message becomes `failed` with `too_late`",
        ),
        CreateBooking: Lifetime(None, _OWN_RECORDS),
        RescheduleBooking: Lifetime(None, _OWN_RECORDS),
        ChangeBooking: Lifetime(None, _OWN_RECORDS),
        MarkConversationRead: Lifetime(None, "it marks messages read up to one that it names, whenever it is handled"),
        SplitContact: Lifetime(None, _OWN_RECORDS),
        AssignConversation: Lifetime(None, _OWN_RECORDS),
        ChangeConversation: Lifetime(None, _OWN_RECORDS),
    }
)
"""By class; a new command needs its line. Typing and presence are no commands: they are kept by nobody and worth
nothing after shared.contracts.ephemeral.FRESH."""

MAX_CLOCK_DIFFERENCE = timedelta(minutes=2)
"""Between two hosts of one installation. A command counts as late only by its own lifetime; of two commands that
contradict each other the earlier one is known only when they are further apart than this."""


TEXT_TOO_LATE = {
    "outcome": "failed",
    "code": "too_late",
    "detail": "the text waited longer than its sender allowed and was not sent; send it again if it is still true",
}
"""The outcome of a late text, whoever notices it first (collection `sends`)."""


def is_late(command: Command, now: datetime) -> bool:
    """Its lifetime has ended: that of its class, or its own."""
    if expires_at := getattr(command, "expires_at", None):
        return bool(now >= expires_at)
    limit = LIFETIMES[type(command)].limit
    return limit is not None and now - command.at >= limit


def too_late(command: Command) -> Problem:
    """The refusal of a late command."""
    asked = command.at.isoformat(timespec="seconds")
    detail = (
        f"this was asked at {asked} and could not be begun in time, so it was not done; ask again if it is still wanted"
    )
    return Problem(409, "too_late", detail)
