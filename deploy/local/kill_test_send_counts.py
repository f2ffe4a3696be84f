"""Judges each send of a kill-test round and counts them. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

ACCEPTED, UNANSWERED = "accepted", "unanswered"
"""Answers to a send; every other answer is the error code of a refusal."""
_TAKEN_BY_WHATSAPP = frozenset({"sent", "delivered", "read", "played"})
_AFTER_A_RECEIPT = _TAKEN_BY_WHATSAPP - {"sent"}


@dataclass(frozen=True)
class KnownStatus:
    """A status of a message, and why it failed."""

    status: str
    error: str | None = None


@dataclass(frozen=True)
class SendResult:
    """What became of a send; each has a text that no other send has.

    answer: to the caller, after all repetitions. stored: the latest status by message id, one entry for each document
    in MongoDB with this text. published, on_socket: the last status of the message in the event stream and on the
    socket. received: ids of the WhatsApp messages with this text that reached the recipient.
    """

    text: str
    answer: str
    stored: dict[str, KnownStatus] = field(default_factory=dict)
    published: KnownStatus | None = None
    on_socket: str | None = None
    received: frozenset[str] = frozenset()

    @property
    def refused(self) -> bool:
        return self.answer not in (ACCEPTED, UNANSWERED)

    @property
    def status(self) -> str | None:
        """The status in MongoDB; None when no message or more than one is stored."""
        return next(iter(self.stored.values())).status if len(self.stored) == 1 else None

    @property
    def error(self) -> str | None:
        """Why it failed, as it is stored."""
        return next((known.error for known in self.stored.values()), None)

    @property
    def twice(self) -> bool:
        """True when the recipient has two WhatsApp messages of it, or MongoDB has two messages."""
        return len(self.received) > 1 or len(self.stored) > 1

    @property
    def loss(self) -> str | None:
        """Why this send counts as lost; None when it does not."""
        if self.refused:
            return "refused, but in MongoDB or with the recipient" if self.stored or self.received else None
        if not self.stored:
            return "not recorded" if self.answer == ACCEPTED or self.received else None
        return self._loss_by_status()

    @property
    def differs(self) -> bool:
        """True when the last status of the events or of the socket is not the stored one."""
        heard = (self.published.status if self.published else None, self.on_socket)
        return self.status is not None and heard != (self.status, self.status)

    @property
    def without_receipt(self) -> bool:
        """True when the recipient has the message, and its delivery receipt was not recorded."""
        return bool(self.received) and self.status == "sent"

    @property
    def settled(self) -> bool:
        """True when nothing is expected to change any more."""
        return not (self.loss or self.differs or self.without_receipt)

    def _loss_by_status(self) -> str | None:
        if self.status == "queued":
            return "still queued"
        if self.status in _TAKEN_BY_WHATSAPP and not self.received:
            return f"{self.status}, but not with the recipient"
        if self.status == "failed" and self.received:
            return "failed, but with the recipient"
        if self.status == "failed" and not (self.published and self.published.error):
            return "failed without a published error"
        return None


@dataclass(frozen=True)
class SendTally:
    """Numbers of sends. `no_receipt`: the recipient has it, and the status stayed `sent`. `differing`: the last status
    that was heard is not the stored one. refusals, failures: of `refused` and `failed`, by error code."""

    sent: int = 0
    accepted: int = 0
    delivered: int = 0
    refused: int = 0
    unanswered: int = 0
    failed: int = 0
    unconfirmed: int = 0
    no_receipt: int = 0
    lost: int = 0
    twice: int = 0
    differing: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "SendTally") -> "SendTally":
        return SendTally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(SendTally)))

    @property
    def clean(self) -> bool:
        """True when something was accepted, and nothing was lost, sent twice or reported with a wrong status."""
        return self.accepted > 0 and not (self.lost or self.twice or self.differing or self.no_receipt)


def tally_sends(results: Iterable[SendResult]) -> SendTally:
    """Counts the sends of one round."""
    results = list(results)
    refusals = Counter(result.answer for result in results if result.refused)
    statuses = Counter(result.status for result in results)
    errors = [result.error or "" for result in results if result.status == "failed"]
    return SendTally(
        sent=len(results),
        accepted=sum(result.answer == ACCEPTED for result in results),
        delivered=sum(statuses[status] for status in _AFTER_A_RECEIPT),
        refused=refusals.total(),
        unanswered=sum(result.answer == UNANSWERED for result in results),
        failed=statuses["failed"],
        unconfirmed=statuses["unconfirmed"],
        no_receipt=sum(result.without_receipt for result in results),
        lost=sum(result.loss is not None for result in results),
        twice=sum(result.twice for result in results),
        differing=sum(result.differs for result in results),
        refusals=refusals,
        failures=Counter(error.partition(":")[0] for error in errors),
    )


def fault_lines(results: Iterable[SendResult]) -> list[str]:
    """One line for each send that was lost, sent twice, or whose status is wrong."""
    return [_fault_line(result) for result in results if result.twice or not result.settled]


def _fault_line(result: SendResult) -> str:
    faults = [
        *(["twice"] if result.twice else []),
        *([f"lost: {result.loss}"] if result.loss else []),
        *(["no receipt"] if result.without_receipt else []),
        *(["statuses differ"] if result.differs else []),
    ]
    ids, published = " ".join(result.stored) or "no message", result.published.status if result.published else None
    states = f"answer {result.answer}, stored {result.status}, published {published}, socket {result.on_socket}"
    return f"{result.text} ({ids}): {', '.join(faults)}; {states}; received {' '.join(result.received) or 'never'}"


def send_row(name: str, counts: SendTally) -> str:
    """One line of the table under SEND_HEADING."""
    return f"{name:<12}" + "".join(f"{getattr(counts, column):>12}" for column in _TITLES)


def reason_lines(counts: SendTally) -> list[str]:
    """The refusals and failures by error code."""
    return [
        f"{name}: " + (", ".join(f"{code} {number}" for code, number in reasons.most_common()) or "none")
        for name, reasons in (("refused", counts.refusals), ("failed", counts.failures))
    ]


_REASONS = ("refusals", "failures")
_TITLES = {one.name: one.name.replace("_", " ") for one in fields(SendTally) if one.name not in _REASONS}
SEND_HEADING = f"{'killed':<12}" + "".join(f"{title:>12}" for title in _TITLES.values())
