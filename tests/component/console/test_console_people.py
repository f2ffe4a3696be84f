"""People in a real browser: sorted by their last contact, renamed, merged and split; two users at the same time."""

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.axe import axe_violations
from tests.component.console.backend import AT, Backend, until
from tests.component.console.many_conversations import add_people, open_page
from tests.component.console.test_console_bookings import ARABIC, FAMILY, LONG, booking, choose_language

ROWS = "article.row"


def last_contacts(backend: Backend, count: int) -> None:
    """Person 0 wrote last; each of the others a minute before the one before; the last one never."""
    for number, person in enumerate(backend.lists["contacts"][: count - 1]):
        person["last_message_at"] = f"2026-03-01T{20 - number // 60:02}:{59 - number % 60:02}:00+00:00"


async def test_people_are_sorted_by_their_last_contact_and_a_message_moves_one(console: Page, backend: Backend) -> None:
    add_people(backend, 120)
    last_contacts(backend, 120)
    backend.lists["contacts"][0]["name"] = "Zora"
    await open_page(console, "/#/people")
    await expect(console.locator(ROWS).first).to_contain_text("Person 0001")
    await console.get_by_label("Order").select_option("By last contact")
    await expect(console.locator(ROWS).first).to_contain_text("Zora")
    await expect(console.locator(ROWS).nth(1)).to_contain_text("Person 0001")
    await expect(console.locator(ROWS).nth(1).locator("time")).to_have_attribute(
        "datetime", "2026-03-01T20:58:00+00:00"
    )
    conversation = {"id": "t110", "instanceId": "i1", "contactId": "p110", "updatedAt": "2026-03-02T09:00:00+00:00"}
    person = {"id": "p110", "phoneNumber": "49170000110", "name": "Person 0110", "createdAt": AT}
    await backend.emit("conversation:updated", conversation | {"contact": person})
    await expect(console.locator(ROWS).first).to_contain_text("Person 0110")
    await expect(console.locator(ROWS).nth(1)).to_contain_text("Zora")
    await console.locator(ROWS).nth(1).get_by_role("link", name="Zora", exact=True).click()
    await expect(console.get_by_role("heading", name="Zora")).to_be_visible()
    await console.get_by_role("link", name="All people").click()
    await expect(console.get_by_label("Order")).to_have_value("last_message_at")
    await console.get_by_role("searchbox", name="Search contacts").fill("0119")
    await expect(console.locator(".empty")).to_contain_text("Nobody found")  # never wrote


async def test_a_person_has_numbers_bookings_and_conversations(console: Page, backend: Backend) -> None:
    add_people(backend, 3)
    backend.lists["bookings"] = [booking(1, contact_id="p1", starts_at="2030-05-17T18:30:00+00:00"), booking(2)]
    merged = {"id": "p9", "name": "Old Anna", "phone_number": "4917600", "merged_at": AT}
    backend.lists["contacts"][1] |= {"merges": [merged], "last_message_at": AT}
    await open_page(console, "/#/people/p1")
    await expect(console.get_by_role("heading", name="Person 0001")).to_be_visible()
    await expect(console.locator(".person-facts")).to_contain_text("+49 170000001 · +49 17600")
    bookings = console.get_by_role("region", name="Bookings")
    await expect(bookings.locator("li")).to_have_count(1)
    await expect(bookings.locator("a")).to_have_attribute("href", "#/bookings/b1")
    await expect(console.get_by_role("region", name="Conversations").locator("a")).to_have_attribute(
        "href", "#/inbox/t1"
    )
    await expect(console.get_by_role("region", name="Merged contacts")).to_contain_text("Old Anna")
    event = {"id": "b7", "instanceId": "i1", "contactId": "p1", "status": "pending", "text": "again", "createdAt": AT}
    await backend.emit("booking:created", event)
    await expect(bookings.locator("li")).to_have_count(2)
    assert await axe_violations(console) == []


@pytest.mark.parametrize("name", [ARABIC, FAMILY, LONG])
async def test_a_person_is_renamed(console: Page, backend: Backend, name: str) -> None:
    add_people(backend, 2)
    await open_page(console, "/#/people/p1")
    await console.get_by_role("button", name="Change the name").click()
    field = console.get_by_label("Name", exact=True)
    await expect(field).to_be_focused()
    await field.fill(name if name == LONG else f"  {name} ")
    await console.keyboard.press("Enter")
    await expect(console.locator("h1")).to_have_text(name)
    await expect(console.locator("h1 [dir=auto]")).to_be_visible()
    await expect(console.get_by_role("button", name="Change the name")).to_be_focused()
    assert backend.people.changes == [("contacts/p1", {"name": name, "expected_name": "Person 0001"})]
    await expect(console.locator(".person-facts")).to_contain_text("On WhatsApp: Person 0001")
    await console.get_by_role("button", name="Change the name").click()
    await console.get_by_role("button", name="Use the name from WhatsApp: Person 0001").click()
    await expect(console.get_by_role("heading", name="Person 0001")).to_be_visible()
    assert backend.people.changes[-1] == ("contacts/p1", {"name": None, "expected_name": name})


