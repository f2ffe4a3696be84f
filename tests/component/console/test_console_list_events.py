"""Long lists in a real browser while events come: no jump, nothing lost, nothing twice."""

import pytest
from playwright.async_api import Page, expect

from tests.component.console.backend import Backend, until
from tests.component.console.many_conversations import (
    ROWS,
    PausedAnswers,
    add_people,
    first_on_screen,
    message,
    open_page,
    requests_to,
    writes,
)

FOCUSED = "document.activeElement.dataset.key"

LOADED_ROWS = """async () => {
    const script = performance.getEntriesByType("resource").find((one) => one.name.endsWith("/store.js"));
    const { store } = await import(script.name);
    return [store.conversations.size, store.conversations.has("x1199"), store.conversations.has("t3")];
}"""
COUNT_MADE = """() => {
    window.made = 0;
    const count = (changes) => { for (const change of changes) window.made += change.addedNodes.length; };
    new MutationObserver(count).observe(document.querySelector(".virtual"), {childList: true, subtree: true});
}"""


async def scrolled(console: Page, pixels: int, row: str) -> None:
    await console.locator(".conversations").evaluate(f"node => {{ node.scrollTop = {pixels}; }}")
    await expect(console.locator(f"[data-row={row}]")).to_be_in_viewport()


async def test_a_row_that_moves_to_the_top_moves_nothing_on_the_screen(console: Page, backend: Backend) -> None:
    add_people(backend, 200)
    await open_page(console, "/#/inbox")
    await expect(console.locator(ROWS).first).to_contain_text("Person 0000")
    await scrolled(console, 1000, "t20")
    before = await first_on_screen(console)
    await writes(backend, "t180", 1)  # in no page that was read
    await writes(backend, "t40", 2)  # below
    await writes(backend, str(before["key"]), 3)  # the first on the screen itself
    await writes(backend, "t5", 4)  # above
    await expect(console.locator(f"[data-row={before['key']}]")).not_to_be_in_viewport()
    await until(lambda: len(requests_to(backend, "conversations?limit=50")) == 1, console)
    row = await console.locator("[data-row=t20]").evaluate("node => node.offsetHeight")
    following = f"t{int(str(before['key'])[1:]) + 1}"
    await expect(console.locator(f"[data-row={following}]")).to_be_in_viewport()
    for _ in range(20):
        after = await first_on_screen(console)
        if after["scrolled"] > before["scrolled"] + 2.5 * row:
            break
        await console.wait_for_timeout(50)
    assert after["key"] == following
    assert after["y"] == pytest.approx(before["y"], abs=2)  # in the place of the row that left
    await console.locator(".conversations").evaluate("node => { node.scrollTop = 0; }")
    names = console.locator("[data-row] strong")
    await expect(console.locator("[data-row=t5]")).to_have_attribute("aria-posinset", "1")
    for place, key in enumerate(("t5", str(before["key"]), "t40", "t180"), 1):
        await expect(console.locator(f"[data-row={key}]")).to_have_attribute("aria-posinset", str(place))
    assert await names.count() == len(set(await names.all_text_contents()))


async def test_at_the_top_the_newest_is_shown(console: Page, backend: Backend) -> None:
    add_people(backend, 100)
    await open_page(console, "/#/inbox")
    await expect(console.locator(ROWS).first).to_contain_text("Person 0000")
    await writes(backend, "t30")
    await expect(console.locator(ROWS).first).to_contain_text("Person 0030")
    await expect(console.locator("[data-row=t30]")).to_be_in_viewport()


async def test_unknown_conversations_are_read_with_one_request(console: Page, backend: Backend) -> None:
    add_people(backend, 300)
    await open_page(console, "/#/inbox")
    await expect(console.locator(ROWS).first).to_contain_text("Person 0000")
    paused = PausedAnswers("conversations?limit=50")
    backend.before_answer = paused
    for number in range(10):
        await writes(backend, f"t{200 + number}", number)
    await until(lambda: paused.came, console)
    paused.open()
    await expect(console.locator(ROWS).first).to_contain_text("Person 0209")
    await expect(console.locator("[data-row=t200]")).to_have_attribute("aria-posinset", "10")
    assert len(requests_to(backend, "conversations?limit=50")) <= 2  # events during the read cause one more


