"""The rooms of a connection that broke, for the client that comes back, to this replica or another one.

A client of Socket.IO 4.6 or later sends the `pid` of its last connection when it connects again. It is another one each
time, so that the client does not take itself for `recovered`: what it missed is sent for `since`, not for `pid`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from services.realtime.room_store import MAX_ROOMS_PER_CONNECTION, Caller, RoomJoin
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.principal import Principal
from shared.contracts.registry import ROOMS_RETENTION

RENEWAL_INTERVAL_S = ROOMS_RETENTION.total_seconds() / 3
"""The rooms of connections that go on are stored again so often: a process that is killed cannot do it."""
Handler = Callable[[str, Any], Awaitable[Any]]
log = logging.getLogger(__name__)


class RecoveryStore(Protocol):
    """services/realtime/room_store.py"""

    async def save(self, pid: str, caller: Caller, rooms: list[RoomJoin]) -> None: ...

    async def find(self, pid: str, caller: Caller) -> list[RoomJoin]: ...


@dataclass
class _JoinedRooms:
    caller: Caller
    pid: str
    previous_pid: str | None
    """The pid of the connection that this one follows, as the client says."""
    rooms: dict[RoomJoin, None] = field(default_factory=dict)
    """In the order in which they were joined."""
    to_restore: list[RoomJoin] = field(default_factory=list)
    """Of the connection that this one follows, and not joined again yet."""


class ConnectionRecovery:
    """By socket: what its client joined and did not leave."""

    def __init__(self, kept: RecoveryStore) -> None:
        self._store = kept
        self._joined: dict[str, _JoinedRooms] = {}

    def begin(self, sid: str, principal: Principal, auth: Any) -> str:
        """The pid of this connection."""
        before = auth.get("pid") if isinstance(auth, dict) else None
        caller = (principal.organization_id, principal.subject)
        joined = self._joined[sid] = _JoinedRooms(caller, new_id(), before if isinstance(before, str) else None)
        return joined.pid

    async def restore(self, sid: str, handler_of: Callable[[str], Handler]) -> None:
        """Joins what the client had joined on the connection that this one follows, when that had the same caller. Each
        is joined as if the client asked now, so it may be refused."""
        joined = self._joined.get(sid)
        if joined is None or joined.previous_pid is None:
            return
        before, joined.previous_pid = joined.previous_pid, None
        joined.to_restore = await self._store.find(before, joined.caller)
        if not joined.to_restore:
            return
        while joined.to_restore:
            name, data = joined.to_restore[0]
            try:
                await handler_of(name)(sid, data)
            except Problem as problem:
                log.info("%s of a socket that came back is not restored: %s", name, problem.code)
            del joined.to_restore[:1]
        await self._store.save(before, joined.caller, [])

    async def join(self, sid: str, room: RoomJoin) -> None:
        """The client joined this. Repeatable; the oldest room is forgotten when there are too many."""
        if joined := self._joined.get(sid):
            joined.rooms[room] = None
            while len(joined.rooms) > MAX_ROOMS_PER_CONNECTION:
                del joined.rooms[next(iter(joined.rooms))]
            await self._save(joined)

    async def leave(self, sid: str, room: RoomJoin) -> None:
        """The client left this. Repeatable."""
        joined = self._joined.get(sid)
        if joined and room in joined.rooms:
            del joined.rooms[room]
            await self._save(joined)

    async def end(self, sid: str) -> None:
        """The connection is gone. Repeatable."""
        joined = self._joined.pop(sid, None)
        if joined and (joined.rooms or joined.to_restore):
            await self._save(joined)

    async def renew_forever(self) -> None:
        """Keep the rooms of connections that go on, for when this process dies. Has no end."""
        while True:
            await asyncio.sleep(RENEWAL_INTERVAL_S)
            for joined in list(self._joined.values()):
                if joined.rooms or joined.to_restore:
                    await self._save(joined)
                    await asyncio.sleep(0)

    async def _save(self, joined: _JoinedRooms) -> None:
        """With those that are still to be restored."""
        rooms = list(dict.fromkeys([*joined.to_restore, *joined.rooms]))
        await self._store.save(joined.pid, joined.caller, rooms[-MAX_ROOMS_PER_CONNECTION:])
