"""REST, sockets, a resumed socket and the console show one order of the messages, before and after a restart.

Random histories of texts, answers, receipts, skewed clocks, redeliveries and reconnects of three people, on two
replicas.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser

from tests.browser import chromium_browser
from tests.integration.order.account import linked_account
from tests.integration.order.conftest import Servers, add_organization, running
from tests.integration.order.history import MessageHistory, OrderScenario
from tests.integration.order.readers import (
    WAIT_TIMEOUT_S,
    SocketListener,
    Threads,
    console,
    pages,
    rest_threads,
    search_threads,
)

STEPS = 45
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with chromium_browser() as browser:
        yield browser


async def settled(http: httpx.AsyncClient, history: MessageHistory, *listeners: SocketListener) -> Threads:
    """The threads as REST lists them, once everything is recorded and told."""
    async with asyncio.timeout(WAIT_TIMEOUT_S):
        while True:
            threads = await rest_threads(http)
            told = [{text for thread in one.threads().values() for text in thread} for one in listeners]
            if all(texts == history.texts for texts in ({t for each in threads.values() for t in each}, *told)):
                return threads
            await asyncio.sleep(0.5)  # the requests of faster polling would exceed the rate limit of a user


async def check_conversations(http: httpx.AsyncClient, history: MessageHistory, threads: Threads) -> list[str]:
    """Last messages and unread counts follow the order; the ids of the conversations, the liveliest first."""
    talks = await pages(http, "/api/conversations")
    assert [talk["order_key"] for talk in talks] == sorted((talk["order_key"] for talk in talks), reverse=True)
    for talk in talks:
        messages = await pages(http, f"/api/conversations/{talk['id']}/messages")
        assert (talk["last_message"]["text"], talk["order_key"]) == (messages[0]["text"], messages[0]["order_key"])
        own = [message["order_key"] for message in messages if message["direction"] == "outbound"]
        read = max([*own, history.read_keys.get(talk["id"], 0)])
        unread = [each for each in messages if each["direction"] == "inbound" and each["order_key"] > read]
        assert talk["unread_count"] == len(unread), talk
    assert set(threads) == {talk["id"] for talk in talks}
    return [talk["id"] for talk in talks]


async def check_console(chromium: Browser, testbed: OrderScenario, threads: Threads, newest_first: list[str]) -> None:
    session = {"token": testbed.token, "refreshToken": None, "renewAt": None, "email": "ana@example.org"}
    organization = {"organizationId": testbed.http.headers["X-Organization"]}
    async with console(chromium, testbed.origin, session | organization) as shown:
        await shown.page.wait_for_selector(".conversation[data-key]")
        assert await shown.list() == newest_first
        for conversation_id, texts in threads.items():
            assert await shown.thread(conversation_id, texts) == texts


@pytest.mark.parametrize("seed", range(2), indirect=True)
async def test_everybody_sees_one_order_also_after_a_restart(
    servers: Servers, chromium: Browser, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    organization_id, instance_id, token = await add_organization(servers.database)
    headers = {"Authorization": f"Bearer {token}", "X-Organization": organization_id}
    present, absent = SocketListener(organization_id), SocketListener(organization_id)
    async with (
        linked_account(tmp_path, organization_id, instance_id, servers.nats, dice) as (account, clock),
        running(servers, headers) as (origin, http),
    ):
        for listener in (present, absent):
            await listener.open(origin, token)
        testbed = OrderScenario(http, account, clock, present, absent, origin, token, instance_id)
        history = MessageHistory(testbed, dice)
        await history.run(STEPS)
        threads = await settled(http, history, present, absent)
        people = {talk["id"]: talk["contact"]["phone_number"] for talk in await pages(http, "/api/conversations")}
        for conversation_id, thread in threads.items():
            history.check(thread, people[conversation_id])
        newest_first = await check_conversations(http, history, threads)
        assert present.threads() == absent.threads() == await search_threads(http) == threads
        await check_console(chromium, testbed, threads, newest_first)
        for listener in (present, absent):
            await listener.close()
    async with running(servers, headers) as (origin, http):
        assert await rest_threads(http) == await search_threads(http) == threads
        resumed = SocketListener(organization_id)
        resumed.sequence = 0
        await resumed.open(origin, token)
        assert await settled(http, history, resumed) == resumed.threads() == threads
        await resumed.close()
        testbed.http, testbed.origin = http, origin
        await check_console(chromium, testbed, threads, newest_first)
