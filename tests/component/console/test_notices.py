"""Sound and desktop notifications for new messages, and bars for numbers that are not connected."""

from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.component.console.backend import Backend

LISTEN = """() => {
  window.given = [];
  AudioContext.prototype.createOscillator = new Proxy(AudioContext.prototype.createOscillator, {
    apply(target, self, values) { window.given.push({ sound: true }); return Reflect.apply(target, self, values); },
  });
  window.Notification = class {
    static permission = "granted";
    static requestPermission = async () => "granted";
    constructor(title, options) { window.given.push({ title, ...options }); window.lastNotification = this; }
    close() {}
  };
}"""
PREFER = """async (part) => {
  const root = new URL(document.querySelector('script[src*="main.js"]').src);
  const { preferences } = await import(new URL("store/profile.js", root));
  preferences.value = { ...preferences.value, ...part };
}"""


async def write(backend: Backend, text: str, message_id: str, **more: Any) -> None:
    now = datetime.now(UTC).isoformat()
    message = {"id": message_id, "content": text, "isOutgoing": False, "conversationId": "v1", "timestamp": now}
    await backend.emit("new_message", {**message, "status": "received", "type": "text", "from": "4917612345678"} | more)


async def listen(page: Page, **preferences: Any) -> None:
    """The page's notices go to `window.given`."""
    await page.evaluate(LISTEN)
    await page.evaluate(PREFER, {"desktop_notifications": True, "sound": True, **preferences})
    await page.keyboard.press("Shift")  # browsers play no sound before a press


async def given(page: Page) -> list[dict[str, Any]]:
    return list(await page.evaluate("window.given"))


async def notification(page: Page) -> dict[str, Any]:
    await page.wait_for_function("() => window.given.some((one) => one.title)")
    return next(one for one in await given(page) if "title" in one)


async def assert_nothing_was_given(page: Page, backend: Backend) -> None:
    """The notice of a later message would come with the earlier ones."""
    await page.wait_for_timeout(1_500)
    assert await given(page) == []


async def test_a_burst_is_one_notice_which_leads_to_the_conversation(console: Page, backend: Backend) -> None:
    await listen(console)
    for at in range(5):
        await write(backend, f"word{at} " + "long " * 200, f"n{at}")
    notice = await notification(console)
    assert notice["title"] == "<b>Anna</b>"
    assert notice["body"].startswith("5 new messages: word4 long")
    assert len(notice["body"]) < 200
    tones = [one for one in await given(console) if "sound" in one]
    assert len(tones) == 2
    await console.evaluate("window.lastNotification.onclick()")
    await expect(console.get_by_label("Write a message", exact=True)).to_be_visible()
    assert await console.evaluate("location.hash") == "#/inbox/v1"


async def test_the_conversation_that_one_looks_at_gives_no_notice(console: Page, backend: Backend) -> None:
    await console.evaluate("location.hash = '#/inbox/v1'")
    await expect(console.get_by_label("Write a message", exact=True)).to_be_visible()
    await listen(console)
    await write(backend, "seen", "n1")
    await assert_nothing_was_given(console, backend)


@pytest.mark.parametrize(
    "preferences",
    [{"sound": False, "desktop_notifications": False}, {"quiet_from": "00:00", "quiet_until": "23:59"}],
)
async def test_what_is_switched_off_gives_no_notice(
    console: Page, backend: Backend, preferences: dict[str, Any]
) -> None:
    await listen(console, **preferences)
    await write(backend, "not now", "n1")
    await assert_nothing_was_given(console, backend)


async def test_old_messages_and_own_ones_give_no_notice(console: Page, backend: Backend) -> None:
    await listen(console)
    await write(backend, "old", "n1", timestamp="2026-01-01T00:00:00+00:00")
    await write(backend, "own", "n2", isOutgoing=True)
    await write(backend, "👍", "n3", type="reaction")
    await assert_nothing_was_given(console, backend)


async def test_one_tab_of_two_gives_the_notice(console: Page, backend: Backend) -> None:
    other = await console.context.new_page()
    await other.goto("/#/bookings")
    await other.wait_for_selector(".connection.online")
    await listen(console)
    await listen(other)
    await write(backend, "to both", "n1")
    await console.wait_for_timeout(2_500)
    titles = [one["title"] for page in (console, other) for one in await given(page) if "title" in one]
    tones = [one for page in (console, other) for one in await given(page) if "sound" in one]
    assert (titles, len(tones)) == (["<b>Anna</b>"], 2)


async def test_quiet_hours_go_over_midnight(page: Page) -> None:
    rule = "([c, f, u]) => import('/console/js/notices/notice_rules.js').then((rules) => rules.isQuiet(c, f, u))"
    for clock, from_, until_, quiet in [
        ("23:30", "22:00", "07:00", True),
        ("06:59", "22:00", "07:00", True),
        ("07:00", "22:00", "07:00", False),
        ("21:59", "22:00", "07:00", False),
        ("13:00", "12:00", "14:00", True),
        ("14:00", "12:00", "14:00", False),
        ("13:00", None, None, False),
    ]:
        assert await page.evaluate(rule, [clock, from_, until_]) is quiet


async def test_a_number_that_is_not_connected_is_a_bar_in_every_view(console: Page, backend: Backend) -> None:
    await backend.set_status("logged_out", "logged_out")
    for view in ("Inbox", "Bookings", "People"):
        await console.get_by_role("link", name=view, exact=False).first.click()
        await expect(console.locator(".number-bar")).to_contain_text("Front desk is not connected")
        await expect(console.locator(".number-bar")).to_contain_text("The phone removed this device.")
    await console.get_by_role("link", name="Link again").click()
    await expect(console.locator(".account")).to_be_visible()
    await expect(console.locator(".number-bar")).to_have_count(0)
    await console.get_by_role("link", name="Bookings").click()
    await backend.set_status("connected")
    await expect(console.locator(".number-bar")).to_have_count(0)


async def test_the_favicon_shows_that_something_is_unread(console: Page, backend: Backend) -> None:
    icon = "document.querySelector('link[rel=icon]').href"
    assert str(await console.evaluate(icon)).endswith("/icon.svg")
    await backend.receive("Hello")
    await console.wait_for_function(f"() => {icon}.endsWith('/icon-unread.svg')")