async def test_a_message_that_comes_while_a_page_is_read_is_neither_lost_nor_twice(
    console: Page, backend: Backend
) -> None:
    add_people(backend, 100)
    await open_page(console, "/#/inbox")
    await expect(console.locator(ROWS).first).to_contain_text("Person 0000")
    await until(lambda: len(requests_to(backend, "conversations?status=open")) == 1, console)
    paused = PausedAnswers("cursor")
    backend.before_answer = paused
    await console.locator(".conversations").evaluate("node => { node.scrollTop = node.scrollHeight; }")
    await until(lambda: paused.came == 1, console)
    await writes(backend, "t10")
    paused.open()
    while not await console.locator("[data-row=t99]").count():
        await console.locator(".conversations").evaluate("node => { node.scrollTop = node.scrollHeight; }")
        await console.wait_for_timeout(20)
    await expect(console.locator("[data-row=t99]")).to_have_attribute("aria-posinset", "100")
    await console.locator(".conversations").evaluate("node => { node.scrollTop = 0; }")
    await expect(console.locator("[data-row=t10]")).to_have_attribute("aria-posinset", "1")


async def test_the_focus_stays_on_a_row_that_moves_and_goes_on_from_one_that_leaves(
    console: Page, backend: Backend
) -> None:
    add_people(backend, 100)
    await open_page(console, "/#/inbox")
    await console.locator(".conversation[data-key=t8]").focus()
    await writes(backend, "t8")
    await expect(console.locator(ROWS).first).to_contain_text("news 0")
    assert await console.evaluate(FOCUSED) == "t8"
    closed = {**backend.lists["conversations"][8], "status": "closed"}
    await backend.emit("conversation:updated", {"id": "t8", "status": "closed", "orderKey": closed["order_key"]})
    await expect(console.locator("[data-row=t8]")).to_have_count(0)
    assert await console.evaluate(FOCUSED) == "t0"


async def test_a_pressed_row_does_not_move(console: Page, backend: Backend) -> None:
    add_people(backend, 100)
    await open_page(console, "/#/inbox")
    box = await console.locator("[data-row=t4]").bounding_box()
    assert box
    await console.mouse.move(box["x"] + 40, box["y"] + 20)
    await console.mouse.down()
    await writes(backend, "t4", 1)
    await writes(backend, "t30", 2)
    await expect(console).to_have_title("(2) Inbox · Switchboard")  # the page heard both
    await console.mouse.up()
    await expect(console.locator(".thread-head h2")).to_have_text("Person 0004")
    await expect(console.locator(ROWS).first).to_contain_text("Person 0030")


async def test_after_an_interruption_all_in_use_is_read_again_without_a_jump(console: Page, backend: Backend) -> None:
    add_people(backend, 500)
    await open_page(console, "/#/inbox/t450")
    for pixels in range(1750, 7876, 875):
        await console.locator(".conversations").evaluate(f"node => {{ node.scrollTop = {pixels}; }}")
        await console.wait_for_timeout(50)
    await expect(console.locator("[data-row=t140]")).to_be_in_viewport()
    before = await first_on_screen(console)
    for number in (3, 450):
        backend.lists["conversations"][number] |= {"order_key": 1_900_000_000_000_000 + number, "unread_count": 1}
    backend.requests.clear()
    backend.first_sequence = 1
    backend.events.append(("nothing", {}))
    await backend.drop()
    await until(lambda: any("cursor" in path or "limit=200" in path for path in backend.requests), console)
    await console.wait_for_selector(".connection.online")
    await expect(console.locator(f"[data-row={before['key']}]")).to_be_in_viewport()
    await expect(console.locator("[data-row=t140]")).to_have_attribute("aria-posinset", "142")
    after = await first_on_screen(console)
    assert (after["key"], after["y"]) == (before["key"], pytest.approx(before["y"], abs=2))
    await expect(console.locator(".thread-head h2")).to_have_text("Person 0450")
    await console.locator(".conversations").evaluate("node => { node.scrollTop = 0; }")
    await expect(console.locator("[data-row=t450]")).to_have_attribute("aria-posinset", "1")


