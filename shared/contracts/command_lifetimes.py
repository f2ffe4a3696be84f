"""The maximum age of each command when its owner starts to handle it (docs/decisions/0045). A command waits in its
stream while the service that owns it is stopped, and some must not be carried out hours later."""

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
    MergeContacts,
    RenameContact,
    RescheduleBooking,
    SendMessage,
    SendText,
    SplitContact,
)
from shared.contracts.errors import Problem
from shared.contracts.message import Command


@dataclass(frozen=True)
class CommandLifetime:
    """max_age: None for no limit but the retention of the stream. reason: for the documentation. effect: of a command
    that
    is older."""

    max_age: timedelta | None
    reason: str
    effect: str = ""


_NO_LIMIT = (
    "the api has answered its caller that the change is accepted; of two commands that contradict each other the later "
    "wins"
)

LIFETIMES: Mapping[type[Command], CommandLifetime] = MappingProxyType(
    {
        ConnectInstance: CommandLifetime(
            timedelta(minutes=5),
            "the caller got no code in time and no longer waits for one",
            "`CommandRefused` with `too_late`; an account that is not running shows the reason `connect_too_late`",
        ),
        DisconnectInstance: CommandLifetime(
            None, "a requested disconnect must happen even late; a later connect supersedes it (`superseded`)"
        ),
        LogoutInstance: CommandLifetime(
            None, "a requested logout must happen even late: the device would keep its access to the account"
        ),
        SendText: CommandLifetime(
            SEND_EXPIRY, "the default; a sender may set another `expires_at`", "`MessageFailed` with `too_late`"
        ),
        MarkRead: CommandLifetime(
            timedelta(hours=1),
            "later read receipts are of no use to the sender",
            "none; no caller waits for an event about it",
        ),
        SendMessage: CommandLifetime(
            SEND_EXPIRY,
            "the default; a sender may set another `expires_at`",
            "the message becomes `failed` with `too_late`",
        ),
        CreateBooking: CommandLifetime(None, _NO_LIMIT),
        RescheduleBooking: CommandLifetime(None, _NO_LIMIT),
        ChangeBooking: CommandLifetime(None, _NO_LIMIT),
        MarkConversationRead: CommandLifetime(
            None, "it names the message up to which messages are read, so the time does not matter"
        ),
        RenameContact: CommandLifetime(None, _NO_LIMIT),
        MergeContacts: CommandLifetime(None, _NO_LIMIT),
        SplitContact: CommandLifetime(None, _NO_LIMIT),
        AssignConversation: CommandLifetime(None, _NO_LIMIT),
        ChangeConversation: CommandLifetime(None, _NO_LIMIT),
    }
)
"""By class; every command has an entry. Typing and presence are no commands: they are not persisted and are dropped
after shared.contracts.ephemeral.MAX_EPHEMERAL_AGE."""

MAX_CLOCK_DIFFERENCE = timedelta(minutes=2)
"""Between two hosts of one installation. The order of two contradicting commands is known only when their times differ
by more than this."""


def is_late(command: Command, now: datetime) -> bool:
    """Whether it is past its own `expires_at`, or older than the maximum age of its class."""
    if expires_at := getattr(command, "expires_at", None):
        return bool(now >= expires_at)
    max_age = LIFETIMES[type(command)].max_age
    return max_age is not None and now - command.at >= max_age


def too_late(command: Command) -> Problem:
    """The refusal of a command that is too old."""
    asked = command.at.isoformat(timespec="seconds")
    detail = (
        f"this was asked at {asked} and could not be begun in time, so it was not done; ask again if it is still wanted"
    )
    return Problem(409, "too_late", detail)
