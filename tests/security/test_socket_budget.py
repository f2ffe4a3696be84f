"""One budget for REST and sockets: of a caller, of an organization, and of an address for wrong credentials."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from nats.aio.client import Client

from services.realtime.rate_budget import RESERVATION_SIZE
from shared.contracts.access_tokens import issue_token
from shared.contracts.ids import new_id
from shared.contracts.principal import Principal
from shared.contracts.queries import ApiKeyOwner, TakeRateLimit, VerifyApiKey
from shared.messaging.rpc_client import rpc_request
from tests.component.api.conftest import Member
from tests.integration.realtime.conftest import service, token
from tests.security.socket_clients import Platform, RawClient, logged_in, platform, raw_client
from tests.token_keys import SIGNING_KEY

CALLER_LIMIT, ORGANIZATION_LIMIT, FAILURE_LIMIT = 40, 60, 6


@pytest.fixture
async def limited(mongo_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    limits = {
        "rate_limit_caller": CALLER_LIMIT,
        "rate_limit_organization": ORGANIZATION_LIMIT,
        "rate_limit_failures": FAILURE_LIMIT,
    }
    async with platform(mongo_url, tmp_path_factory.mktemp("bus"), **limits) as running:
        await within_one_window(running)
        yield running


async def within_one_window(running: Platform) -> None:
    """Requests of the previous minute count less and less; these tests count within one minute."""
    now = (await running.database.command("hello"))["localTime"]
    if now.second > 50:
        await asyncio.sleep(60.5 - now.second)


async def count_granted(client: RawClient, organization_id: str, times: int) -> int:
    answers = [await client.call("join-organization", organization_id, number=number + 1) for number in range(times)]
    assert {answer.get("code", "") for answer in answers} <= {"", "rate_limited"}
    return sum(answer["success"] for answer in answers)


async def count_rest_requests(member: Member, times: int) -> int:
    answers = await asyncio.gather(*(member.http.get("/api/organization") for _ in range(times)))
    return sum(answer.status_code == 200 for answer in answers)


async def test_rest_and_sockets_of_a_caller_share_one_budget(limited: Platform) -> None:
    """At 12fd981, 2,400 requests of a socket were answered while REST answered 429."""
    async with limited.api.member() as member, AsyncExitStack() as stack:
        caller = member.http.headers["Authorization"].removeprefix("Bearer ")
        sockets = [await stack.enter_async_context(logged_in(limited.realtime, caller)) for _ in range(2)]
        stack.push_async_callback(member.http.aclose)
        first = await count_rest_requests(member, 15)
        by_socket = [await count_granted(socket, member.organization_id, 30) for socket in sockets]
        last = await count_rest_requests(member, 10)
        assert first == 15
        assert CALLER_LIMIT - first - RESERVATION_SIZE - len(sockets) <= sum(by_socket) <= CALLER_LIMIT - first
        assert last <= RESERVATION_SIZE
        assert first + sum(by_socket) + last <= CALLER_LIMIT


async def test_the_callers_of_an_organization_share_its_budget_and_others_have_their_own(limited: Platform) -> None:
    """12fd981: sockets were counted for no organization."""
    organization_id, other = new_id(), new_id()
    async with AsyncExitStack() as stack:
        people = [Principal(organization_id=organization_id, subject=name) for name in ("nina", "tom")]
        counts = []
        for person in people:
            client = await stack.enter_async_context(logged_in(limited.realtime, token_of(person)))
            counts.append(await count_granted(client, organization_id, CALLER_LIMIT))
        assert ORGANIZATION_LIMIT - RESERVATION_SIZE - len(people) <= sum(counts) <= ORGANIZATION_LIMIT
        stranger = await stack.enter_async_context(logged_in(limited.realtime, token(other)))
        assert await count_granted(stranger, other, 10) == 10


def token_of(person: Principal) -> str:
    return issue_token(person, SIGNING_KEY, timedelta(minutes=5))


async def test_logins_count_as_requests(limited: Platform) -> None:
    """12fd981: each cost three calls of JetStream, without a limit."""
    organization_id, login_count = new_id(), 0
    for _ in range(CALLER_LIMIT + 5):
        async with raw_client(limited.realtime) as client:
            answer = await client.log_in(token(organization_id))
            login_count += answer.startswith("40")
            assert answer.startswith("40") or "rate_limited" in answer
    assert CALLER_LIMIT - RESERVATION_SIZE <= login_count <= CALLER_LIMIT


async def test_a_local_bucket_limits_a_caller_while_the_api_is_unreachable(nats_url: str) -> None:
    async with service(nats_url, socket_caller_limit=60, socket_burst=1000, socket_rate=1000) as url:
        organization_id = new_id()
        async with logged_in(url, token(organization_id)) as one, logged_in(url, token(organization_id)) as two:
            answered = await count_granted(one, organization_id, 15) + await count_granted(two, organization_id, 15)
            assert 8 <= answered < 25


async def test_the_query_counts_like_rest_and_for_the_organization_of_its_subject(limited: Platform) -> None:
    nats, organization_id = limited.api.nats, new_id()

    async def take(count: int) -> Any:
        return await rpc_request(nats, TakeRateLimit(organization_id=organization_id, caller="nina", count=count))

    assert [(await take(count))["granted"] for count in (30, 30, 1)] == [30, 10, 0]
    assert (await take(1))["retry_after"] >= 1
    subject = TakeRateLimit.subject_filter(organization_id, "-")
    forged = TakeRateLimit(organization_id=new_id(), caller="nina").model_dump_json().encode()
    answer = json.loads((await nats.request(subject, forged, timeout=5)).data)
    assert (answer["success"], answer["code"], "granted" in answer) == (False, "organization_mismatch", False)


async def test_wrong_credentials_of_an_address_have_one_budget_over_rest_sockets_and_nats(limited: Platform) -> None:
    """12fd981: every wrong credential was answered, 13,000 a second."""
    good = token(new_id())
    async with limited.api.client(Authorization="Bearer wrong") as http, limited.api.member() as member:
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
        assert bucket["count"] <= FAILURE_LIMIT
        # other callers behind the same address are not affected
        assert await count_rest_requests(member, 3) == 3
        async with logged_in(limited.realtime, good) as client:
            assert not client.closed
        created = await member.http.post("/api/api-keys", json={"name": "Till", "scopes": ["read"]})
        async with logged_in(limited.realtime, created.json()["data"]["key"]) as client:
            assert not client.closed


async def wrong_login(url: str, secret: str) -> str:
    async with raw_client(url) as client:
        answer = await client.log_in(secret)
    assert answer.startswith("44")
    return next(code for code in ("token_invalid", "too_many_failures") if code in answer)


async def test_keys_guessed_over_nats_are_counted(limited: Platform) -> None:
    """12fd981: without a limit."""
    nats: Client = limited.api.nats

    async def guess(client: str | None) -> ApiKeyOwner:
        query = VerifyApiKey(organization_id="unknown", key="sbk_" + new_id(), client=client)
        reply = await nats.request(query.full_subject, query.model_dump_json().encode(), timeout=5)
        return ApiKeyOwner.model_validate_json(reply.data)

    for client in ("2001:db8::1", None):
        results = [await guess(client) for _ in range(FAILURE_LIMIT + 2)]
        assert [bool(answer.retry_after) for answer in results] == [False] * FAILURE_LIMIT + [True] * 2
    assert (await guess("2001:db8::ffff:1")).retry_after
    assert not (await guess("2001:db9::1")).retry_after


async def test_an_expired_token_does_not_count_as_a_guess(limited: Platform) -> None:
    old = token(new_id(), timedelta(seconds=-5))
    async with limited.api.client(Authorization=f"Bearer {old}") as http:
        results = [await http.get("/api/organization") for _ in range(FAILURE_LIMIT + 2)]
        assert {answer.status_code for answer in results} == {401}
