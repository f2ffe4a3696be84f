"""Contacts and bookings in a real browser: sorted, searched and counted by the server, page after page."""

from playwright.async_api import Page, expect

from tests.component.console.backend import AT, Backend, Record, until
from tests.component.console.many_conversations import add_people, open_page, requests_to

OPEN = "Open the conversation"


def booked(backend: Backend, count: int) -> None:
    """A booking of each of the first `count` people: person 0 booked last; every third is confirmed."""
    backend.lists["bookings"] = [
        {
            "id": f"b{number}",
            "instance_id": "i1",
            "contact_id": f"p{number}",
            "text": f"table {number}",
            "status": "pending" if number % 3 else "confirmed",
            "created_at": f"2026-03-01T{23 - number // 60:02}:{59 - number % 60:02}:00+00:00",
        }
        for number in range(count)
    ]


async def to_the_end(console: Page, row: str) -> None:
    while not await console.locator(f"[data-row={row}]").count():
        await console.locator(".view").evaluate("node => { node.scrollTop = node.scrollHeight; }")
        await console.wait_for_timeout(20)


async def test_contacts_are_sorted_by_name_to_the_last_of_many(console: Page, backend: Backend) -> None:
    add_people(backend, 300)
    people = backend.lists["contacts"]
    people[299]["name"], people[298]["name"], people[297]["name"] = "Émile", "eva", None
    await open_page(console, "/#/contacts")
    rows = console.locator("article.row")
    await expect(rows.nth(0)).to_contain_text("Émile")
    await expect(rows.nth(1)).to_contain_text("eva")
    await expect(rows.nth(2)).to_contain_text("Person 0000")
    await expect(rows.nth(0).get_by_role("link", name=OPEN)).to_have_attribute("href", "#/inbox/t299")
    await to_the_end(console, "p297")
    last = console.locator("[data-row=p297]")
    await expect(last).to_have_attribute("aria-posinset", "300")
    await expect(last).to_contain_text("+49 170000297")
    pages = requests_to(backend, "contacts?sort=name")
    assert len(pages) == len(set(pages)) == 6
    assert sum("contact_id" in path for path in backend.requests) == 6  # the conversations of each page at once
    assert await rows.count() < 60


async def test_contacts_are_searched_and_a_new_one_stands_in_its_place(console: Page, backend: Backend) -> None:
    add_people(backend, 300)
    await open_page(console, "/#/contacts")
    await expect(console.locator("article.row").first).to_contain_text("Person 0000")
    new = {"id": "n1", "phoneNumber": "4917099", "createdAt": AT}
    await backend.emit("contact:created", new | {"name": "ANNA"})
    await backend.emit("contact:created", new | {"id": "n2", "name": "Zoë"})  # behind the last page that was read
    await expect(console.locator("article.row").first).to_contain_text("ANNA")
    await expect(console.locator("article.row", has_text="Zoë")).to_have_count(0)
    await console.get_by_role("searchbox", name="Search contacts").fill("person 0299")
    await expect(console.locator("article.row")).to_have_count(1)
    await expect(console.locator("article.row")).to_contain_text("Person 0299")
    await backend.emit("contact:updated", {"id": "p299", "name": "Person 0299 junior", "mergedIds": []})
    await expect(console.locator("article.row")).to_contain_text("junior")
    await console.get_by_role("searchbox", name="Search contacts").fill("nobody")
    await expect(console.locator(".empty")).to_contain_text("Nobody found")
    await console.keyboard.press("Escape")
    await expect(console.locator("article.row").first).to_contain_text("Person 0000")


async def test_a_merged_contact_leaves_the_list(console: Page, backend: Backend) -> None:
    add_people(backend, 5)
    await open_page(console, "/#/contacts")
    await expect(console.locator("article.row")).to_have_count(5)
    backend.lists["conversations"][3]["contact_id"] = "p1"
    gone = backend.lists["contacts"].pop(3)
    await backend.emit("contact:updated", {"id": "p1", "name": "Person 0001", "mergedIds": [gone["id"]]})
    await expect(console.locator("article.row")).to_have_count(4)
    await expect(console.locator("[data-row=p1]").get_by_role("link", name=OPEN)).to_have_count(2)


