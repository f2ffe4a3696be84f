"""A caller is looked up once a second at most, and at once after an access has changed."""

import asyncio
import time

import pytest

from services.api.access import caller_cache
from services.api.access.caller_cache import CALLER_LIFETIME_S, CallerCache
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal


class Directory:
    """Counts lookups; `release` lets those that wait for it go on."""

    def __init__(self, *, waits: bool = False) -> None:
        self.principal = Principal(organization_id="acme", subject="ann")
        self.lookups = 0
        self.release = asyncio.Event()
        if not waits:
            self.release.set()

    async def look_up(self, token: str) -> Principal:
        self.lookups += 1
        principal = self.principal
        await self.release.wait()
        return principal


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_caller_is_looked_up_again_after_its_lifetime() -> None:
    directory, clock = Directory(), Clock()
    cache = CallerCache(clock)
    for elapsed_s, lookups in ((0.0, 1), (CALLER_LIFETIME_S - 0.01, 1), (0.02, 2)):
        clock.now += elapsed_s
        assert await cache.find("token", directory.look_up) is directory.principal
        assert directory.lookups == lookups


async def test_tokens_are_told_apart() -> None:
    directory, cache = Directory(), CallerCache()
    await cache.find("one", directory.look_up)
    await cache.find("two", directory.look_up)
    assert directory.lookups == 2


async def test_concurrent_requests_share_one_lookup() -> None:
    directory, cache = Directory(waits=True), CallerCache()
    requests = [asyncio.create_task(cache.find("token", directory.look_up)) for _ in range(50)]
    await asyncio.sleep(0)
    requests[0].cancel()
    await asyncio.sleep(0)
    directory.release.set()
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [directory.principal] * 49
    assert directory.lookups == 1


async def test_after_clearing_the_next_request_is_looked_up() -> None:
    directory, cache = Directory(), CallerCache()
    await cache.find("token", directory.look_up)
    cache.clear("other")
    await cache.find("token", directory.look_up)
    assert directory.lookups == 1
    cache.clear("acme")
    await cache.find("token", directory.look_up)
    assert directory.lookups == 2


async def test_a_lookup_that_began_before_an_access_changed_is_not_remembered() -> None:
    before, after, cache = Directory(waits=True), Directory(), CallerCache()
    after.principal = Principal(organization_id="acme", subject="ann", scopes=frozenset({"read"}))
    first = asyncio.create_task(cache.find("token", before.look_up))
    await asyncio.sleep(0)
    cache.clear("acme")
    assert await cache.find("token", after.look_up) is after.principal
    before.release.set()
    await first
    assert await cache.find("token", after.look_up) is after.principal


async def test_refusals_are_not_remembered() -> None:
    cache, attempts = CallerCache(), 0

    async def refuse(token: str) -> Principal:
        nonlocal attempts
        attempts += 1
        raise Problem(401, "token_invalid", "no")

    for _ in range(3):
        with pytest.raises(Problem, match="no"):
            await cache.find("token", refuse)
    assert attempts == 3


async def test_a_token_that_expires_meanwhile_is_looked_up_again() -> None:
    directory, cache = Directory(), CallerCache()
    directory.principal = Principal(organization_id="acme", subject="ann", expires_at=time.time() - 1)
    await cache.find("token", directory.look_up)
    await cache.find("token", directory.look_up)
    assert directory.lookups == 2


async def test_the_number_of_remembered_callers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller_cache, "MAX_CALLERS", 3)
    directory, cache = Directory(), CallerCache()
    for number in range(4):
        await cache.find(f"token {number}", directory.look_up)
    await cache.find("token 3", directory.look_up)
    assert directory.lookups == 4
    await cache.find("token 0", directory.look_up)
    assert directory.lookups == 5
