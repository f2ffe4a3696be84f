"""Many people who write to the account of the console's tests, and what the page shows of their list."""

import asyncio
from typing import Any
from uuid import uuid4

from playwright.async_api import Page
from starlette.datastructures import QueryParams

from tests.component.console.backend import AT, Backend, Record

ROWS = ".talk[data-key]"
FIRST_ROW = """(scroller) => {
    const node = document.querySelector(scroller);
    const top = node.getBoundingClientRect().top;
    const places = [...node.querySelectorAll("[data-row]")].map(
        (row) => ({key: row.dataset.row, y: row.getBoundingClientRect().top - top}));
    const first = places.filter((row) => row.y >= 0).sort((one, other) => one.y - other.y)[0];
    return {...first, scrolled: node.scrollTop};
}"""


def crowd(backend: Backend, count: int, **fields: object) -> None:
    """`count` people with a conversation each instead of the one; person 0 wrote last."""
    backend.lists["contacts"].clear()
    backend.lists["conversations"].clear()
    for number in range(count):
        name = f"Person {number:04}"
        person = {"id": f"p{number}", "phone_number": f"49170{number:06}", "name": name, "created_at": AT}
        last: Record = {
            "id": f"s{number}",
            "type": "text",
            "text": f"text {number}",
            "direction": "inbound",
            "timestamp": AT,
        }
        talk: Record = {"id": f"t{number}", "instance_id": "i1", "contact_id": person["id"], "contact": person}
        key = 1_700_000_000_000_000 - number
        talk |= {"order_key": key, "last_message": last | {"order_key": key}, "updated_at": AT, "status": "open"}
        backend.lists["contacts"].append(person)
        backend.lists["conversations"].append({**talk, "unread_count": 0, **fields})


async def shown(console: Page, path: str) -> None:
    """The page, loaded anew: with what the backend has now."""
    await console.goto(path.replace("#", f"?{uuid4().hex}#"))
    await console.wait_for_selector(".live.on", state="attached")


def message(conversation: str, number: int = 0) -> Record:
    """The event of a new message that is newer than all; a greater number is newer."""
    said = {"id": f"new-{conversation}-{number}", "content": f"news {number}", "isOutgoing": False, "type": "text"}
    key = 1_800_000_000_000_000 + number
    return said | {"conversationId": conversation, "timestamp": AT, "orderKey": key, "status": "received"}


async def writes(backend: Backend, conversation: str, number: int = 0) -> None:
    """The person writes: the record changes, and the sockets are told."""
    told = message(conversation, number)
    for talk in backend.lists["conversations"]:
        if talk["id"] == conversation:
            last = {"id": told["id"], "type": "text", "text": told["content"], "direction": "inbound"}
            talk["last_message"] = last | {"timestamp": AT, "order_key": told["orderKey"]}
            talk |= {"order_key": told["orderKey"], "unread_count": talk["unread_count"] + 1, "status": "open"}
    await backend.tell("new_message", told)


async def first_on_screen(console: Page, scroller: str = ".talks") -> dict[str, Any]:
    """Key and place of the first row that is wholly on the screen, and how far the list is scrolled."""
    found: dict[str, Any] = await console.evaluate(FIRST_ROW, scroller)
    return found


def asked(backend: Backend, start: str) -> list[str]:
    """The requests that began so, without those for the conversations of people."""
    return [path for path in backend.asked if path.startswith(start) and "contact_id" not in path]


class PausedAnswers:
    """Answers of requests with this in their query wait until the gate is opened."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._open = asyncio.Event()
        self.came = 0
        """So many requests wait or waited."""

    async def __call__(self, name: str, asked: QueryParams) -> None:
        if self._query in f"{name}?{asked}":
            self.came += 1
            await self._open.wait()

    def open(self) -> None:
        self._open.set()