async def test_bookings_are_paged_counted_and_searched_by_the_server(console: Page, backend: Backend) -> None:
    add_people(backend, 300)
    booked(backend, 300)
    await open_page(console, "/#/bookings")
    await expect(console.get_by_role("tab", name="Waiting 200")).to_be_visible()
    await expect(console.get_by_role("tab", name="All 300")).to_be_visible()
    rows = console.locator("article.row")
    await expect(rows.first).to_contain_text("Person 0001")
    await to_the_end(console, "b299")
    await expect(console.locator("[data-row=b299]")).to_have_attribute("aria-setsize", "200")
    pages = requests_to(backend, "bookings?")
    assert len(pages) == len(set(pages)) == 4
    assert not [path for path in backend.requests if path.startswith("contacts")]  # each booking carries its contact
    await console.get_by_role("tab", name="Confirmed 100").click()
    await expect(rows.first).to_contain_text("Person 0000")
    await expect(rows.first.get_by_role("link")).to_have_attribute("href", "#/inbox/t0")
    await console.get_by_role("searchbox", name="Search bookings").fill("TABLE 297")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("Person 0297")
    await console.get_by_role("searchbox", name="Search bookings").fill("nothing of this")
    await expect(console.locator(".empty")).to_contain_text("No booking of this status matches.")


async def test_a_confirmed_booking_leaves_the_tab_and_the_keyboard_goes_on(console: Page, backend: Backend) -> None:
    add_people(backend, 30)
    booked(backend, 30)
    await open_page(console, "/#/bookings")
    first = console.locator("[data-row=b1]")
    await first.get_by_role("button", name="Confirm").focus()
    await console.keyboard.press("Enter")
    await expect(first).to_have_count(0)
    await until_focused(console, "row b2")
    await console.keyboard.press("ArrowDown")
    await until_focused(console, "row b4")
    await console.keyboard.press("Tab")
    await until_focused(console, "b4-open")
    await console.keyboard.press("Tab")
    await until_focused(console, "b4-confirm")
    await expect(console.get_by_role("tab", name="Waiting 19")).to_be_visible()
    await expect(console.locator(".nav [data-count=bookings]")).to_have_text("19")
    await console.keyboard.press("End")
    await until_focused(console, "row b29")
    await console.keyboard.press("Home")
    await until_focused(console, "row b2")
    await expect(console.get_by_role("heading", name="Bookings")).to_be_in_viewport()


async def test_a_booking_appears_where_it_belongs_and_follows_its_contact(console: Page, backend: Backend) -> None:
    add_people(backend, 3)
    booked(backend, 2)
    await open_page(console, "/#/bookings")
    await expect(console.locator("article.row")).to_have_count(1)
    new = {"id": "b9", "instanceId": "i1", "contactId": "p2", "status": "pending", "text": "two", "createdAt": AT}
    backend.lists["bookings"].append(snake(new))
    await backend.emit("booking:created", new)
    await expect(console.locator("article.row").first).to_contain_text("Person 0002")
    await expect(console.get_by_role("tab", name="Waiting 2")).to_be_visible()
    await backend.emit("contact:updated", {"id": "p2", "name": "Renamed", "mergedIds": []})
    await expect(console.locator("article.row").first).to_contain_text("Renamed")
    await backend.emit("booking:updated", {**new, "status": "cancelled"})
    await expect(console.locator("article.row")).to_have_count(1)


def snake(payload: Record) -> Record:
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in key): value for key, value in payload.items()}


async def until_focused(console: Page, key: str) -> None:
    await expect(console.locator(f'[data-key="{key}"]')).to_be_focused()


async def test_a_failed_page_can_be_read_again(console: Page, backend: Backend) -> None:
    add_people(backend, 10)
    booked(backend, 10)
    await open_page(console, "/#/accounts")
    backend.outage = {"status": 503, "code": "busy"}
    for link, name in (("People", "People"), ("Bookings", "Bookings")):
        await console.get_by_role("link", name=link).click()
        await expect(console.get_by_role("heading", name=name, exact=True)).to_be_visible()
        await expect(console.locator(".list-footer .error")).not_to_be_empty()
    backend.outage = None
    await console.get_by_role("button", name="Try again").click()
    await expect(console.locator("article.row").first).to_contain_text("Person 0001")
    await console.get_by_role("link", name="People").click()
    await until(lambda: bool(requests_to(backend, "contacts?sort=name")), console)
    await expect(console.locator("article.row")).to_have_count(10)
