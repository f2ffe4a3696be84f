"""Asks the session service which WhatsApp account a phone number belongs to."""

import logging
import time
from collections.abc import Callable

from shared.contracts.errors import Problem
from shared.contracts.queries import NumberOwner, ResolveNumber
from shared.messaging.client import NatsClient
from shared.messaging.rpc_client import rpc_request

LOOKUP_TIMEOUT_S = 5.0
"""For the session service, which itself waits 4 s for WhatsApp."""
UNRESPONSIVE_PAUSE_S = 30.0
"""How long an instance that did not answer is not asked again: its messages must not wait for each number."""

log = logging.getLogger(__name__)


class NumberLookup:
    """`await lookup(organization_id, instance_id, number)`: the account; None when WhatsApp could not be asked."""

    def __init__(self, client: NatsClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._clock = client, clock
        self._unresponsive_since: dict[str, float] = {}

    async def __call__(self, organization_id: str, instance_id: str, number: str) -> NumberOwner | None:
        if self._clock() - self._unresponsive_since.get(instance_id, -UNRESPONSIVE_PAUSE_S) < UNRESPONSIVE_PAUSE_S:
            return None
        query = ResolveNumber(organization_id=organization_id, instance_id=instance_id, number=number)
        try:
            answer = await rpc_request(self._client, query, LOOKUP_TIMEOUT_S)
        except Problem as problem:
            log.info("a number could not be looked up: %s", problem.code, extra={"instance_id": instance_id})
            self._mark_unresponsive(instance_id)
            return None
        self._unresponsive_since.pop(instance_id, None)
        return NumberOwner.model_validate(answer["data"])

    def _mark_unresponsive(self, instance_id: str) -> None:
        now = self._clock()
        self._unresponsive_since = {
            one: since for one, since in self._unresponsive_since.items() if now - since < UNRESPONSIVE_PAUSE_S
        }
        self._unresponsive_since[instance_id] = now
