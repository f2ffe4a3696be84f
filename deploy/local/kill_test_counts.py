"""Counts lost and duplicated messages, contacts and bookings of a kill-test round. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class RoundResult:
    """What one round sent and what it left behind.

    sent, acknowledged: WhatsApp ids. recorded: number of message documents by WhatsApp id. socket_events: number of
    `whatsapp:message` events by WhatsApp id. contacts: number of contact documents by phone. bookings: number of open
    bookings by contact. unreadable: WhatsApp ids of messages that are recorded without their text.
    """

    sent: frozenset[str]
    acknowledged: frozenset[str]
    recorded: Counter[str]
    socket_events: Counter[str]
    contacts: Counter[str]
    bookings: Counter[str]
    unreadable: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Tally:
    """The numbers of one round or of several: messages, except `doubled_contacts` and `doubled_bookings`."""

    sent: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled_messages: int = 0
    doubled_contacts: int = 0
    doubled_bookings: int = 0
    doubled_on_socket: int = 0
    unreadable: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Tally)))

    @property
    def duplicated(self) -> int:
        return self.doubled_messages + self.doubled_contacts + self.doubled_bookings + self.doubled_on_socket

    @property
    def clean(self) -> bool:
        """True when something was sent and each of it arrived exactly once."""
        return self.sent > 0 and self.acknowledged == self.sent and not self.lost and not self.duplicated


def missing_ids(acknowledged: Iterable[str], recorded: Counter[str]) -> set[str]:
    """Ids of messages that WhatsApp considers delivered and that are not in the database."""
    return {message for message in acknowledged if not recorded[message]}


def tally(result: RoundResult) -> Tally:
    """Counts one round."""
    acknowledged = result.acknowledged & result.sent
    return Tally(
        sent=len(result.sent),
        acknowledged=len(acknowledged),
        lost=len(missing_ids(acknowledged, result.recorded)),
        doubled_messages=_more_than_once(result.recorded),
        doubled_contacts=_more_than_once(result.contacts),
        doubled_bookings=_more_than_once(result.bookings),
        doubled_on_socket=_more_than_once(result.socket_events),
        unreadable=len(result.unreadable),
    )


def suspicious_ids(result: RoundResult) -> set[str]:
    """WhatsApp ids of messages that are missing or came twice."""
    twice = {
        message
        for counter in (result.recorded, result.socket_events)
        for message, count in counter.items()
        if count > 1
    }
    return twice | missing_ids(result.sent, result.recorded)


def _more_than_once(counter: Counter[str]) -> int:
    return sum(1 for count in counter.values() if count > 1)


def table_row(name: str, counts: Tally) -> str:
    """One line of the table under TABLE_HEADING."""
    numbers = [getattr(counts, field.name) for field in fields(Tally)]
    return f"{name:<12}" + "".join(f"{number:>14}" for number in numbers)


_TITLES = ("sent", "acknowledged", "lost", "2x messages", "2x contacts", "2x bookings", "2x on socket", "unreadable")
TABLE_HEADING = f"{'killed':<12}" + "".join(f"{title:>14}" for title in _TITLES)
