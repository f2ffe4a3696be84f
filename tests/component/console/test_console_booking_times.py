"""Times of bookings in the nights when clocks change, in a real browser."""

import pytest
from playwright.async_api import Page, expect

from tests.component.console.backend import Backend
from tests.component.console.many_conversations import add_people, open_page
from tests.component.console.test_console_bookings import booking, more, use_time_zone


@pytest.mark.parametrize(
    ("zone", "date", "time", "problem"),
    [
        (
            "Europe/Berlin",
            "2030-03-31",
            "02:30",
            "There is no 02:30 on this day: the clocks go from 02:00 straight to 03:00.",
        ),
        ("America/New_York", "2030-03-10", "02:00", "the clocks go from 02:00 straight to 03:00"),
        ("Australia/Lord_Howe", "2030-10-06", "02:15", "the clocks go from 02:00 straight to 02:30"),
    ],
)
async def test_a_time_that_does_not_exist_is_refused_with_the_reason(
    console: Page, backend: Backend, zone: str, date: str, time: str, problem: str
) -> None:
    add_people(backend, 2)
    backend.lists["bookings"] = [booking(1)]
    use_time_zone(backend, zone)
    await open_page(console, "/#/bookings")
    await more(console, "b1", "Set date and time")
    dialog = console.get_by_role("dialog")
    await dialog.get_by_label("Date").fill(date)
    await dialog.get_by_label("Time", exact=True).fill(time)
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.locator("#booking-time-error")).to_contain_text(problem)
    assert backend.people.changes == []


async def test_a_time_that_the_clocks_show_twice_is_asked_for(console: Page, backend: Backend) -> None:
    add_people(backend, 2)
    backend.lists["bookings"] = [booking(1)]
    use_time_zone(backend, "Europe/Berlin")
    await open_page(console, "/#/bookings")
    await more(console, "b1", "Set date and time")
    dialog = console.get_by_role("dialog")
    await dialog.get_by_label("Date").fill("2030-10-27")
    await dialog.get_by_label("Time", exact=True).fill("02:30")
    which = dialog.get_by_label("The clocks show 02:30 twice")
    await which.select_option("The second, after the clocks went back")
    await dialog.get_by_label("Note").fill("late guest")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_have_count(0)
    body = {"starts_at": "2030-10-27T01:30:00.000Z", "note": "late guest"}
    assert backend.people.changes == [("bookings/b1/reschedule", body)]
    await more(console, "b1", "Reschedule")
    await expect(dialog.get_by_label("Time", exact=True)).to_have_value("02:30")
    await expect(which).to_have_value("1")
