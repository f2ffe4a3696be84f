"""QR and pairing codes that were issued before a socket connected or joined: the socket receives them at once."""

import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from services.realtime.api_replies import ShownCodesReply
from services.realtime.payloads import Payload, SocketEvents, socket_events_of
from shared.contracts.errors import Problem
from shared.contracts.events import PairingCodeIssued, QrIssued
from shared.contracts.message import Event, Query
from shared.contracts.principal import Principal
from shared.contracts.queries import ListShownCodes
from shared.platform.keyed_locks import KeyedLocks

CACHE_LIFETIME_S = 1.0
"""Sockets of an organization that connect within this time share one query to the api."""
MAX_CACHED_CODE_LISTS = 1_000

log = logging.getLogger(__name__)


class LinkingCodes:
    """Whoever has a code can link the account, so only sockets with the scope `manage` receive them."""

    def __init__(
        self,
        principal_of: Callable[[str], Principal],
        query: Callable[[Query], Awaitable[Payload]],
        send_events: Callable[[str, SocketEvents], Awaitable[None]],
    ) -> None:
        self._principal_of = principal_of
        self._query = query
        self._send_events = send_events
        self._cache: OrderedDict[str, tuple[float, SocketEvents]] = OrderedDict()
        """By organization, with the time of the query."""
        self._locks = KeyedLocks()

    async def send_current(self, sid: str) -> None:
        """Nothing while the api is unreachable: the next code comes as an event."""
        try:
            principal = self._principal_of(sid)
            if "manage" in principal.scopes and (events := await self._current_events(principal.organization_id)):
                await self._send_events(sid, events)
        except Problem as problem:
            log.info("the current linking codes are not sent to a socket: %s", problem.code)

    async def _current_events(self, organization_id: str) -> SocketEvents:
        async with self._locks.of(organization_id):
            queried_at, events = self._cache.pop(organization_id, (float("-inf"), []))
            if time.monotonic() - queried_at > CACHE_LIFETIME_S:
                answer = await self._query(ListShownCodes(organization_id=organization_id))
                events = _events_of_codes(organization_id, ShownCodesReply.model_validate(answer))
                queried_at = time.monotonic()
            self._cache[organization_id] = queried_at, events
            while len(self._cache) > MAX_CACHED_CODE_LISTS:
                self._cache.popitem(last=False)
            return events


def _events_of_codes(organization_id: str, shown: ShownCodesReply) -> SocketEvents:
    codes: list[Event] = []
    for cls, shown_codes in ((QrIssued, shown.qr), (PairingCodeIssued, shown.pairing)):
        for instance_id, code in shown_codes.items():
            ids = {"organization_id": organization_id, "instance_id": instance_id}
            codes.append(cls.model_validate(code | ids))
    return [(name, _without_sequence(payload)) for code in codes for name, payload in socket_events_of(code, 0)]


def _without_sequence(payload: Payload) -> Payload:
    """These events are not from the stream: no client can resume behind them."""
    return {key: value for key, value in payload.items() if key != "sequence"}
