"""Long lists in a real browser: pages from the server, only the rows on the screen in the page, and the keyboard."""

import pytest
from playwright.async_api import Page, expect

from tests.component.console.backend import AT, Backend, until
from tests.component.console.many_conversations import (
    ROWS,
    PausedAnswers,
    add_people,
    first_on_screen,
    open_page,
    requests_to,
    writes,
)

MAX_ROWS_IN_PAGE = 60
FOCUSED = "document.activeElement.dataset.key"


async def test_all_of_1200_conversations_are_reached_with_few_rows_in_the_page(console: Page, backend: Backend) -> None:
    add_people(backend, 1200)
    await open_page(console, "/#/inbox")
    await expect(console.locator(ROWS).first).to_contain_text("Person 0000")
    most = 0
    for _ in range(100):
        await console.locator(".conversations").evaluate("node => { node.scrollTop = node.scrollHeight; }")
        most = max(most, await console.locator(".conversations [data-row]").count())
        if await console.locator(".conversation[data-key=t1199]").count():
            break
        await console.wait_for_timeout(20)
    last = console.locator("[data-row=t1199]")
    await expect(last).to_be_in_viewport()
    await expect(last).to_have_attribute("aria-setsize", "1200")
    await expect(last).to_have_attribute("aria-posinset", "1200")
    assert most < MAX_ROWS_IN_PAGE
    pages = requests_to(backend, "conversations?")
    assert len(pages) == len(set(pages)) == 24  # the only ones, each once
    row = await last.evaluate("node => node.offsetHeight")
    height = await console.locator(".virtual").evaluate("node => node.offsetHeight")
    assert height == pytest.approx(1200 * row, rel=0.01)
    await console.locator(".conversations").evaluate("node => { node.scrollTop = 0; }")
    await expect(console.locator("[data-row=t0]")).to_be_in_viewport()
    assert len(requests_to(backend, "conversations?")) == 24


async def test_the_keyboard_reaches_rows_that_are_not_in_the_page(console: Page, backend: Backend) -> None:
    add_people(backend, 200)
    await open_page(console, "/#/inbox")
    await console.locator(".conversation[data-key=t0]").focus()
    for _ in range(30):
        await console.keyboard.press("ArrowDown")
    assert await console.evaluate(FOCUSED) == "t30"
    await expect(console.locator("[data-row=t30]")).to_be_in_viewport(ratio=0.95)
    await console.keyboard.press("ArrowUp")
    assert await console.evaluate(FOCUSED) == "t29"
    while await console.evaluate(FOCUSED) != "t199":
        await console.keyboard.press("End")
        await console.wait_for_timeout(20)
    await expect(console.locator("[data-row=t199]")).to_be_in_viewport(ratio=0.95)
    await console.keyboard.press("PageUp")
    await console.keyboard.press("PageDown")
    assert await console.evaluate(FOCUSED) == "t199"
    await console.keyboard.press("Home")
    assert await console.evaluate(FOCUSED) == "t0"
    await expect(console.locator("[data-row=t0]")).to_be_in_viewport(ratio=0.95)
    await console.keyboard.press("ArrowDown")
    await console.keyboard.press("Enter")
    await expect(console.locator(".conversation[aria-current=true]")).to_have_attribute("data-key", "t1")


async def test_tab_reaches_one_row_of_the_inbox_and_leaves_the_list(console: Page, backend: Backend) -> None:
    add_people(backend, 200)
    await open_page(console, "/#/inbox/t3")
    await expect(console.locator(".conversation[aria-current=true]")).to_have_attribute("data-key", "t3")
    await console.get_by_role("searchbox", name="Search conversations and messages").focus()
    await console.keyboard.press("Tab")
    assert await console.evaluate(FOCUSED) == "t3"
    await console.keyboard.press("Tab")
    assert await console.evaluate("document.activeElement.closest('.conversations')") is None
    await console.locator(".conversations").evaluate("node => { node.scrollTop = 1500; }")
    await expect(console.locator("[data-row=t3]")).to_have_count(0)
    await console.get_by_role("searchbox", name="Search conversations and messages").focus()
    await console.keyboard.press("Tab")
    place = await first_on_screen(console)
    assert await console.evaluate(FOCUSED) == place["key"]  # what is on the screen, not far above it
    assert place["scrolled"] == 1500