async def test_two_users_rename_a_person_at_the_same_time(console: Page, backend: Backend) -> None:
    add_people(backend, 2)
    await open_page(console, "/#/people/p1")
    await console.get_by_role("button", name="Change the name").click()
    await console.get_by_label("Name", exact=True).fill("Mine")
    backend.lists["contacts"][1]["name"] = "Theirs"
    await backend.emit("contact:updated", {"id": "p1", "name": "Theirs", "mergedIds": []})
    await console.get_by_role("button", name="Save").dblclick()
    await expect(console.locator(".name-form .error")).to_contain_text("Somebody else changed the name to Theirs.")
    await expect(console.get_by_label("Name", exact=True)).to_have_value("Mine")
    assert backend.people.changes == []
    await console.get_by_role("button", name="Save").click()
    await expect(console.get_by_role("heading", name="Mine")).to_be_visible()
    assert backend.people.changes == [("contacts/p1", {"name": "Mine", "expected_name": "Theirs"})]


async def test_an_outage_keeps_the_typed_name(console: Page, backend: Backend) -> None:
    add_people(backend, 2)
    await open_page(console, "/#/people/p1")
    await console.get_by_role("button", name="Change the name").click()
    await console.get_by_label("Name", exact=True).fill("Typed with care")
    backend.outage = {"status": 503, "code": "bus_unavailable"}
    await console.keyboard.press("Enter")
    await expect(console.locator(".name-form .error")).to_contain_text("A part of the server is not running right now.")
    await expect(console.get_by_label("Name", exact=True)).to_have_value("Typed with care")
    backend.outage = None
    await console.get_by_role("button", name="Save").click()
    await expect(console.get_by_role("heading", name="Typed with care")).to_be_visible()
    assert len(backend.people.changes) == 1


async def test_two_contacts_with_numbers_are_merged_after_a_second_look_and_split_again(
    console: Page, backend: Backend
) -> None:
    add_people(backend, 4)
    await open_page(console, "/#/people/p1")
    await console.get_by_role("button", name="Merge with another").click()
    dialog = console.get_by_role("dialog")
    await dialog.get_by_role("button", name="Merge", exact=True).click()
    await expect(dialog.locator(".field .error")).to_have_text("Choose a person.")
    await dialog.get_by_role("combobox").fill("person")
    await expect(dialog.get_by_role("option")).to_have_count(3)  # not the contact itself
    await dialog.get_by_role("option", name="Person 0003").click()
    await dialog.get_by_role("button", name="Merge", exact=True).click()
    await expect(dialog.locator(".warning-text")).to_contain_text("+49 170000001 · +49 170000003")
    assert backend.people.changes == []
    await dialog.get_by_role("button", name="Merge anyway").dblclick()
    await expect(dialog).to_have_count(0)
    assert backend.people.changes == [("contacts/p1/merge", {"other_id": "p3", "anyway": True})]
    merges = console.get_by_role("region", name="Merged contacts")
    await expect(merges).to_contain_text("Person 0003")
    await expect(console.get_by_role("region", name="Conversations").locator("a")).to_have_count(2)
    await merges.get_by_role("button", name="Split Person 0003 off").click()
    backend.refusal = {"status": 409, "code": "contact_not_merged"}  # a colleague was faster
    await dialog.get_by_role("button", name="Split").click()
    await expect(dialog.locator(".error.box")).to_contain_text("These contacts are separate already.")
    backend.refusal = None
    await dialog.get_by_role("button", name="Split").click()
    await expect(merges).not_to_contain_text("Person 0003")
    assert backend.people.changes[-1] == ("contacts/p1/split", {"merged_id": "p3"})


async def test_suggested_pairs_are_merged_or_dismissed(console: Page, backend: Backend) -> None:
    add_people(backend, 5)
    people = backend.lists["contacts"]
    people[2]["phone_number"] = None
    backend.lists["contacts/merge-suggestions"] = [
        {"contact": people[1], "other": people[2], "reason": "same_name"},
        {"contact": people[3], "other": people[4], "reason": "number_variant"},
    ]
    await open_page(console, "/#/people")
    suggestions = console.get_by_role("region", name="2 people may be in your list twice")
    await suggestions.get_by_role("button", name="Show").click()
    pairs = console.locator(".suggested-pair")
    await expect(pairs.nth(0)).to_contain_text("They have the same name.")
    assert await axe_violations(console) == []
    await pairs.nth(1).get_by_role("button", name="Not the same person").dblclick()
    await expect(pairs).to_have_count(1)
    assert backend.people.dismissed == [frozenset({"p3", "p4"})]
    backend.lists["contacts/merge-suggestions"] = []
    await pairs.nth(0).get_by_role("button", name="Merge…").click()
    await console.get_by_role("dialog").get_by_role("button", name="Merge", exact=True).click()
    await expect(console.locator(".merge-suggestions")).to_have_count(0)
    await expect(console.locator(ROWS)).to_have_count(4)
    assert backend.people.changes[-1] == ("contacts/p1/merge", {"other_id": "p2", "anyway": False})


