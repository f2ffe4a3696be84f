"""The rooms of connections where every replica finds them: a stream keeps the last message about each connection for
two minutes. What is found there is only a wish: the rooms are joined anew like any others (connection_recovery.py)."""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from services.realtime.nats_clients import NatsClients
from shared.contracts.errors import Problem
from shared.contracts.registry import ROOMS_PREFIX, ROOMS_STREAM
from shared.messaging.client import NatsError

MAX_ROOMS_PER_CONNECTION = 50
_STORE_TIMEOUT_S, _FIND_TIMEOUT_S = 2.0, 2.0
_PID = re.compile(r"[0-9a-f]{32}")
RoomJoin = tuple[Literal["join-session", "join_conversation"], Annotated[str, Field(max_length=200)]]
"""The event a client joined with, and its data."""
Caller = tuple[str, str]
"""Organization and subject of a principal."""
log = logging.getLogger(__name__)


class _StoredRooms(BaseModel):
    caller: Caller
    rooms: Annotated[tuple[RoomJoin, ...], Field(max_length=MAX_ROOMS_PER_CONNECTION)]


class RoomStore:
    """`linked`: raises Problem while NATS is not connected yet. Nothing here raises: rooms that are not kept are joined
    again by their client, as they are after two minutes."""

    def __init__(self, linked: Callable[[], NatsClients]) -> None:
        self._require_nats = linked

    async def save(self, pid: str, caller: Caller, rooms: Sequence[RoomJoin]) -> None:
        """When this returns, and for two minutes, these are the rooms of this connection."""
        body = _StoredRooms(caller=caller, rooms=tuple(rooms)).model_dump_json().encode()
        try:
            await self._require_nats().js.publish(ROOMS_PREFIX + pid, body, timeout=_STORE_TIMEOUT_S)
        except (NatsError, OSError, TimeoutError, Problem) as error:
            log.warning("the rooms of a socket are not kept: %s", type(error).__name__)

    async def find(self, pid: str, caller: Caller) -> list[RoomJoin]:
        """Those of this connection; none when it was another caller's."""
        if not _PID.fullmatch(pid):
            return []
        try:
            async with asyncio.timeout(_FIND_TIMEOUT_S):
                found = await self._require_nats().js.get_msg(ROOMS_STREAM, subject=ROOMS_PREFIX + pid, direct=True)
            kept = _StoredRooms.model_validate_json(found.data or b"")
        except (NatsError, OSError, TimeoutError, Problem, ValidationError) as error:
            log.info("no rooms of an earlier connection are found: %s", type(error).__name__)
            return []
        return list(kept.rooms) if kept.caller == caller else []
