"""Codes to link an account with that were shown before a socket connected or joined: this socket gets them at once."""

import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from services.realtime.keyed_locks import KeyedLocks
from services.realtime.payloads import Wire, to_wire
from shared.contracts.errors import Problem
from shared.contracts.events import PairingCodeIssued, QrIssued
from shared.contracts.message import Event, Query
from shared.contracts.principal import Principal
from shared.contracts.queries import ListShownCodes

ANSWER_LIFE_S = 1.0
"""Sockets of one organization that come within this time get the same answer, so that many of them ask the api once."""
MAX_KEPT_ANSWERS = 1_000

log = logging.getLogger(__name__)


class ShownCodes:
    """Whoever has a code links the account, so only sockets with the scope `manage` get one."""

    def __init__(
        self,
        principal: Callable[[str], Principal],
        rpc_request: Callable[[Query], Awaitable[dict[str, Any]]],
        tell: Callable[[str, Wire], Awaitable[None]],
    ) -> None:
        self._principal, self._ask, self._tell = principal, rpc_request, tell
        self._answers: OrderedDict[str, tuple[float, Wire]] = OrderedDict()
        self._locks = KeyedLocks()

    async def show(self, sid: str) -> None:
        """Nothing while the api is away: the next code comes as an event."""
        try:
            principal = self._principal(sid)
            if "manage" in principal.scopes and (wire := await self._shown(principal.organization_id)):
                await self._tell(sid, wire)
        except Problem as problem:
            log.info("a socket does not get the codes that are shown: %s", problem.code)

    async def _shown(self, organization_id: str) -> Wire:
        async with self._locks.of(organization_id):
            asked, wire = self._answers.pop(organization_id, (float("-inf"), []))
            if time.monotonic() - asked > ANSWER_LIFE_S:
                wire = _wire_of(organization_id, await self._ask(ListShownCodes(organization_id=organization_id)))
                asked = time.monotonic()
            self._answers[organization_id] = asked, wire
            while len(self._answers) > MAX_KEPT_ANSWERS:
                self._answers.popitem(last=False)
            return wire


def _wire_of(organization_id: str, answer: dict[str, Any]) -> Wire:
    codes: list[Event] = []
    for instance_id, code in answer["qr"].items():
        codes.append(QrIssued(organization_id=organization_id, instance_id=instance_id, **code))
    for instance_id, code in answer["pairing"].items():
        codes.append(PairingCodeIssued(organization_id=organization_id, instance_id=instance_id, **code))
    return [(name, _without_sequence(payload)) for code in codes for name, payload in to_wire(code, 0)]


def _without_sequence(payload: dict[str, Any]) -> dict[str, Any]:
    """It is no place in the stream to resume from."""
    return {key: value for key, value in payload.items() if key != "sequence"}