async def test_a_late_answer_about_another_person_is_dropped(console: Page, backend: Backend) -> None:
    add_people(backend, 3)
    first = asyncio.Event()

    async def hold(name: str, _query: object) -> None:
        if name == "contacts/p1":
            await first.wait()

    await open_page(console, "/#/people")
    backend.before_answer = hold
    await console.goto("/#/people/p1")
    await until(lambda: "contacts/p1" in backend.requests, console)
    await console.goto("/#/people/p2")
    await expect(console.get_by_role("heading", name="Person 0002")).to_be_visible()
    first.set()
    await console.wait_for_load_state("networkidle")
    await expect(console.get_by_role("heading", name="Person 0002")).to_be_visible()
    await console.goto("/#/people/nobody")
    await expect(console.locator(".empty")).to_contain_text("This person is not in your list")


async def test_a_viewer_reads_people_and_changes_nothing(console: Page, backend: Backend) -> None:
    add_people(backend, 2)
    backend.lists["contacts"][1]["merges"] = [{"id": "p9", "name": "Old", "merged_at": AT}]
    backend.lists["contacts/merge-suggestions"] = [{"contact": {"id": "p0"}, "other": {"id": "p1"}, "reason": "x"}]
    backend.claims = {"scopes": ["read"], "role": "viewer"}
    await console.evaluate("localStorage.clear()")
    await console.reload()
    await console.fill("#email", "me@example.org")
    await console.fill("#password", "right")
    await console.keyboard.press("Enter")
    await console.wait_for_selector(".connection.online")
    await console.goto("/#/people")
    await expect(console.locator(ROWS)).to_have_count(2)
    await expect(console.locator(".merge-suggestions")).to_have_count(0)
    await console.goto("/#/people/p1")
    await expect(console.get_by_role("region", name="Merged contacts")).to_contain_text("Old")
    await console.wait_for_load_state("networkidle")
    await expect(console.locator("main button")).to_have_count(0)


@pytest.mark.parametrize(
    ("language", "title", "order", "rename"),
    [
        ("en", "People", "By last contact", "Change the name"),
        ("es", "Personas", "Por último contacto", "Cambiar el nombre"),
        ("pt-BR", "Pessoas", "Por último contato", "Mudar o nome"),
    ],
)
async def test_people_in_three_languages_on_a_phone_with_all_kinds_of_names(
    console: Page, backend: Backend, language: str, title: str, order: str, rename: str
) -> None:
    add_people(backend, 4)
    last_contacts(backend, 4)
    for number, name in enumerate((ARABIC, FAMILY, LONG)):
        backend.lists["contacts"][number]["name"] = name
    await choose_language(console, language)
    await console.set_viewport_size({"width": 320, "height": 640})
    await open_page(console, "/#/people")
    await expect(console.get_by_role("heading", name=title)).to_be_visible()
    await console.locator("select").select_option(order)
    await expect(console.locator(ROWS).first).to_contain_text(ARABIC)
    wide = "document.querySelector('.view').scrollWidth - document.querySelector('.view').clientWidth"
    assert await console.evaluate(wide) == 0
    assert await axe_violations(console) == []
    await console.goto("/#/people/p2")
    await expect(console.locator("h1")).to_have_text(LONG)
    assert await console.evaluate(wide) == 0
    assert await axe_violations(console) == []
    await console.get_by_role("button", name=rename).click()
    assert await console.evaluate(wide) == 0


async def test_the_keyboard_reaches_people_that_are_not_in_the_page(console: Page, backend: Backend) -> None:
    add_people(backend, 200)
    await open_page(console, "/#/people")
    await console.locator("[data-key='row p0']").focus()
    for _ in range(30):
        await console.keyboard.press("ArrowDown")
    await expect(console.locator("[data-key='row p30']")).to_be_focused()
    await console.keyboard.press("Tab")
    await expect(console.locator("[data-key='person p30']")).to_be_focused()
    await console.keyboard.press("Enter")
    await expect(console.get_by_role("heading", name="Person 0030")).to_be_visible()
