"""Messages of one consumer, served in fair shares (shared/messaging/fair_shares.py), kept from redelivery meanwhile."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from nats.aio.msg import Msg
from prometheus_client import Counter

from shared.messaging.ack_extension import AckExtender
from shared.messaging.fair_shares import FairCapacity, FairSemaphore

MAX_HELD_BYTES = 64_000_000
"""Bytes of the messages of one consumer that one process holds."""
REFUSALS_AT_ONCE = 16

REFUSED = Counter("switchboard_commands_over_share", "Commands refused: their organization had too many", ["subject"])

Deliver = Callable[[Msg], Awaitable[float | None]]
"""Handles a message and acknowledges it, or gives it back: the seconds until it comes again, None when it is done."""


@dataclass(frozen=True)
class FairShare:
    """concurrency: handlers that run at once, per_instance: of those for one instance, room: messages that are
    delivered and not acknowledged. None: as many as concurrency allows, twice as many."""

    concurrency: int
    per_instance: int | None = None
    room: int | None = None

    @property
    def places(self) -> int:
        return self.room or 2 * self.concurrency


class FairConsumer:
    """`refuse` answers a message of an organization that has more than its share of the room; without it such a message
    waits like any other."""

    def __init__(self, share: FairShare, ack_wait: timedelta, deliver: Deliver, refuse: Deliver | None = None) -> None:
        self._deliver, self._refuse = deliver, refuse
        self._ack_wait_s = ack_wait.total_seconds()
        self._turns = FairSemaphore(share.concurrency, share.per_instance or share.concurrency)
        self._refusals = FairSemaphore(REFUSALS_AT_ONCE, REFUSALS_AT_ONCE)
        self._room = FairCapacity(share.places, MAX_HELD_BYTES)
        self._in_hand = AckExtender(ack_wait)

    def over_share(self, organization_id: str) -> bool:
        """The organization has all the places it may have."""
        return not self._room.has_room(organization_id, 0)

    async def receive(self, raw: Msg) -> None:
        """Returns when the message is done or given back."""
        organization_id, instance_id = raw.subject.split(".")[4:6]
        order, size = raw.metadata.sequence.stream, len(raw.data)
        if order in self._room:
            return  # a redelivery of what is in hand: the acknowledgement of the first delivery is enough
        turns, deliver = self._turns, self._deliver
        if self._refuse and not self._room.has_room(organization_id, size):
            turns, deliver = self._refusals, self._refuse
            REFUSED.labels(raw.subject.rsplit(".", 2)[0]).inc()
        self._room.enter(organization_id, order, size)
        self._in_hand.take(order, raw)
        again: float | None = None
        try:
            async with turns.turn(organization_id, instance_id, order):
                again = await deliver(raw)
        finally:
            self._in_hand.leave(order)
            if again is None:
                self._room.leave(order)
            else:
                self._room.give_back(order, again + self._ack_wait_s)
