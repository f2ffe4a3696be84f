"""The rooms of connections, stored where every replica finds them: a stream keeps the last message of each connection
for two minutes. They are only a request of the client: rooms are joined again like any others, with all checks."""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from services.realtime.nats_clients import NatsClients
from shared.contracts.errors import Problem
from shared.contracts.registry import ROOMS_PREFIX, ROOMS_STREAM
from shared.platform.outages import OUTAGE_ERRORS

MAX_ROOMS_PER_CONNECTION = 50
STORE_TIMEOUT_S = 2.0
FIND_TIMEOUT_S = 2.0
_STORE_ERRORS: tuple[type[Exception], ...] = (*OUTAGE_ERRORS, Problem, ValidationError)
_PID = re.compile(r"[0-9a-f]{32}")
RoomJoin = tuple[Literal["join-session", "join_conversation"], Annotated[str, Field(max_length=200)]]
"""The event with which a client joined a room, and its argument."""
RoomOwner = tuple[str, str]
"""Organization and subject of the principal whose connection it was."""
log = logging.getLogger(__name__)


class _StoredRooms(BaseModel):
    caller: RoomOwner
    rooms: Annotated[tuple[RoomJoin, ...], Field(max_length=MAX_ROOMS_PER_CONNECTION)]


class RoomStore:
    """`require_nats` raises Problem while NATS is not connected yet. Nothing here raises: the client joins rooms that
    are not stored again by itself, as it does after two minutes."""

    def __init__(self, require_nats: Callable[[], NatsClients]) -> None:
        self._require_nats = require_nats

    async def save(self, pid: str, owner: RoomOwner, rooms: Sequence[RoomJoin]) -> None:
        """When this returns, and for two minutes, these are the rooms of this connection."""
        body = _StoredRooms(caller=owner, rooms=tuple(rooms)).model_dump_json().encode()
        try:
            await self._require_nats().js.publish(ROOMS_PREFIX + pid, body, timeout=STORE_TIMEOUT_S)
        except _STORE_ERRORS as error:
            log.warning("the rooms of a socket are not stored: %s", type(error).__name__)

    async def find(self, pid: str, owner: RoomOwner) -> list[RoomJoin]:
        """Those of this connection; none when it had another owner."""
        if not _PID.fullmatch(pid):
            return []
        try:
            async with asyncio.timeout(FIND_TIMEOUT_S):
                message = await self._require_nats().js.get_msg(ROOMS_STREAM, subject=ROOMS_PREFIX + pid, direct=True)
            stored = _StoredRooms.model_validate_json(message.data or b"")
        except _STORE_ERRORS as error:
            log.info("no rooms of an earlier connection are found: %s", type(error).__name__)
            return []
        return list(stored.rooms) if stored.caller == owner else []
