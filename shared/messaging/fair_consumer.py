"""One consumer whose messages are handled in fair shares between organizations and instances (fair_shares.py)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client import Counter

from shared.messaging.ack_extension import AckExtender
from shared.messaging.client import NatsMessage
from shared.messaging.fair_shares import FairCapacity, FairSemaphore

MAX_UNACKED_BYTES = 64_000_000
"""Of the unacknowledged messages of one consumer in one process, together."""
CONCURRENT_REFUSALS = 16

REFUSED = Counter("switchboard_commands_over_share", "Commands refused: their organization had too many", ["subject"])

Deliver = Callable[[NatsMessage], Awaitable[float | None]]
"""Handles a message and acks it (returns None), or naks it and returns the seconds until its redelivery."""


@dataclass(frozen=True)
class FairShare:
    """How many messages of one consumer are handled at once.

    concurrency: handlers at once; per_instance: of those for one instance, without it as many; max_unacked: messages
    that JetStream delivers before it has the acks of earlier ones, without it twice as many as handlers.
    """

    concurrency: int
    per_instance: int | None = None
    max_unacked: int | None = None

    @property
    def max_unacked_messages(self) -> int:
        return self.max_unacked or 2 * self.concurrency


class FairConsumer:
    """`refuse` is called for a message of an organization that has more than its share of unacknowledged messages;
    without it such a message waits for a slot like any other."""

    def __init__(self, share: FairShare, ack_wait: timedelta, deliver: Deliver, refuse: Deliver | None = None) -> None:
        self._deliver = deliver
        self._refuse = refuse
        self._ack_wait_s = ack_wait.total_seconds()
        self._slots = FairSemaphore(share.concurrency, share.per_instance or share.concurrency)
        self._refusal_slots = FairSemaphore(CONCURRENT_REFUSALS, CONCURRENT_REFUSALS)
        self._capacity = FairCapacity(share.max_unacked_messages, MAX_UNACKED_BYTES)
        self._ack_extender = AckExtender(ack_wait)

    def is_over_share(self, organization_id: str) -> bool:
        """Whether the organization has as many unacknowledged messages as it may."""
        return not self._capacity.has_capacity(organization_id, 0)

    async def receive(self, raw: NatsMessage) -> None:
        """Returns when the message is acked or nakked."""
        organization_id, instance_id = raw.subject.split(".")[4:6]
        sequence, size = raw.metadata.sequence.stream, len(raw.data)
        if sequence in self._capacity:
            return  # a redelivery of a message that is being handled: the ack of its first delivery is enough
        slots, deliver = self._slots, self._deliver
        if self._refuse and not self._capacity.has_capacity(organization_id, size):
            slots, deliver = self._refusal_slots, self._refuse
            REFUSED.labels(raw.subject.rsplit(".", 2)[0]).inc()
        self._capacity.add(organization_id, sequence, size)
        self._ack_extender.add(sequence, raw)
        delay_s: float | None = None
        try:
            async with slots.slot(organization_id, instance_id, sequence):
                delay_s = await deliver(raw)
        finally:
            self._ack_extender.remove(sequence)
            if delay_s is None:
                self._capacity.remove(sequence)
            else:
                self._capacity.delay(sequence, delay_s + self._ack_wait_s)
