"""One budget for REST and sockets: of a caller, of an organization, and of an address for wrong credentials."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from nats.aio.client import Client

from services.realtime.rate_budget import RESERVATION_SIZE
from shared.contracts.ids import new_id
from shared.contracts.principal import Principal, issue_token
from shared.contracts.queries import ApiKeyOwner, TakeRateLimit, VerifyApiKey
from shared.messaging.rpc_client import rpc_request
from tests.component.api.conftest import Member
from tests.integration.realtime.conftest import service, token
from tests.security.socket_clients import Platform, RawClient, logged_in, platform, raw_client
from tests.token_keys import SIGNING_KEY

CALLER, ORGANIZATION, FAILURES = 40, 60, 6


@pytest.fixture
async def limited(mongo_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    limits = {
        "rate_limit_caller": CALLER,
        "rate_limit_organization": ORGANIZATION,
        "rate_limit_failures": FAILURES,
    }
    async with platform(mongo_url, tmp_path_factory.mktemp("bus"), **limits) as running:
        await within_one_window(running)
        yield running


async def within_one_window(running: Platform) -> None:
    """At the end of a minute what was asked counts a little less; these tests count within one."""
    now = (await running.database.command("hello"))["localTime"]
    if now.second > 50:
        await asyncio.sleep(60.5 - now.second)


async def granted(client: RawClient, organization_id: str, times: int) -> int:
    answers = [await client.ask("join-organization", organization_id, number=number + 1) for number in range(times)]
    assert {answer.get("code", "") for answer in answers} <= {"", "rate_limited"}
    return sum(answer["success"] for answer in answers)


async def over_rest(member: Member, times: int) -> int:
    answers = await asyncio.gather(*(member.http.get("/api/organization") for _ in range(times)))
    return sum(answer.status_code == 200 for answer in answers)


async def test_rest_and_sockets_of_a_caller_share_one_budget(limited: Platform) -> None:
    """12fd981: 2,400 requests of a socket were answered while REST said 429."""
    async with limited.stage.member() as member, AsyncExitStack() as stack:
        caller = member.http.headers["Authorization"].removeprefix("Bearer ")
        sockets = [await stack.enter_async_context(logged_in(limited.realtime, caller)) for _ in range(2)]
        stack.push_async_callback(member.http.aclose)
        first = await over_rest(member, 15)
        by_socket = [await granted(socket, member.organization_id, 30) for socket in sockets]
        last = await over_rest(member, 10)
        assert first == 15
        assert CALLER - first - RESERVATION_SIZE - len(sockets) <= sum(by_socket) <= CALLER - first
        assert last <= RESERVATION_SIZE
        assert first + sum(by_socket) + last <= CALLER


async def test_the_callers_of_an_organization_share_its_budget_and_others_have_their_own(limited: Platform) -> None:
    """12fd981: sockets were counted for no organization."""
    organization_id, other = new_id(), new_id()
    async with AsyncExitStack() as stack:
        people = [Principal(organization_id=organization_id, subject=name) for name in ("nina", "tom")]
        counts = []
        for person in people:
            client = await stack.enter_async_context(logged_in(limited.realtime, issued(person)))
            counts.append(await granted(client, organization_id, CALLER))
        assert ORGANIZATION - RESERVATION_SIZE - len(people) <= sum(counts) <= ORGANIZATION
        stranger = await stack.enter_async_context(logged_in(limited.realtime, token(other)))
        assert await granted(stranger, other, 10) == 10


def issued(person: Principal) -> str:
    return issue_token(person, SIGNING_KEY, timedelta(minutes=5))


async def test_opening_sockets_over_and_over_is_counted(limited: Platform) -> None:
    """12fd981: each cost three calls of JetStream, and there was no bound."""
    organization_id, opened = new_id(), 0
    for _ in range(CALLER + 5):
        async with raw_client(limited.realtime) as client:
            answer = await client.log_in(token(organization_id))
            opened += answer.startswith("40")
            assert answer.startswith("40") or "rate_limited" in answer
    assert CALLER - RESERVATION_SIZE <= opened <= CALLER


async def test_a_local_bucket_bounds_a_caller_while_the_api_is_away(nats_url: str) -> None:
    async with service(nats_url, socket_caller_limit=60, socket_burst=1000, socket_rate=1000) as url:
        organization_id = new_id()
        async with logged_in(url, token(organization_id)) as one, logged_in(url, token(organization_id)) as two:
            answered = await granted(one, organization_id, 15) + await granted(two, organization_id, 15)
            assert 8 <= answered < 25


async def test_the_query_counts_like_rest_and_for_the_organization_of_its_subject(limited: Platform) -> None:
    nats, organization_id = limited.stage.nats, new_id()

    async def take(count: int) -> Any:
        return await rpc_request(nats, TakeRateLimit(organization_id=organization_id, caller="nina", count=count))

    assert [(await take(count))["granted"] for count in (30, 30, 1)] == [30, 10, 0]
    assert (await take(1))["retry_after"] >= 1
    subject = TakeRateLimit.subject_filter(organization_id, "-")
    forged = TakeRateLimit(organization_id=new_id(), caller="nina").model_dump_json().encode()
    with pytest.raises(TimeoutError):
        await nats.request(subject, forged, timeout=0.5)


async def test_wrong_credentials_of_an_address_have_one_budget_over_rest_sockets_and_nats(limited: Platform) -> None:
    """12fd981: every wrong credential was answered, 13,000 a second."""
    good = token(new_id())
    async with limited.stage.client(Authorization="Bearer wrong") as http, limited.stage.member() as member:
        over_http = [(await http.get("/api/organization")).status_code for _ in range(3)]
        by_socket = [await wrong_login(limited.realtime, secret) for secret in ("wrong", "sbk_" + "x" * 43)]
        rest = [(await http.get("/api/organization")).status_code for _ in range(5)]
        assert over_http == [401] * 3
        assert by_socket == ["token_invalid"] * 2
        assert rest == [401] + [429] * 4
        refused = await http.get("/api/organization")
        assert refused.json()["code"] == "too_many_failures"
        assert int(refused.headers["Retry-After"]) >= 1
        assert await wrong_login(limited.realtime, "wrong") == "too_many_failures"
        assert await wrong_login(limited.realtime, "sbk_" + "y" * 43) == "too_many_failures"
        bucket = await limited.database.rate_counters.find_one({"_id": "failed:127.0.0.1"})
        assert bucket
        assert bucket["count"] <= FAILURES
        # others behind the same address go on
        assert await over_rest(member, 3) == 3
        async with logged_in(limited.realtime, good) as client:
            assert not client.closed
        made = await member.http.post("/api/api-keys", json={"name": "Till", "scopes": ["read"]})
        async with logged_in(limited.realtime, made.json()["data"]["key"]) as client:
            assert not client.closed


async def wrong_login(url: str, secret: str) -> str:
    async with raw_client(url) as client:
        answer = await client.log_in(secret)
    assert answer.startswith("44")
    return next(code for code in ("token_invalid", "too_many_failures") if code in answer)


async def test_keys_guessed_on_the_bus_are_counted(limited: Platform) -> None:
    """12fd981: without a bound."""
    nats: Client = limited.stage.nats

    async def guess(client: str | None) -> ApiKeyOwner:
        query = VerifyApiKey(organization_id="unknown", key="sbk_" + new_id(), client=client)
        reply = await nats.request(query.full_subject, query.model_dump_json().encode(), timeout=5)
        return ApiKeyOwner.model_validate_json(reply.data)

    for client in ("2001:db8::1", None):
        found = [await guess(client) for _ in range(FAILURES + 2)]
        assert [bool(answer.retry_after) for answer in found] == [False] * FAILURES + [True] * 2
    assert (await guess("2001:db8::ffff:1")).retry_after
    assert not (await guess("2001:db9::1")).retry_after


async def test_an_expired_token_is_no_guess(limited: Platform) -> None:
    old = token(new_id(), timedelta(seconds=-5))
    async with limited.stage.client(Authorization=f"Bearer {old}") as http:
        found = [await http.get("/api/organization") for _ in range(FAILURES + 2)]
        assert {answer.status_code for answer in found} == {401}
