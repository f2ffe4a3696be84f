"""The status of a sent message only moves forward, in whatever order results and receipts arrive. Pure."""

from shared.contracts.records import MessageStatus as S

_PROGRESS = (S.QUEUED, S.UNCONFIRMED, S.SENT, S.DELIVERED, S.READ, S.PLAYED)


def statuses_before(status: S) -> list[S]:
    """The statuses from which a message may move to `status`.

    A failure that WhatsApp reports after it accepted the message counts, unless a receipt contradicts it. A message
    that failed for us and is delivered nevertheless was sent: the receipt counts.
    """
    if status is S.FAILED:
        return [S.QUEUED, S.UNCONFIRMED, S.SENT]
    if status is S.UNCONFIRMED:
        return [S.QUEUED]
    before = list(_PROGRESS[: _PROGRESS.index(status)])
    return [*before, S.FAILED] if status in (S.DELIVERED, S.READ, S.PLAYED) else before


def most_advanced(statuses: list[S]) -> S:
    """Of the statuses of several receipts the most advanced one."""
    return max(statuses, key=_PROGRESS.index)