async def test_the_row_with_the_focus_stays_while_it_is_off_the_screen(console: Page, backend: Backend) -> None:
    add_people(backend, 200)
    await open_page(console, "/#/inbox")
    await console.locator(".conversation[data-key=t2]").focus()
    await console.locator(".conversations").evaluate("node => { node.scrollTop = 2000; }")
    await expect(console.locator("[data-row=t35]")).to_be_in_viewport()
    assert await console.evaluate(FOCUSED) == "t2"
    await console.keyboard.press("ArrowDown")
    assert await console.evaluate(FOCUSED) == "t3"
    await expect(console.locator("[data-row=t3]")).to_be_in_viewport(ratio=0.95)


async def test_a_filter_is_the_servers_and_begins_at_the_top(console: Page, backend: Backend) -> None:
    add_people(backend, 300)
    for conversation in backend.lists["conversations"][::3]:
        conversation["status"] = "closed"
    await open_page(console, "/#/inbox")
    await expect(console.locator(ROWS).first).to_contain_text("Person 0001")
    await console.locator(".conversations").evaluate("node => { node.scrollTop = 2000; }")
    await console.get_by_role("tab", name="Closed").click()
    await expect(console.locator(ROWS).first).to_contain_text("Person 0000")
    await expect(console.locator(ROWS).nth(1)).to_contain_text("Person 0003")
    await expect(console.locator("[data-row=t0]")).to_be_in_viewport()
    assert "conversations?status=closed&limit=50" in backend.requests
    await console.get_by_role("tab", name="Mine").click()
    await expect(console.locator(".conversations .empty")).to_contain_text("No conversation is in “Mine”.")


async def test_the_search_is_the_servers(console: Page, backend: Backend) -> None:
    add_people(backend, 300)
    backend.lists["contacts"][250]["name"] = "João Conceição"
    await open_page(console, "/#/inbox")
    await console.get_by_role("searchbox", name="Search conversations and messages").fill("joao ÇÃO")
    await expect(console.locator(ROWS)).to_have_count(1)
    await expect(console.locator(ROWS)).to_contain_text("João Conceição")
    await console.get_by_role("searchbox", name="Search conversations and messages").fill("49170000299")
    await expect(console.locator(ROWS)).to_contain_text("Person 0299")
    await console.get_by_role("searchbox", name="Search conversations and messages").fill("nobody")
    await expect(console.locator(".conversations .empty")).to_contain_text("No conversation or message matches.")
    await console.keyboard.press("Escape")
    await expect(console.locator(ROWS).first).to_contain_text("Person 0000")


async def test_many_found_conversations_leave_the_found_messages_in_reach(console: Page, backend: Backend) -> None:
    add_people(backend, 100)
    found = {"kind": "message", "direction": "inbound", "type": "text", "timestamp": AT, "contact_id": "p90"}
    backend.lists["messages"] = [
        found | {"id": f"m{number}", "conversation_id": "t90", "text": f"person {number}"} for number in range(5)
    ]
    await open_page(console, "/#/inbox")
    await console.get_by_role("searchbox", name="Search conversations and messages").fill("person")
    await expect(console.locator(".conversations-title")).to_have_text("Messages")
    await expect(console.locator("[data-message]")).to_have_count(5)
    await expect(console.locator("[data-message=m0]")).to_contain_text("Person 0090")
    await expect(console.locator("[data-message=m0]")).to_have_attribute("href", "#/inbox/t90/m0")
    await console.get_by_role("button", name="More conversations").click()
    await expect(console.locator("[data-row=t12]")).to_have_attribute("aria-posinset", "13")
    assert len(requests_to(backend, "conversations?search=person")) == 2


