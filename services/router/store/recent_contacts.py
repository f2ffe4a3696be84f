"""Contacts that this process has just read, with their open bookings, so that their next message needs no read.

After the write it is checked that the contact was neither merged nor split (split_late_writes.py), as after a read:
the time in between is only longer. A change of a contact or of its bookings removes it, in this process at once, and in
the others when the event of the change arrives (cache_events.py).
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from services.router.rules.contact_identity import ContactObservation
from services.router.rules.stored_contact import StoredContact

RECENT_CONTACT_S = 10.0
"""Seconds a contact is remembered, so the longest that a lost event leaves it outdated."""
MAX_RECENT_CONTACTS = 5_000
"""About 10 MB."""


class RecentContacts:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._contacts: OrderedDict[str, tuple[float, StoredContact]] = OrderedDict()
        self._ids: dict[tuple[str, str], str] = {}
        self._reads: list[set[str]] = []

    def find(self, observation: ContactObservation) -> StoredContact | None:
        """The only contact with any of the observed addresses: the one that has them all, as no two have the same."""
        organization_id, aliases = observation.organization_id, observation.aliases
        ids = {self._ids.get((organization_id, alias)) for alias in aliases}
        contact_id = ids.pop() if len(ids) == 1 else None
        if contact_id is None:
            return None
        read_at, contact = self._contacts[contact_id]
        if self._clock() - read_at >= RECENT_CONTACT_S:
            self._remove(contact_id)
            return None
        return contact

    @contextmanager
    def reading(self) -> Iterator[Callable[[Sequence[StoredContact]], None]]:
        """Around a read of MongoDB. Yields the function that remembers the contacts that were read; it leaves out those
        that were changed while the block ran."""
        read_at, changed = self._clock(), set[str]()
        self._reads.append(changed)

        def remember(contacts: Sequence[StoredContact]) -> None:
            for contact in contacts:
                if contact["_id"] not in changed:
                    self._remember(read_at, contact)

        try:
            yield remember
        finally:
            self._reads = [read for read in self._reads if read is not changed]

    def forget(self, contact_ids: Iterable[str]) -> None:
        """These were changed, or their bookings were."""
        for contact_id in contact_ids:
            self._remove(contact_id)
            for changed in self._reads:
                changed.add(contact_id)

    def _remember(self, read_at: float, contact: StoredContact) -> None:
        self._remove(contact["_id"])
        for alias in contact["aliases"]:
            if other := self._ids.get((contact["organization_id"], alias)):
                self._remove(other)
        if len(self._contacts) >= MAX_RECENT_CONTACTS:
            self._remove(next(iter(self._contacts)))
        self._contacts[contact["_id"]] = (read_at, contact)
        self._ids |= {(contact["organization_id"], alias): contact["_id"] for alias in contact["aliases"]}

    def _remove(self, contact_id: str) -> None:
        if known := self._contacts.pop(contact_id, None):
            for alias in known[1]["aliases"]:
                self._ids.pop((known[1]["organization_id"], alias), None)
