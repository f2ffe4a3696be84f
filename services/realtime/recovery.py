"""The rooms of a connection that broke, for the client that comes back.

A client of Socket.IO 4.6 or later sends the `pid` of its last connection when it connects again. It is another one each
time, so that the client does not take itself for `recovered`: what it missed is sent for `since`, not for `pid`.
"""

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from shared.auth import Principal
from shared.errors import Problem
from shared.ids import new_id

KEPT_S = 120.0
"""How long the rooms of a broken connection are kept."""
MAX_ROOMS_PER_CONNECTION, MAX_BROKEN_CONNECTIONS = 50, 10_000
Room = tuple[str, Any]
"""The event a client joined with, and its data."""
Handler = Callable[[str, Any], Awaitable[Any]]
log = logging.getLogger(__name__)


@dataclass
class _Joined:
    caller: tuple[str, str]
    pid: str
    rooms: dict[str, Room] = field(default_factory=dict)
    restored: list[Room] = field(default_factory=list)
    """Of the connection that this one follows, and not joined again yet."""
    broken_at: float = 0.0


class Recovery:
    """By socket: what its client joined and did not leave."""

    def __init__(self) -> None:
        self._joined: dict[str, _Joined] = {}
        self._broken = OrderedDict[str, _Joined]()

    def begin(self, sid: str, principal: Principal, auth: Any) -> str:
        """The pid of this connection. It has the rooms of the one it follows, when that had the same caller."""
        caller = (principal.organization_id, principal.subject)
        before = auth.get("pid") if isinstance(auth, dict) else None
        joined = self._joined[sid] = _Joined(caller, new_id())
        if isinstance(before, str):
            found = self._broken.get(before)
            if found and found.caller == caller and not self._is_over(found):
                joined.restored = list(self._broken.pop(before).rooms.values())
        return joined.pid

    async def restore(self, sid: str, handler_of: Callable[[str], Handler]) -> None:
        """Joins what the client had joined on the connection that this one follows."""
        joined = self._joined.get(sid)
        while joined and joined.restored:
            name, data = joined.restored.pop(0)
            try:
                await handler_of(name)(sid, data)
            except Problem as problem:
                log.info("%s of a socket that came back is not restored: %s", name, problem.code)

    def join(self, sid: str, name: str, data: Any) -> None:
        """The client joined with this event. Repeatable; the oldest room is forgotten when there are too many."""
        if joined := self._joined.get(sid):
            joined.rooms[_key(name, data)] = (name, data)
            while len(joined.rooms) > MAX_ROOMS_PER_CONNECTION:
                del joined.rooms[next(iter(joined.rooms))]

    def leave(self, sid: str, name: str, data: Any) -> None:
        """The client left what it joined with the event `name`. Repeatable."""
        if joined := self._joined.get(sid):
            joined.rooms.pop(_key(name, data), None)

    def end(self, sid: str) -> None:
        """The connection is gone. Repeatable."""
        joined = self._joined.pop(sid, None)
        if joined and joined.rooms:
            joined.broken_at = time.monotonic()
            self._broken[joined.pid] = joined
        while self._broken and (len(self._broken) > MAX_BROKEN_CONNECTIONS or self._is_over(self._oldest)):
            self._broken.popitem(last=False)

    @property
    def _oldest(self) -> _Joined:
        return next(iter(self._broken.values()))

    @staticmethod
    def _is_over(joined: _Joined) -> bool:
        return time.monotonic() - joined.broken_at > KEPT_S


def _key(name: str, data: Any) -> str:
    return name + json.dumps(data, sort_keys=True)
