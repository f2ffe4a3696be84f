"""Fills the backend with many conversations, and reads the page's list of them."""

import asyncio
from typing import Any
from uuid import uuid4

from playwright.async_api import Page
from starlette.datastructures import QueryParams

from tests.component.console.backend import AT, Backend, Record

ROWS = ".conversation[data-key]"
FIRST_ROW = """(scroller) => {
    const node = document.querySelector(scroller);
    const top = node.getBoundingClientRect().top;
    const places = [...node.querySelectorAll("[data-row]")].map(
        (row) => ({key: row.dataset.row, y: row.getBoundingClientRect().top - top}));
    const first = places.filter((row) => row.y >= 0).sort((one, other) => one.y - other.y)[0];
    return {...first, scrolled: node.scrollTop};
}"""


def add_people(backend: Backend, count: int, **fields: object) -> None:
    """Replaces the conversation by those of `count` people; person 0 wrote last."""
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
        conversation: Record = {"id": f"t{number}", "instance_id": "i1", "contact_id": person["id"], "contact": person}
        key = 1_700_000_000_000_000 - number
        conversation |= {
            "order_key": key,
            "last_message": last | {"order_key": key},
            "updated_at": AT,
            "status": "open",
        }
        backend.lists["contacts"].append(person)
        backend.lists["conversations"].append({**conversation, "unread_count": 0, **fields})


async def open_page(console: Page, path: str) -> None:
    """Loads the page again, with the backend's present data; what it reads at the start is read."""
    await console.goto(path.replace("#", f"?{uuid4().hex}#"))
    await console.wait_for_selector(".connection.online", state="attached")
    await console.wait_for_load_state("networkidle")


def message(conversation_id: str, number: int = 0) -> Record:
    """The event of a message that is newer than all others; a greater number is newer."""
    event = {"id": f"new-{conversation_id}-{number}", "content": f"news {number}", "isOutgoing": False, "type": "text"}
    key = 1_800_000_000_000_000 + number
    return event | {"conversationId": conversation_id, "timestamp": AT, "orderKey": key, "status": "received"}


async def writes(backend: Backend, conversation_id: str, number: int = 0) -> None:
    """The contact writes: updates the conversation and emits the event."""
    event = message(conversation_id, number)
    for conversation in backend.lists["conversations"]:
        if conversation["id"] == conversation_id:
            last = {"id": event["id"], "type": "text", "text": event["content"], "direction": "inbound"}
            conversation["last_message"] = last | {"timestamp": AT, "order_key": event["orderKey"]}
            conversation |= {
                "order_key": event["orderKey"],
                "unread_count": conversation["unread_count"] + 1,
                "status": "open",
            }
    await backend.emit("new_message", event)


async def first_on_screen(console: Page, scroller: str = ".conversations") -> dict[str, Any]:
    """Key and position of the first fully visible row, and the scroll position of the list."""
    row: dict[str, Any] = await console.evaluate(FIRST_ROW, scroller)
    return row


def requests_to(backend: Backend, start: str) -> list[str]:
    """The requests with this beginning, without those for the conversations of contacts."""
    return [path for path in backend.requests if path.startswith(start) and "contact_id" not in path]


class PausedAnswers:
    """Holds the answers of requests that contain this text until `open`."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._open = asyncio.Event()
        self.came = 0
        """Number of requests that were paused."""

    async def __call__(self, name: str, asked: QueryParams) -> None:
        if self._query in f"{name}?{asked}":
            self.came += 1
            await self._open.wait()

    def open(self) -> None:
        self._open.set()
