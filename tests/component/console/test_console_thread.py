"""A thread opens at a message, and what is loaded of it has no gap: pages at both ends, the newest, interruptions."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from playwright.async_api import Page, expect

from tests.component.console.backend import Backend, Record, until

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
ON_SCREEN = """() => {
    const log = document.querySelector(".log").getBoundingClientRect();
    const isIn = (box) => box.top >= log.top - 1 && box.bottom <= log.bottom + 1;
    const messages = [...document.querySelectorAll(".message")];
    return messages.filter((one) => isIn(one.getBoundingClientRect())).map((one) => one.dataset.id);
}"""
ANNOUNCED = "[role=status].visually-hidden"


def line(number: int) -> Record:
    at = START + timedelta(minutes=number)
    return {
        "id": f"m{number:04}",
        "kind": "message",
        "type": "text",
        "direction": "inbound",
        "status": "received",
        "text": f"line {number}",
        "conversation_id": "v1",
        "contact_id": "c1",
        "timestamp": at.isoformat(),
        "order_key": int(at.timestamp() * 1_000_000),
    }


def long_conversation(backend: Backend, count: int, unread: int = 0) -> None:
    backend.lists["conversations/v1/messages"] = [line(number) for number in range(count)]
    backend.lists["conversations"][0] |= {"unread_count": unread}


async def says(backend: Backend, number: int, *, told: bool = True) -> None:
    """The contact writes line `number`."""
    record = line(number)
    backend.lists["conversations/v1/messages"].append(record)
    payload = {
        "id": record["id"],
        "content": record["text"],
        "isOutgoing": False,
        "conversationId": "v1",
        "type": "text",
        "status": "received",
        "timestamp": record["timestamp"],
        "orderKey": record["order_key"],
        "from": "49176",
    }
    if told:
        await backend.emit("new_message", payload)


async def opened_at(console: Page, number: int | None) -> None:
    """Loaded once: a thread that is open before a reload may mark messages as read."""
    place = "v1" if number is None else f"v1/m{number:04}"
    await console.goto(f"/?{uuid4().hex}#/inbox/{place}")
    await console.wait_for_selector(".connection.online")


async def open_page(page: Page) -> list[int]:
    """The numbers of the lines in the thread, from the top."""
    texts = await page.locator(".message .text").all_inner_texts()
    return [int(text.split()[1]) for text in texts if re.fullmatch(r"line \d+", text)]


async def no_gap(page: Page) -> list[int]:
    numbers = await open_page(page)
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    return numbers


async def scrolled(page: Page, place: str) -> None:
    await page.locator(".log").evaluate(f"node => {{ node.scrollTop = {place}; }}")


async def test_a_search_result_opens_at_its_message_highlighted_and_announced(console: Page, backend: Backend) -> None:
    long_conversation(backend, 300)
    await opened_at(console, 120)
    await expect(console.locator("[data-id=m0120]")).to_be_in_viewport(ratio=0.9)
    await expect(console.locator("[data-id=m0120] .search-result-label")).to_have_text("Search result")
    await expect(console.locator(".search-result")).to_have_count(1)
    await expect(console.locator(ANNOUNCED, has_text="Message found: received")).to_contain_text("line 120")
    assert (
        backend.page_queries[-1] == {"limit": "50", "around": "m0120"}
        or {"limit": "50", "around": "m0120"} in backend.page_queries
    )
    await no_gap(console)
    await expect(console.locator(".search-result-label")).to_have_count(0, timeout=20_000)
    await expect(console.locator("[data-id=m0120]")).to_be_in_viewport(ratio=0.9)


async def on_screen(page: Page) -> list[int]:
    """The numbers of the lines that are completely on the screen, from the top."""
    ids: list[str] = []
    for _ in range(600):  # rows are drawn in the frame after a jump
        if ids := await page.evaluate(ON_SCREEN):
            break
        await page.wait_for_timeout(50)
    return [int(one[1:]) for one in ids]


async def test_both_ends_load_while_scrolling_and_what_is_read_stays_in_place(console: Page, backend: Backend) -> None:
    long_conversation(backend, 300)
    await opened_at(console, 150)
    await expect(console.locator("[data-id=m0150]")).to_be_in_viewport()
    await no_gap(console)
    for place, end, step in (("node.scrollHeight", 299, 1), ("0", 0, -1)):
        for _ in range(60):
            await scrolled(console, place)
            await console.wait_for_timeout(20)
            edge = (await on_screen(console))[-1 if step > 0 else 0]
            if edge == end:
                break
            await expect(console.locator(f"[data-id=m{edge + step:04}]")).to_be_attached()
            await expect(console.locator(f"[data-id=m{edge:04}]")).to_be_in_viewport()
            await no_gap(console)
        assert (await on_screen(console))[-1 if step > 0 else 0] == end
        await expect(console.get_by_role("button", name="Load newer messages")).to_be_hidden()
        if step < 0:
            await expect(console.get_by_role("button", name="Load older messages")).to_be_hidden()


async def test_a_message_after_a_gap_is_not_appended_and_marks_nothing_read(console: Page, backend: Backend) -> None:
    long_conversation(backend, 300, unread=3)
    await opened_at(console, 60)
    await expect(console.locator("[data-id=m0060]")).to_be_in_viewport()
    for number in (300, 301):
        await says(backend, number)
    newest = console.get_by_role("button", name="Go to 2 new messages")
    await expect(newest).to_be_visible()
    assert (await no_gap(console))[-1] < 299
    assert ("v1", "read") not in backend.conversation_actions
    await newest.click()
    await expect(console.locator("[data-id=m0301]")).to_be_in_viewport()
    numbers = await no_gap(console)
    assert numbers[-1] == 301
    assert numbers[0] > 60
    await expect(newest).to_be_hidden()
    await until(lambda: ("v1", "read") in backend.conversation_actions, console)
    await says(backend, 302)
    await expect(console.locator("[data-id=m0302]")).to_be_in_viewport()
    await no_gap(console)


async def test_a_message_that_arrives_while_the_last_page_is_on_its_way_is_neither_lost_nor_early(
    console: Page, backend: Backend
) -> None:
    long_conversation(backend, 160)
    await opened_at(console, 80)
    await expect(console.locator("[data-id=m0080]")).to_be_in_viewport()
    paused, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        page = list(backend.lists["conversations/v1/messages"])
        paused.set()
        await go_on.wait()
        backend.lists["conversations/v1/messages"] = page  # as it was when it was read

    backend.before_page = hold
    await scrolled(console, "node.scrollHeight")
    await asyncio.wait_for(paused.wait(), 10)
    await says(backend, 160)
    await expect(console.get_by_role("button", name="Go to 1 new message")).to_be_visible()
    go_on.set()
    await expect(console.locator("[data-id=m0160]")).to_be_attached()
    assert (await no_gap(console))[-1] == 160


async def test_an_own_message_goes_to_the_newest_end_first(console: Page, backend: Backend) -> None:
    long_conversation(backend, 300)
    await opened_at(console, 40)
    await expect(console.locator("[data-id=m0040]")).to_be_in_viewport()
    await console.get_by_label("Write a message", exact=True).fill("my answer")
    await console.keyboard.press("Enter")
    await expect(console.locator(".message", has_text="my answer")).to_be_in_viewport()
    assert (await no_gap(console))[-1] == 299
    await expect(console.locator(".message").last).to_contain_text("my answer")


async def test_a_missing_message_is_reported_and_the_newest_are_shown(console: Page, backend: Backend) -> None:
    long_conversation(backend, 80)
    await opened_at(console, 4711)
    await expect(console.locator(".thread-error")).to_contain_text("This message does not exist any more.")
    await expect(console.locator("[data-id=m0079]")).to_be_in_viewport()
    await expect(console.locator(".search-result")).to_have_count(0)


async def test_after_a_long_interruption_the_thread_has_no_gap(console: Page, backend: Backend) -> None:
    long_conversation(backend, 60)
    for position, first in (("node.scrollHeight", 60), ("node.scrollHeight / 2", 200)):
        await opened_at(console, None)
        await expect(console.locator(f"[data-id=m{first - 1:04}]")).to_be_in_viewport()
        await scrolled(console, position)
        backend.first_sequence = len(backend.events) + 1
        backend.events += [("x", {"sequence": len(backend.events) + 1})]
        for number in range(first, first + 130):
            await says(backend, number, told=False)
        await backend.drop()
        await expect(console.locator(".connection.online")).to_be_visible()
        await console.get_by_role("button", name=re.compile("^Go to")).click() if "2" in position else None
        await expect(console.locator(f"[data-id=m{first + 129:04}]")).to_be_in_viewport(timeout=10_000)
        await no_gap(console)
        long_conversation(backend, 200)


async def test_a_first_page_that_fails_can_be_tried_again(console: Page, backend: Backend) -> None:
    long_conversation(backend, 60)
    await console.route("**/conversations/v1/messages*", lambda route: route.abort())
    await opened_at(console, None)
    await expect(console.locator(".thread-error")).to_contain_text("The server cannot be reached.")
    await console.unroute("**/conversations/v1/messages*")
    await console.get_by_role("button", name="Load older messages").click()
    await expect(console.locator("[data-id=m0059]")).to_be_in_viewport()
    await expect(console.locator(".thread-error")).to_be_hidden()
