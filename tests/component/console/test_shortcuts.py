"""The console by keyboard: shortcuts, the list of them, the command palette."""

import pytest
from playwright.async_api import Page, expect

from tests.axe import axe_violations
from tests.component.console.backend import Backend

CHOOSE = """async (language) => {
  const root = new URL(document.querySelector('script[src*="main.js"]').src);
  (await import(new URL("language.js", root))).chooseLanguage(language);
}"""
SWITCH_OFF = """async () => {
  const root = new URL(document.querySelector('script[src*="main.js"]').src);
  const { preferences } = await import(new URL("store/profile.js", root));
  preferences.value = { ...preferences.value, shortcuts: false };
}"""
ORDER = """() => [...document.querySelectorAll('main a[href^="#/inbox/"]')]
  .sort((one, other) => one.getBoundingClientRect().top - other.getBoundingClientRect().top)
  .map((link) => link.getAttribute("href"))"""
DIALOG = "dialog[open]"


async def leave_fields(page: Page) -> None:
    await page.evaluate("document.activeElement.blur()")


async def test_the_pages_are_a_key_away_and_a_key_shows_all_keys(console: Page) -> None:
    await leave_fields(console)
    for keys, address in [("gb", "#/bookings"), ("gp", "#/people"), ("gs", "#/settings"), ("gi", "#/inbox")]:
        for key in keys:
            await console.keyboard.press(key)
        await console.wait_for_function(f"() => location.hash.startsWith('{address}')")
    await console.keyboard.press("?")
    await expect(console.locator(DIALOG)).to_contain_text("Next conversation")
    assert await axe_violations(console, within=DIALOG) == []
    await console.keyboard.press("g")
    await console.keyboard.press("b")
    await console.keyboard.press("Escape")
    await expect(console.locator(DIALOG)).to_have_count(0)
    assert await console.evaluate("location.hash") == "#/inbox"


async def test_no_shortcut_fires_while_one_types_or_when_they_are_off(console: Page) -> None:
    await console.get_by_role("link", name="Bookings").click()
    search = console.get_by_role("searchbox")
    await search.wait_for()
    await leave_fields(console)
    await console.keyboard.press("/")
    await expect(search).to_be_focused()
    await console.keyboard.type("gi?/")
    await expect(search).to_have_value("gi?/")
    await console.keyboard.press("Control+k")
    await expect(console.locator(DIALOG)).to_have_count(0)
    await leave_fields(console)
    await console.evaluate(SWITCH_OFF)
    await console.keyboard.type("gi?")
    await expect(console.locator(DIALOG)).to_have_count(0)
    assert await console.evaluate("location.hash") == "#/bookings"


async def test_keys_go_through_the_conversations_assign_and_close(console: Page, backend: Backend) -> None:
    first = backend.lists["conversations"][0]
    first["order_key"] = 2_000_000
    backend.lists["conversations"].append(first | {"id": "v2", "order_key": 1_000_000})
    await console.get_by_role("link", name="Inbox", exact=True).click()
    await console.wait_for_selector('main a[href="#/inbox/v2"]')
    await leave_fields(console)
    above, below = await console.evaluate(ORDER)
    assert {above, below} == {"#/inbox/v1", "#/inbox/v2"}
    for key, address in [("j", above), ("j", below), ("k", above), ("Alt+ArrowDown", below), ("Alt+ArrowUp", above)]:
        await console.keyboard.press(key)
        await console.wait_for_function(f"() => location.hash === '{address}'")
        await expect(console.get_by_label("Write a message", exact=True)).to_be_visible()
    await expect(console.get_by_role("button", name="Assign to me")).to_be_visible()
    await console.keyboard.press("a")
    await expect(console.locator(".about")).to_contain_text("you", ignore_case=True)
    await console.keyboard.press("e")
    await console.wait_for_function(f"() => location.hash === '{below}'")
    closed = above.removeprefix("#/inbox/")
    assert backend.conversation_actions[-2:] == [(closed, "assign"), (closed, "close")]


@pytest.mark.parametrize("language", ["en", "es", "pt-BR"])
async def test_the_palette_finds_people_conversations_pages_and_commands(console: Page, language: str) -> None:
    await console.evaluate(CHOOSE, language)
    await leave_fields(console)
    await console.keyboard.press("Control+k")
    field = console.get_by_role("combobox").first
    await expect(field).to_be_focused()
    await expect(console.get_by_role("option")).not_to_have_count(0)
    assert await axe_violations(console, within=DIALOG) == []
    await console.keyboard.type("anna")
    await expect(console.get_by_role("option", name="<b>Anna</b>")).to_have_count(2)
    await console.keyboard.press("ArrowDown")
    current = await field.get_attribute("aria-activedescendant")
    await expect(console.locator(f"[id='{current}']")).to_have_attribute("aria-selected", "true")
    assert current == "palette-person-c1"
    await console.keyboard.press("ArrowUp")
    await console.keyboard.press("Enter")
    await expect(console.locator(DIALOG)).to_have_count(0)
    await console.wait_for_function("() => location.hash === '#/inbox/v1'")


async def test_a_search_that_fails_is_said_in_the_palette_and_what_was_typed_stays(
    console: Page, backend: Backend
) -> None:
    await leave_fields(console)
    await console.keyboard.press("Control+k")
    backend.outage = {"status": 503, "code": "bus_unavailable", "detail": "E4711"}
    await console.keyboard.type("book")
    await expect(console.locator(f"{DIALOG} .error.box")).to_contain_text("A part of the server is not running")
    await expect(console.get_by_role("combobox").first).to_have_value("book")
    backend.outage = None
    await console.keyboard.press("Enter")
    await console.wait_for_function("() => location.hash === '#/bookings'")
