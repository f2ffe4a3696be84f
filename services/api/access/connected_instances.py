"""Remembers for a moment which instances are connected, so that an instance with many sends is not read for each.

Only a first check: the router and the session service refuse a text to an instance that is not connected. An instance
is forgotten when its connection changes (the event ConnectionChanged), at once in the process that closed or deleted
it, and after CONNECTED_LIFETIME_S seconds in any case.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

CONNECTED_LIFETIME_S = 0.9
MAX_INSTANCES = 20_000


class ConnectedInstances:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._expires_at: OrderedDict[tuple[str, str], float] = OrderedDict()
        """By organization and instance."""
        self._changes = 0

    def contains(self, organization_id: str, instance_id: str) -> bool:
        return self._expires_at.get((organization_id, instance_id), 0.0) > self._clock()

    def begin_read(self) -> Callable[[str, str], None]:
        """Call this before the connection is read, and the result with the organization and the instance when it is
        connected. It has no effect when a connection has changed in between."""
        changes, expires_at = self._changes, self._clock() + CONNECTED_LIFETIME_S

        def add(organization_id: str, instance_id: str) -> None:
            if changes != self._changes:
                return
            key = (organization_id, instance_id)
            self._expires_at[key] = expires_at
            self._expires_at.move_to_end(key)
            if len(self._expires_at) > MAX_INSTANCES:
                self._expires_at.popitem(last=False)

        return add

    def remove(self, organization_id: str, instance_id: str) -> None:
        """Its connection has changed, or is about to."""
        self._changes += 1
        self._expires_at.pop((organization_id, instance_id), None)
