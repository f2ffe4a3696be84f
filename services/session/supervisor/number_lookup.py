"""Looks up which WhatsApp account has a phone number, through a connected instance, and caches the result."""

import time
from collections import OrderedDict
from collections.abc import Callable

from services.session.ipc.messages import LookUpNumber
from services.session.supervisor.instance_lookup import InstanceLookup, instance_not_found
from services.session.supervisor.worker_calls import NoWorker, WorkerGateway, WorkerLost
from shared.contracts.errors import Problem
from shared.contracts.queries import NumberOwner, ResolveNumber

LOOKUP_TIMEOUT_S = 4.0
"""Time WhatsApp has to answer; shorter than the timeout of the callers."""
CACHE_TTL_S = 86_400.0
MAX_CACHED_NUMBERS = 10_000

CacheKey = tuple[str, str]
"""Instance id and phone number."""


class NumberLookupService:
    def __init__(
        self, instances: InstanceLookup, workers: WorkerGateway, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._instances = instances
        self._workers = workers
        self._clock = clock
        self._cache: OrderedDict[CacheKey, tuple[float, NumberOwner]] = OrderedDict()

    def is_responsible_for(self, organization_id: str, instance_id: str) -> bool:
        """Whether this node is the one to reply. It is not for an instance of another organization, as for one that
        does not exist."""
        instance = self._instances.find(instance_id)
        return instance is not None and instance.connection.organization_id == organization_id

    async def look_up(self, query: ResolveNumber) -> NumberOwner:
        """Raises Problem: 404 for an instance of another organization, 409 while it is not connected, 503 when WhatsApp
        could not be asked, 504 when it did not answer."""
        instance = self._instances.find(query.instance_id)
        if instance is None or instance.connection.organization_id != query.organization_id:
            raise instance_not_found()
        key = (query.instance_id, query.number)
        if cached := self._cached(key):
            return cached
        if not instance.is_connected:
            status = instance.connection.status.value
            raise Problem(409, "instance_not_connected", f"the instance is {status}; connect it first", state=status)
        owner = await self._ask_whatsapp(query)
        self._store(key, owner)
        return owner

    async def _ask_whatsapp(self, query: ResolveNumber) -> NumberOwner:
        request = LookUpNumber(instance_id=query.instance_id, phone_number=query.number)
        try:
            result = await self._workers.call(query.instance_id, request, LOOKUP_TIMEOUT_S)
        except NoWorker as error:
            raise Problem(409, "instance_not_connected", "the instance is just being started; try again") from error
        except TimeoutError as error:
            detail = f"WhatsApp did not answer within {LOOKUP_TIMEOUT_S:g} seconds; try again"
            raise Problem(504, "no_answer", detail) from error
        except WorkerLost as error:
            raise _not_asked(str(error)) from error
        if result.error:
            raise _not_asked(result.error)
        return NumberOwner(phone=result.phone, lid=result.lid)

    def _cached(self, key: CacheKey) -> NumberOwner | None:
        cached = self._cache.get(key)
        return cached[1] if cached and self._clock() - cached[0] < CACHE_TTL_S else None

    def _store(self, key: CacheKey, owner: NumberOwner) -> None:
        """A number without an account is not cached: its owner may join WhatsApp."""
        if owner.phone or owner.lid:
            self._cache[key] = (self._clock(), owner)
            self._cache.move_to_end(key)
        while len(self._cache) > MAX_CACHED_NUMBERS:
            self._cache.popitem(last=False)


def _not_asked(reason: str) -> Problem:
    return Problem(503, "number_not_asked", f"WhatsApp could not be asked: {reason}")
