"""What a round of killing left behind, counted. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Found:
    """Of one round. sent, acknowledged: WhatsApp ids. The counters: how often each id or contact was found.

    recorded: message documents by WhatsApp id. told: `whatsapp:message` events by WhatsApp id. contacts: contact
    documents by phone. bookings: open bookings by contact.
    """

    sent: frozenset[str]
    acknowledged: frozenset[str]
    recorded: Counter[str]
    told: Counter[str]
    contacts: Counter[str]
    bookings: Counter[str]


@dataclass(frozen=True)
class Tally:
    """Numbers of messages, except contacts and bookings."""

    sent: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled_messages: int = 0
    doubled_contacts: int = 0
    doubled_bookings: int = 0
    doubled_on_socket: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Tally)))

    @property
    def duplicated(self) -> int:
        return self.doubled_messages + self.doubled_contacts + self.doubled_bookings + self.doubled_on_socket

    @property
    def clean(self) -> bool:
        """Everything that was sent arrived, once."""
        return self.sent > 0 and self.acknowledged == self.sent and not self.lost and not self.duplicated


def missing(acknowledged: Iterable[str], recorded: Counter[str]) -> set[str]:
    """What WhatsApp considers delivered and the database does not know."""
    return {message for message in acknowledged if not recorded[message]}


def tally(found: Found) -> Tally:
    """The numbers of one round."""
    acknowledged = found.acknowledged & found.sent
    return Tally(
        sent=len(found.sent),
        acknowledged=len(acknowledged),
        lost=len(missing(acknowledged, found.recorded)),
        doubled_messages=_more_than_once(found.recorded),
        doubled_contacts=_more_than_once(found.contacts),
        doubled_bookings=_more_than_once(found.bookings),
        doubled_on_socket=_more_than_once(found.told),
    )


def suspects(found: Found) -> set[str]:
    """WhatsApp ids of what is missing or came twice."""
    twice = {message for counter in (found.recorded, found.told) for message, count in counter.items() if count > 1}
    return twice | missing(found.sent, found.recorded)


def _more_than_once(counter: Counter[str]) -> int:
    return sum(1 for count in counter.values() if count > 1)


def line(name: str, result: Tally) -> str:
    """One line of the table under HEADING."""
    numbers = [getattr(result, field.name) for field in fields(Tally)]
    return f"{name:<12}" + "".join(f"{number:>14}" for number in numbers)


_TITLES = ("sent", "acknowledged", "lost", "2x messages", "2x contacts", "2x bookings", "2x on socket")
HEADING = f"{'killed':<12}" + "".join(f"{title:>14}" for title in _TITLES)
