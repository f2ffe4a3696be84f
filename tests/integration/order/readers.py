"""Who reads a conversation: a REST caller, sockets, and the console in a browser. Each tells the order it shows."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import socketio
from playwright.async_api import Browser

PAGE_LENGTH = 7
"""Messages in one page, so that several pages are read."""
WAIT_TIMEOUT_S = 60.0

Threads = dict[str, list[str]]
"""By conversation: the texts, the oldest first."""


async def pages(http: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    """Everything a list has, page after page."""
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": PAGE_LENGTH}
    while True:
        answer = await http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["data"]
        if not page["next_cursor"]:
            return found
        query["cursor"] = page["next_cursor"]


async def rest_threads(http: httpx.AsyncClient) -> Threads:
    talks = await pages(http, "/api/conversations")
    lists = [await pages(http, f"/api/conversations/{talk['id']}/messages") for talk in talks]
    return {talk["id"]: [each["text"] for each in reversed(list_)] for talk, list_ in zip(talks, lists, strict=True)}


async def search_threads(http: httpx.AsyncClient) -> Threads:
    """From the list of all messages of the organization."""
    threads: Threads = {}
    for message in reversed(await pages(http, "/api/messages")):
        threads.setdefault(message["conversation_id"], []).append(message["text"])
    return threads


class SocketListener:
    """A front end that keeps what it hears of messages, and sorts it as the guide says."""

    def __init__(self, organization_id: str) -> None:
        self._organization_id = organization_id
        self.messages: dict[str, dict[str, Any]] = {}
        self.sequence: int | None = None
        self._client: Any = None

    def threads(self) -> Threads:
        threads: Threads = {}
        for message in sorted(self.messages.values(), key=lambda each: (each["orderKey"], each["id"])):
            threads.setdefault(message["conversationId"], []).append(message["content"])
        return threads

    async def open(self, origin: str, token: str) -> None:
        """Connect; after a break with `since`, which tells what was missed."""
        self._client = socketio.AsyncClient(reconnection=False)
        self._client.on("*", self._hear)
        auth = {"token": token} | ({} if self.sequence is None else {"since": self.sequence})
        await self._client.connect(origin, auth=auth, transports=["websocket"], wait_timeout=WAIT_TIMEOUT_S)
        answer = await self._client.call("join-organization", self._organization_id, timeout=WAIT_TIMEOUT_S)
        assert answer["success"], answer
        self.sequence = max(answer["sequence"], self.sequence or 0)

    async def close(self) -> None:
        await self._client.disconnect()

    async def _hear(self, event: str, payload: dict[str, Any]) -> None:
        self.sequence = max(self.sequence or 0, payload.get("sequence", 0))
        if event == "new_message":
            known = self.messages.setdefault(payload["id"], payload)
            assert known["orderKey"] == payload["orderKey"]


class Console:
    """The page, with the session of somebody who logged in."""

    def __init__(self, page: Any) -> None:
        self.page = page

    async def thread(self, conversation_id: str, wanted: list[str]) -> list[str]:
        """The texts from top to bottom, once as many are shown as are wanted."""
        await self.page.evaluate("(hash) => { location.hash = hash; }", f"#/inbox/{conversation_id}")
        texts = self.page.locator(".bubble .text")
        async with asyncio.timeout(WAIT_TIMEOUT_S):
            while await texts.count() < len(wanted):
                await asyncio.sleep(0.05)
        return list(await texts.all_text_contents())

    async def list(self) -> list[str]:
        """The ids of the conversations, from top to bottom."""
        talks = self.page.locator(".conversation[data-key]")
        return [str(await talk.get_attribute("data-key")) for talk in await talks.all()]


@asynccontextmanager
async def console(chromium: Browser, origin: str, session: dict[str, Any]) -> AsyncIterator[Console]:
    context = await chromium.new_context(base_url=origin)
    key = json.dumps("switchboard.session")
    await context.add_init_script(f"localStorage.setItem({key}, {json.dumps(json.dumps(session))})")
    try:
        page = await context.new_page()
        await page.goto("/#/inbox")
        await page.wait_for_selector(".connection.online", timeout=WAIT_TIMEOUT_S * 1000)
        yield Console(page)
    finally:
        await context.close()
