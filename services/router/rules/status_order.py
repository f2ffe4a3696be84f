"""Statuses of what we send only move forward, whatever order the news arrives in. Pure."""

from shared.contracts.records import MessageStatus as S

_PROGRESS = (S.QUEUED, S.UNCONFIRMED, S.SENT, S.DELIVERED, S.READ, S.PLAYED)


def statuses_before(status: S) -> list[S]:
    """The statuses from which a message may move to `status`.

    A failure that WhatsApp reports after accepting is believed; one that contradicts a receipt is not. A message that
    failed for us and is delivered nevertheless was sent: the receipt is the stronger witness.
    """
    if status is S.FAILED:
        return [S.QUEUED, S.UNCONFIRMED, S.SENT]
    if status is S.UNCONFIRMED:
        return [S.QUEUED]
    before = list(_PROGRESS[: _PROGRESS.index(status)])
    return [*before, S.FAILED] if status in (S.DELIVERED, S.READ, S.PLAYED) else before


def most_advanced(statuses: list[S]) -> S:
    """The one of several receipts that says most."""
    return max(statuses, key=_PROGRESS.index)
