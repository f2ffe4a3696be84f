"""Bookings in a real browser: made, rescheduled, decided, with their history; two people at once."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.axe import axe_violations
from tests.component.console.backend import AT, Backend, Record, until
from tests.component.console.many_conversations import add_people, open_page

ARABIC = "محمد عبد الله"
FAMILY = "\U0001f468‍\U0001f469‍\U0001f467‍\U0001f466 Família"
LONG = "x" * 256


def booking(number: int, status: str = "pending", **fields: object) -> Record:
    made = {"id": f"b{number}", "instance_id": "i1", "contact_id": f"p{number}", "status": status, "created_at": AT}
    return made | {"text": f"table {number}", "history": [{"status": "pending", "at": AT}], **fields}


async def choose_language(console: Page, language: str) -> None:
    await console.evaluate("(language) => localStorage.setItem('switchboard.language', language)", language)


def use_time_zone(backend: Backend, zone: str) -> None:
    organization: Any = {"id": "o1", "name": "Salon", "settings": {"time_zone": zone}}
    backend.lists["organization"] = organization


async def more(console: Page, row: str, item: str) -> None:
    await console.locator(f"[data-row={row}]").get_by_role("button", name="More for").click()
    await console.get_by_role("menuitem", name=item).click()


async def test_a_booking_is_made_for_a_person_that_the_server_finds(console: Page, backend: Backend) -> None:
    add_people(backend, 300)
    backend.lists["contacts"][299]["name"] = ARABIC
    backend.lists["bookings"] = []
    use_time_zone(backend, "America/Sao_Paulo")
    await open_page(console, "/#/bookings")
    await console.get_by_role("button", name="New booking").click()
    dialog = console.get_by_role("dialog")
    await dialog.get_by_role("button", name="Make the booking").click()
    await expect(dialog.locator(".field .error").first).to_have_text("Choose a person.")
    await dialog.get_by_role("combobox", name="Person").fill("عبد")
    await expect(dialog.get_by_role("option")).to_have_count(1)
    await console.keyboard.press("ArrowDown")
    await console.keyboard.press("Enter")
    await expect(dialog.locator(".chosen-person [dir=auto]")).to_have_text(ARABIC)
    await dialog.get_by_label("Date").fill("2030-05-17")
    await dialog.get_by_role("button", name="Make the booking").click()
    await expect(dialog.locator("#booking-time-error")).to_have_text("Choose a time.")
    await dialog.get_by_label("Time", exact=True).fill("15:30")
    await dialog.get_by_label("What is booked").fill("Cut and colour")
    await dialog.get_by_label("Note").fill("by the window")
    await dialog.get_by_role("button", name="Make the booking").dblclick()
    await expect(dialog).to_have_count(0)
    [(path, body)] = backend.people.changes
    assert path == "bookings"
    assert body == {
        "contact_id": "p299",
        "text": "Cut and colour",
        "starts_at": "2030-05-17T18:30:00.000Z",
        "note": "by the window",
    }
    await console.get_by_role("tab", name="Confirmed").click()
    row = console.locator("article.row")
    await expect(row.locator(".name a")).to_have_text(ARABIC)
    await expect(row.locator(".name a")).to_have_attribute("dir", "auto")
    await expect(row.locator(".booking-time")).to_contain_text("May 17, 2030, 03:30")


async def test_an_open_booking_of_the_person_is_named_and_what_was_typed_stays(console: Page, backend: Backend) -> None:
    add_people(backend, 3)
    backend.lists["bookings"] = [booking(1)]
    await open_page(console, "/#/people/p1")
    await console.get_by_role("button", name="New booking").click()
    dialog = console.get_by_role("dialog")
    await dialog.get_by_label("Note").fill("two children")
    await dialog.get_by_role("button", name="Make the booking").click()
    await expect(dialog.locator(".error.box")).to_contain_text("This customer has an open booking already.")
    await expect(dialog.get_by_label("Note")).to_have_value("two children")
    await dialog.get_by_role("link", name="Show the open booking").click()
    await expect(console.get_by_role("dialog", name="Booking")).to_contain_text("table 1")
    assert await console.evaluate("location.hash") == "#/bookings/b1"


async def test_an_outage_while_a_booking_is_made_loses_nothing_and_makes_it_once(
    console: Page, backend: Backend
) -> None:
    add_people(backend, 3)
    backend.lists["bookings"] = []
    await open_page(console, "/#/people/p1")
    await console.get_by_role("button", name="New booking").click()
    dialog = console.get_by_role("dialog")
    await dialog.get_by_label("What is booked").fill("Dinner")
    backend.refusal = {"status": 503, "code": "bus_unavailable"}
    await dialog.get_by_role("button", name="Make the booking").click()
    await expect(dialog.locator(".error.box")).to_contain_text("A part of the server is not running right now.")
    await expect(dialog.get_by_label("What is booked")).to_have_value("Dinner")
    backend.refusal = None
    await dialog.get_by_role("button", name="Make the booking").click()
    await expect(console.locator(".booking-line[data-id]")).to_contain_text("Dinner")
    assert len(backend.people.keys) == 2
    assert len(set(backend.people.keys)) == 1


async def test_the_history_says_who_did_what_when_and_why(console: Page, backend: Backend) -> None:
    add_people(backend, 2)
    backend.lists["users"] = [{"id": "u2", "name": "Bea"}]
    steps = [
        {"status": "pending", "at": AT},
        {"status": "confirmed", "at": AT, "by": "u2", "note": "called <b>back</b>"},
        {"status": "confirmed", "at": AT, "by": "u1", "starts_at": "2030-05-17T18:30:00+00:00"},
    ]
    backend.lists["bookings"] = [booking(1, "confirmed", history=steps, starts_at="2030-05-17T18:30:00+00:00")]
    await open_page(console, "/#/bookings/b1")
    history = console.get_by_role("dialog").locator(".booking-history li")
    await expect(history).to_have_count(3)
    await expect(history.nth(0)).to_contain_text("By a message")
    await expect(history.nth(1)).to_contain_text("Bea")
    await expect(history.nth(1).locator(".booking-note")).to_have_text("called <b>back</b>")
    await expect(history.nth(2)).to_contain_text("New date and time")
    await expect(history.nth(2)).to_contain_text("You")
    await console.get_by_role("dialog").get_by_role("button", name="Complete").click()
    await expect(history).to_have_count(4)
    assert await axe_violations(console) == []
    await console.keyboard.press("Escape")
    await expect(console.get_by_role("dialog")).to_have_count(0)
    assert await console.evaluate("location.hash") == "#/bookings"


async def test_a_double_click_confirms_once_and_a_final_decision_is_asked_for(console: Page, backend: Backend) -> None:
    add_people(backend, 3)
    backend.lists["bookings"] = [booking(1), booking(2, "confirmed")]
    await open_page(console, "/#/bookings")
    await console.get_by_role("tab", name="All").click()
    await console.locator("[data-row=b1]").get_by_role("button", name="Confirm").dblclick()
    await expect(console.locator("[data-row=b1]")).to_contain_text("Confirmed")
    await more(console, "b2", "No-show")
    dialog = console.get_by_role("dialog")
    await dialog.get_by_role("button", name="Back").click()
    await more(console, "b2", "Cancel the booking")
    await dialog.get_by_label("Note").fill("rain")
    await dialog.get_by_role("button", name="Cancel the booking").dblclick()
    await expect(console.locator("[data-row=b2]")).to_contain_text("Cancelled")
    assert backend.people.changes == [("bookings/b1/confirm", {}), ("bookings/b2/cancel", {"note": "rain"})]


async def test_whoever_is_too_late_learns_what_a_colleague_decided(console: Page, backend: Backend) -> None:
    add_people(backend, 2)
    backend.lists["bookings"] = [booking(1)]
    await open_page(console, "/#/bookings")
    row = console.locator("[data-row=b1]")
    await expect(row).to_be_visible()
    backend.lists["bookings"][0]["status"] = "cancelled"  # by a colleague; the event is still on its way
    await row.get_by_role("button", name="Confirm").click()
    await expect(console.locator(".toast.bad")).to_contain_text(
        "Somebody else changed this booking in the meantime. Its status is now: Cancelled."
    )
    await expect(row).to_have_count(0)
    assert backend.people.changes == []


async def test_a_viewer_reads_bookings_and_changes_nothing(console: Page, backend: Backend) -> None:
    backend.claims = {"scopes": ["read"], "role": "viewer"}
    await console.evaluate("localStorage.clear()")
    await console.reload()
    await console.fill("#email", "me@example.org")
    await console.fill("#password", "right")
    await console.keyboard.press("Enter")
    await console.wait_for_selector(".connection.online")
    await console.goto("/#/bookings")
    row = console.locator("[data-row=b1]")
    await expect(row).to_contain_text("Waiting")
    await expect(console.get_by_role("button", name="New booking")).to_have_count(0)
    await expect(row.get_by_role("button", name="Confirm")).to_have_count(0)
    await row.get_by_role("button", name="More for").click()
    await expect(console.get_by_role("menuitem")).to_have_text(["Details and history"])
    await console.keyboard.press("Enter")
    await expect(console.get_by_role("dialog")).to_contain_text("Hi")
    await expect(console.get_by_role("dialog").locator(".booking-actions button")).to_have_count(0)


@pytest.mark.parametrize(
    ("language", "title", "make", "waiting"),
    [
        ("en", "Bookings", "New booking", "Waiting"),
        ("es", "Reservas", "Nueva reserva", "En espera"),
        ("pt-BR", "Agendamentos", "Novo agendamento", "Em espera"),
    ],
)
async def test_bookings_in_three_languages_on_a_phone_with_all_kinds_of_names(
    console: Page, backend: Backend, language: str, title: str, make: str, waiting: str
) -> None:
    add_people(backend, 4)
    for number, name in enumerate((ARABIC, FAMILY, LONG)):
        backend.lists["contacts"][number]["name"] = name
    backend.lists["bookings"] = [booking(number, starts_at="2030-05-17T18:30:00+00:00") for number in range(3)]
    await choose_language(console, language)
    await console.set_viewport_size({"width": 320, "height": 640})
    await open_page(console, "/#/bookings")
    await expect(console.get_by_role("heading", name=title)).to_be_visible()
    await expect(console.get_by_role("tab", name=f"{waiting} 3")).to_be_visible()
    for name in (ARABIC, FAMILY, LONG):
        await expect(console.locator("article.row", has_text=name).locator(".name a")).to_have_attribute("dir", "auto")
    wide = "document.querySelector('.view').scrollWidth - document.querySelector('.view').clientWidth"
    assert await console.evaluate(wide) == 0
    assert await axe_violations(console) == []
    await console.get_by_role("button", name=make).click()
    await expect(console.get_by_role("dialog")).to_be_visible()
    assert await axe_violations(console) == []


async def test_an_event_changes_one_row(console: Page, backend: Backend) -> None:
    add_people(backend, 20)
    backend.lists["bookings"] = [booking(number) for number in range(20)]
    await open_page(console, "/#/bookings")
    await expect(console.locator("[data-row=b5]")).to_be_visible()
    await console.evaluate("""() => {
        window.changedRows = new Set();
        new MutationObserver((records) => {
            for (const { target } of records) {
                const row = (target.closest ? target : target.parentElement)?.closest("[data-row]");
                if (row) window.changedRows.add(row.dataset.row);
            }
        }).observe(document.querySelector(".virtual"), { subtree: true, childList: true, characterData: true });
    }""")
    event = {"id": "b5", "instanceId": "i1", "contactId": "p5", "status": "pending", "text": "moved", "createdAt": AT}
    await backend.emit("booking:updated", event)
    await expect(console.locator("[data-row=b5]")).to_contain_text("moved")
    assert await console.evaluate("[...window.changedRows]") == ["b5"]


async def test_the_details_that_are_read_late_are_those_of_the_booking_on_show(console: Page, backend: Backend) -> None:
    add_people(backend, 3)
    backend.lists["bookings"] = [booking(1), booking(2)]
    first = asyncio.Event()

    async def hold(name: str, _query: object) -> None:
        if name == "bookings/b1":
            await first.wait()

    await open_page(console, "/#/bookings")
    backend.before_answer = hold
    await console.goto("/#/bookings/b1")
    await until(lambda: "bookings/b1" in backend.requests, console)
    await console.goto("/#/bookings/b2")
    await expect(console.get_by_role("dialog")).to_contain_text("table 2")
    first.set()
    await console.wait_for_load_state("networkidle")
    await expect(console.get_by_role("dialog")).to_contain_text("table 2")
    await console.goto("/#/bookings/nothing")
    await expect(console.get_by_role("dialog")).to_contain_text("This booking does not exist.")


async def test_a_decision_without_an_answer_is_shown_as_soon_as_it_is_known(console: Page, backend: Backend) -> None:
    add_people(backend, 2)
    backend.lists["bookings"] = [booking(1)]
    await open_page(console, "/#/bookings")
    await console.get_by_role("tab", name="All").click()
    row = console.locator("[data-row=b1]")
    await console.route("**/confirm", lambda route: route.abort())
    await row.get_by_role("button", name="Confirm").click()
    await expect(row.locator(".error")).to_contain_text("The server cannot be reached.")
    await expect(row.get_by_role("button", name="Confirm")).to_be_enabled()
    event = {"id": "b1", "instanceId": "i1", "contactId": "p1", "status": "confirmed", "createdAt": AT}
    await backend.emit("booking:updated", event)  # it was carried out
    await expect(row.get_by_role("button", name="Complete")).to_be_visible()
    await expect(row.locator(".error")).to_have_count(0)
