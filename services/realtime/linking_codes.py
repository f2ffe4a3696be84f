"""Codes to link an account with that were shown before a socket connected or joined: this socket gets them at once."""

import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from services.realtime.keyed_locks import KeyedLocks
from services.realtime.payloads import SocketEvents, socket_events_of
from shared.contracts.errors import Problem
from shared.contracts.events import PairingCodeIssued, QrIssued
from shared.contracts.message import Event, Query
from shared.contracts.principal import Principal
from shared.contracts.queries import ListShownCodes

CODES_CACHE_LIFETIME_S = 1.0
"""Sockets of one organization that come within this time get the same answer, so that many of them ask the api once."""
MAX_CACHED_ORGANIZATIONS = 1_000

log = logging.getLogger(__name__)


class LinkingCodes:
    """Whoever has a code links the account, so only sockets with the scope `manage` get one."""

    def __init__(
        self,
        principal: Callable[[str], Principal],
        rpc_request: Callable[[Query], Awaitable[dict[str, Any]]],
        tell: Callable[[str, SocketEvents], Awaitable[None]],
    ) -> None:
        self._principal, self._query, self._send_events = principal, rpc_request, tell
        self._cache: OrderedDict[str, tuple[float, SocketEvents]] = OrderedDict()
        self._locks = KeyedLocks()

    async def send_current(self, sid: str) -> None:
        """Nothing while the api is away: the next code comes as an event."""
        try:
            principal = self._principal(sid)
            if "manage" in principal.scopes and (wire := await self._current_events(principal.organization_id)):
                await self._send_events(sid, wire)
        except Problem as problem:
            log.info("a socket does not get the codes that are shown: %s", problem.code)

    async def _current_events(self, organization_id: str) -> SocketEvents:
        async with self._locks.of(organization_id):
            asked, wire = self._cache.pop(organization_id, (float("-inf"), []))
            if time.monotonic() - asked > CODES_CACHE_LIFETIME_S:
                wire = _events_of_codes(
                    organization_id, await self._query(ListShownCodes(organization_id=organization_id))
                )
                asked = time.monotonic()
            self._cache[organization_id] = asked, wire
            while len(self._cache) > MAX_CACHED_ORGANIZATIONS:
                self._cache.popitem(last=False)
            return wire


def _events_of_codes(organization_id: str, answer: dict[str, Any]) -> SocketEvents:
    codes: list[Event] = []
    for instance_id, code in answer["qr"].items():
        codes.append(QrIssued(organization_id=organization_id, instance_id=instance_id, **code))
    for instance_id, code in answer["pairing"].items():
        codes.append(PairingCodeIssued(organization_id=organization_id, instance_id=instance_id, **code))
    return [(name, _without_sequence(payload)) for code in codes for name, payload in socket_events_of(code, 0)]


def _without_sequence(payload: dict[str, Any]) -> dict[str, Any]:
    """It is no place in the stream to resume from."""
    return {key: value for key, value in payload.items() if key != "sequence"}