async def test_an_outdated_answer_is_dropped(console: Page, backend: Backend) -> None:
    add_people(backend, 100)
    backend.lists["contacts"][1]["name"], backend.lists["contacts"][2]["name"] = "Alpha", "Beta"
    await open_page(console, "/#/inbox")
    paused = PausedAnswers("search=alpha")
    backend.before_answer = paused
    search = console.get_by_role("searchbox", name="Search conversations and messages")
    await search.fill("alpha")
    await until(lambda: paused.came, console)
    await search.fill("beta")
    await expect(console.locator(ROWS)).to_have_count(1)
    await expect(console.locator(ROWS)).to_contain_text("Beta")
    paused.open()
    await writes(backend, "t2")  # the page heard what came behind the answer
    await expect(console.locator(ROWS)).to_contain_text("news 0")
    await expect(console.locator(ROWS)).to_have_count(1)


async def test_a_failed_page_is_reported_and_can_be_read_again(console: Page, backend: Backend) -> None:
    add_people(backend, 120)
    refusal = {"status": 503, "code": "busy", "detail": "The server is busy."}
    backend.outage = refusal
    await open_page(console, "/#/inbox")
    await expect(console.locator(".conversations .error")).not_to_be_empty()
    backend.outage = None
    await console.locator(".conversations").get_by_role("button", name="Try again").click()
    await expect(console.locator(ROWS).first).to_contain_text("Person 0000")
    await expect(console.locator(".conversations .error")).to_have_count(0)
    backend.outage = refusal
    await console.locator(".conversations").evaluate("node => { node.scrollTop = node.scrollHeight; }")
    await expect(console.locator(".conversations .error")).not_to_be_empty()
    await expect(console.locator(ROWS)).not_to_have_count(0)
    backend.outage = None
    await console.locator(".conversations").get_by_role("button", name="Try again").click()
    while not await console.locator("[data-row=t119]").count():
        await console.locator(".conversations").evaluate("node => { node.scrollTop = node.scrollHeight; }")
        await console.wait_for_timeout(20)


async def test_a_conversation_that_is_in_no_page_is_opened_by_its_link(console: Page, backend: Backend) -> None:
    add_people(backend, 300)
    await open_page(console, "/#/inbox/t250")
    await expect(console.locator(".thread-head h2")).to_have_text("Person 0250")
    await expect(console.locator(ROWS).first).to_contain_text("Person 0000")
    await expect(console.locator("[data-row=t250]")).to_have_count(0)  # behind the last page that was read
    await writes(backend, "t250")
    await expect(console.locator(ROWS).first).to_contain_text("Person 0250")
    await expect(console.locator(ROWS).first).to_have_attribute("aria-current", "true")
    assert backend.requests.count("conversations/t250") == 1
    await console.goto("/#/inbox/%E0%A4%A")
    await expect(console.locator(".thread-head h2")).to_have_text("Conversation")


async def test_new_messages_are_marked_in_a_thread_that_is_opened_by_its_link(console: Page, backend: Backend) -> None:
    add_people(backend, 300)
    said = {"kind": "message", "direction": "inbound", "type": "text", "status": "received", "timestamp": AT}
    backend.lists["conversations/t250/messages"] = [
        said | {"id": f"m{number}", "text": f"line {number}", "order_key": number, "conversation_id": "t250"}
        for number in range(9, 0, -1)
    ]
    backend.lists["conversations"][250]["unread_count"] = 2
    await open_page(console, "/#/inbox/t250")
    await expect(console.locator(".unread-separator + .message")).to_contain_text("line 8")


async def test_a_link_leads_to_no_other_path_of_the_api(console: Page, backend: Backend) -> None:
    add_people(backend, 10)
    for link in ("..", ".", "%2e%2e", "../..", "..%2Fmessages"):
        await open_page(console, f"/#/inbox/{link}")
        await expect(console.locator(ROWS).first).to_contain_text("Person 0000")
        await until(lambda: "conversations/counts" in backend.requests, console)
    allowed = ("whatsapp/instances", "conversations", "bookings/counts")
    others = {path for path in backend.requests if not path.startswith(allowed)}
    assert others <= {"me", "organization", "users?limit=200"}