async def test_on_a_phone_the_place_in_the_list_is_kept_while_a_thread_is_open(console: Page, backend: Backend) -> None:
    await console.set_viewport_size({"width": 360, "height": 740})
    add_people(backend, 200)
    await open_page(console, "/#/inbox")
    await scrolled(console, 1440, "t26")
    before = await first_on_screen(console)
    await console.locator(".conversation[data-key=t26]").click()
    await expect(console.locator(".conversations-pane")).to_be_hidden()
    await writes(backend, "t60")
    await console.get_by_role("link", name="Back to all conversations").click()
    await expect(console.locator("[data-row=t26]")).to_be_in_viewport()
    assert (await first_on_screen(console))["key"] == before["key"]


async def test_the_numbers_are_the_servers_and_follow_events(console: Page, backend: Backend) -> None:
    add_people(backend, 900, unread_count=1)
    await open_page(console, "/#/inbox")
    await expect(console).to_have_title("(99+) Inbox · Switchboard")
    add_people(backend, 900)
    backend.lists["bookings"] *= 3
    await backend.emit("booking:updated", {**backend.lists["bookings"][0], "contactId": "p1"})
    await backend.emit("conversation:updated", {"id": "t800", "status": "open", "unreadCount": 0})
    await expect(console).to_have_title("Inbox · Switchboard")
    await expect(console.locator(".nav [data-count=bookings]")).to_have_text("3")
    before = len(requests_to(backend, "conversations/counts"))
    for number in range(40):
        await writes(backend, f"t{number}", number)
    await expect(console).to_have_title("(40) Inbox · Switchboard")
    assert len(requests_to(backend, "conversations/counts")) - before <= 5


async def test_the_cache_of_single_records_is_bounded(console: Page, backend: Backend) -> None:
    add_people(backend, 10)
    await open_page(console, "/#/inbox/t3")
    await expect(console.locator(".thread-head h2")).to_have_text("Person 0003")
    conversation = {"instanceId": "i1", "contactId": "p1", "status": "open", "unreadCount": 0, "orderKey": 5}
    for number in range(1200):
        await backend.socket.emit("conversation:updated", {**conversation, "id": f"x{number}"})
    for _ in range(100):
        kept, has_last, has_open = await console.evaluate(LOADED_ROWS)
        if has_last:
            break
        await console.wait_for_timeout(50)
    assert (kept, has_last, has_open) == (1000, True, True)


async def test_an_event_draws_only_what_is_on_the_screen_once(console: Page, backend: Backend) -> None:
    add_people(backend, 200)
    await open_page(console, "/#/inbox")
    await expect(console.locator(ROWS).first).to_contain_text("Person 0000")
    await console.evaluate(COUNT_MADE)
    await backend.socket.emit("message:updated", {**message("t150"), "revision": 1})  # of no page that was read
    for number in range(30):
        await backend.socket.emit("new_message", message("t0", number))
    await expect(console.locator(ROWS).first).to_contain_text("news 29")
    assert await console.evaluate("window.made") <= 30  # a row is made again at most once a frame


async def test_events_of_others_leave_the_open_thread_alone(console: Page, backend: Backend) -> None:
    add_people(backend, 100)
    await open_page(console, "/#/inbox/t50")
    await expect(console.locator(".thread-head h2")).to_have_text("Person 0050")
    await console.get_by_role("button", name="Close", exact=True).evaluate("button => { button.dataset.same = 'yes'; }")
    await console.get_by_label("Write a message", exact=True).fill("half a sentence")
    for number in range(5):
        await writes(backend, f"t{number}", number)
    await expect(console.locator("[data-row=t4]")).to_have_attribute("aria-posinset", "1")
    await expect(console.locator("[data-same=yes]")).to_be_visible()
    await expect(console.get_by_label("Write a message", exact=True)).to_be_focused()
