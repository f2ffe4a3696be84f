"""Connection recovery: a client that reconnects, to this replica or another one, is in its rooms again.

A client of Socket.IO 4.6 or later sends the `pid` of its last connection when it reconnects. Each connection gets a new
pid, so that the client does not regard itself as `recovered`: missed events are sent for `since`, not for `pid`.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from services.realtime.request_dispatcher import RequestHandler
from services.realtime.room_store import MAX_ROOMS_PER_CONNECTION, RoomJoin, RoomOwner
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.principal import Principal
from shared.contracts.registry import ROOMS_RETENTION

RENEWAL_INTERVAL_S = ROOMS_RETENTION.total_seconds() / 3
"""The rooms of open connections are stored again so often: a process that is killed cannot store them at its end."""
log = logging.getLogger(__name__)


class RecoveryStore(Protocol):
    """services/realtime/room_store.py"""

    async def save(self, pid: str, owner: RoomOwner, rooms: list[RoomJoin]) -> None: ...

    async def find(self, pid: str, owner: RoomOwner) -> list[RoomJoin]: ...


@dataclass
class _JoinedRooms:
    owner: RoomOwner
    pid: str
    previous_pid: str | None
    """Of the connection that this one continues, as the client says; None once its rooms were looked up."""
    rooms: dict[RoomJoin, None] = field(default_factory=dict)
    """In the order in which they were joined."""
    to_restore: list[RoomJoin] = field(default_factory=list)
    """Rooms of the previous connection that are not joined again yet."""


class ConnectionRecovery:
    """By socket: what its client joined and did not leave."""

    def __init__(self, store: RecoveryStore) -> None:
        self._store = store
        self._joined: dict[str, _JoinedRooms] = {}

    def begin(self, sid: str, principal: Principal, auth: object) -> str:
        """Returns the pid of this connection."""
        previous = auth.get("pid") if isinstance(auth, dict) else None
        owner = (principal.organization_id, principal.subject)
        joined = self._joined[sid] = _JoinedRooms(owner, new_id(), previous if isinstance(previous, str) else None)
        return joined.pid

    async def restore(self, sid: str, handler_of: Callable[[str], RequestHandler]) -> None:
        """Joins the rooms of the previous connection, if it belonged to the same user or API key. Each is joined as if
        the client asked now, so it may be refused."""
        joined = self._joined.get(sid)
        if joined is None or joined.previous_pid is None:
            return
        previous_pid, joined.previous_pid = joined.previous_pid, None
        joined.to_restore = await self._store.find(previous_pid, joined.owner)
        if not joined.to_restore:
            return
        while joined.to_restore:
            name, data = joined.to_restore[0]
            try:
                await handler_of(name)(sid, data)
            except Problem as problem:
                log.info("%s of a socket that reconnected is not restored: %s", name, problem.code)
            del joined.to_restore[:1]
        await self._store.save(previous_pid, joined.owner, [])

    async def join(self, sid: str, room: RoomJoin) -> None:
        """The client joined this room. Repeatable; of too many rooms the oldest is forgotten."""
        if joined := self._joined.get(sid):
            joined.rooms[room] = None
            while len(joined.rooms) > MAX_ROOMS_PER_CONNECTION:
                del joined.rooms[next(iter(joined.rooms))]
            await self._save(joined)

    async def leave(self, sid: str, room: RoomJoin) -> None:
        """The client left this room. Repeatable."""
        joined = self._joined.get(sid)
        if joined and room in joined.rooms:
            del joined.rooms[room]
            await self._save(joined)

    async def end(self, sid: str) -> None:
        """The connection is closed. Repeatable."""
        joined = self._joined.pop(sid, None)
        if joined and (joined.rooms or joined.to_restore):
            await self._save(joined)

    async def renew_forever(self) -> None:
        """Store the rooms of open connections again and again, for when this process is killed."""
        while True:
            await asyncio.sleep(RENEWAL_INTERVAL_S)
            for joined in list(self._joined.values()):
                if joined.rooms or joined.to_restore:
                    await self._save(joined)
                    await asyncio.sleep(0)

    async def _save(self, joined: _JoinedRooms) -> None:
        rooms = list(dict.fromkeys([*joined.to_restore, *joined.rooms]))
        await self._store.save(joined.pid, joined.owner, rooms[-MAX_ROOMS_PER_CONNECTION:])
