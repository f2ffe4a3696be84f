"""What a contact's message does to bookings, as its organization wants it. Pure."""

from datetime import datetime
from enum import Enum, auto

from shared.contracts.records import BookingPolicy, OrganizationSettings
from shared.text.text_match import contains, words


class BookingAction(Enum):
    OPEN = auto()
    """Open the contact's one booking."""
    OPEN_PARALLEL = auto()
    """Open one beside those that are open."""
    ATTACH = auto()
    """Belong to the newest open one."""
    NONE = auto()


def booking_action(
    settings: OrganizationSettings, text: str | None, written_at: datetime, *, is_open: bool
) -> BookingAction:
    """`is_open`: the contact has an open booking. `written_at`: by WhatsApp's clock, so that a message that was away
    for a night does what it would have done at once."""
    if settings.booking_policy is BookingPolicy.EVERY_MESSAGE:
        return BookingAction.OPEN_PARALLEL
    if is_open:
        return BookingAction.ATTACH
    return BookingAction.OPEN if _opens(settings, text, written_at) else BookingAction.NONE


def attach_if_open(*, is_open: bool) -> BookingAction:
    """The step of messages that never open one: reactions, and what the organization writes itself."""
    return BookingAction.ATTACH if is_open else BookingAction.NONE


def one_at_a_time(settings: OrganizationSettings) -> bool:
    """Whether a contact may have one open booking only."""
    return settings.booking_policy is not BookingPolicy.EVERY_MESSAGE


def _opens(settings: OrganizationSettings, text: str | None, written_at: datetime) -> bool:
    match settings.booking_policy:
        case BookingPolicy.ONE_OPEN:
            return True
        case BookingPolicy.KEYWORDS:
            said = words(text or "")
            return any(contains(said, words(keyword)) for keyword in settings.booking_keywords)
        case BookingPolicy.OPENING_HOURS:
            return settings.opening_hours is not None and settings.opening_hours.includes(written_at)
        case _:
            return False
