"""Whether a contact's message opens a booking, by the organization's policy. Pure."""

from datetime import datetime
from enum import Enum, auto

from shared.contracts.records import BookingPolicy, OrganizationSettings
from shared.text.text_match import contains, words


class BookingAction(Enum):
    OPEN = auto()
    """Open the only open booking of the contact."""
    OPEN_PARALLEL = auto()
    """Open one besides those that are open."""
    ATTACH = auto()
    """Attach the message to the newest open booking."""
    NONE = auto()


def booking_action(
    settings: OrganizationSettings, text: str | None, written_at: datetime, *, is_open: bool
) -> BookingAction:
    """`is_open`: the contact has an open booking. `written_at`: by WhatsApp's clock, so a message that is delivered
    a night later has the same effect as if it had been delivered at once."""
    if settings.booking_policy is BookingPolicy.EVERY_MESSAGE:
        return BookingAction.OPEN_PARALLEL
    if is_open:
        return BookingAction.ATTACH
    return BookingAction.OPEN if _opens(settings, text, written_at) else BookingAction.NONE


def attach_if_open(*, is_open: bool) -> BookingAction:
    """For messages that never open a booking: reactions, and what the organization sends."""
    return BookingAction.ATTACH if is_open else BookingAction.NONE


def one_at_a_time(settings: OrganizationSettings) -> bool:
    """Whether a contact may have only one open booking."""
    return settings.booking_policy is not BookingPolicy.EVERY_MESSAGE


def _opens(settings: OrganizationSettings, text: str | None, written_at: datetime) -> bool:
    match settings.booking_policy:
        case BookingPolicy.ONE_OPEN:
            return True
        case BookingPolicy.KEYWORDS:
            message_words = words(text or "")
            return any(contains(message_words, words(keyword)) for keyword in settings.booking_keywords)
        case BookingPolicy.OPENING_HOURS:
            return settings.opening_hours is not None and settings.opening_hours.includes(written_at)
        case _:
            return False
