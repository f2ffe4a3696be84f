"""Rate limits: per caller and per organization, the same in every replica."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from services.api.settings import ApiSettings
from tests.component.api.conftest import Api, Member, running
from tests.servers import free_port

CALLER, ORGANIZATION = 5, 8


@pytest.fixture(scope="module")
async def replicas(api: Api, settings: ApiSettings) -> AsyncIterator[list[str]]:
    """Two with low limits on the database of the api."""
    async with AsyncExitStack() as stack:
        limits = {"rate_limit_caller": CALLER, "rate_limit_organization": ORGANIZATION}
        changed = [settings.model_copy(update={**limits, "http_port": free_port()}) for _ in range(2)]
        yield [await stack.enter_async_context(running(each)) for each in changed]


@pytest.fixture(autouse=True)
async def one_window(api: Api) -> None:
    """Requests of the previous minute count less; these tests need to stay within one minute."""
    now = (await api.database.command("hello"))["localTime"]
    if now.second > 55:
        await asyncio.sleep(60.5 - now.second)


async def statuses(member: Member, urls: list[str], times: int) -> list[int]:
    """Of `times` requests, some at each replica, in order of the status."""
    requests = (member.http.get(f"{urls[number % len(urls)]}/api/organization") for number in range(times))
    return sorted(answer.status_code for answer in await asyncio.gather(*requests))


async def test_a_caller_gets_as_many_as_the_limit_over_all_replicas(member: Member, replicas: list[str]) -> None:
    assert await statuses(member, replicas, 12) == [200] * CALLER + [429] * (12 - CALLER)


async def test_the_members_of_an_organization_share_its_limit(
    api: Api, member: Member, stranger: Member, replicas: list[str]
) -> None:
    async with api.member("viewer", member.organization_id) as colleague:
        found = await statuses(member, replicas, CALLER) + await statuses(colleague, replicas, CALLER)
    assert found.count(200) == ORGANIZATION
    assert await statuses(stranger, replicas, CALLER) == [200] * CALLER


async def test_every_response_has_the_remaining_requests(member: Member, replicas: list[str]) -> None:
    for left in range(CALLER - 1, -1, -1):
        answer = await member.http.get(f"{replicas[0]}/api/organization")
        assert (answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]) == (str(CALLER), str(left))
    refused = await member.http.get(f"{replicas[1]}/api/organization")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert 0 < int(refused.headers["RateLimit-Reset"]) <= 60
    assert 0 < int(refused.headers["Retry-After"]) <= 120
    assert refused.headers["Content-Type"] == "application/problem+json"


async def test_a_bucket_is_deleted_when_it_no_longer_counts(api: Api, member: Member) -> None:
    await member.get("/api/organization")
    bucket = await api.database.rate_counters.find_one({"_id": member.organization_id})
    indexes = await api.database.rate_counters.index_information()
    assert bucket
    assert bucket["expires_at"]
    assert [index["key"] for index in indexes.values() if index.get("expireAfterSeconds") == 0] == [[("expires_at", 1)]]


async def test_what_lies_long_ago_no_longer_counts(api: Api, member: Member, replicas: list[str]) -> None:
    await statuses(member, replicas, CALLER + 1)
    long_ago = {"$inc": {"window": -5}}
    await api.database.rate_counters.update_many({"_id": {"$regex": member.organization_id}}, long_ago)
    assert await statuses(member, replicas, CALLER) == [200] * CALLER
