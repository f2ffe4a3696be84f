"""At 360 pixels nothing is wider than the screen, in any view; the simulated phone is usable by touch and keys."""

import pytest
from playwright.async_api import Page, expect

from tests.component.console.backend import AT, Backend, Record

WORD = "Donaudampfschifffahrtsgesellschaftskapitaenswitwenrentenauszahlungsstelle" * 3
NAME = WORD[:80]
NUMBER = "123456789012345678901234567890"
WIDTH, HEIGHT = 360, 740
TOO_WIDE = """() => {
  const clips = (style) => style.overflowX !== "visible";
  const scrolls = (style) => ["auto", "scroll"].includes(style.overflowX);
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page");
  for (const element of document.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height || element.closest(".visually-hidden, svg")) continue;
    const style = getComputedStyle(element);
    if (scrolls(style) && element.scrollWidth > element.clientWidth + 1 && !element.matches(".tabs, .suggestions")) {
      found.push(`scrolls: ${element.className || element.tagName} ${element.scrollWidth} in ${element.clientWidth}`);
    }
    if (box.right <= innerWidth + 1 && box.left >= -1) continue;
    let parent = element.parentElement;
    while (parent && !clips(getComputedStyle(parent))) parent = parent.parentElement;
    const frame = parent?.getBoundingClientRect();
    if (frame && frame.right <= innerWidth + 1 && frame.left >= -1 && frame.width) continue;
    found.push(`${element.tagName}.${element.className}: ${Math.round(box.left)} to ${Math.round(box.right)}`);
  }
  return found.slice(0, 5);
}"""


@pytest.fixture
async def small(console: Page, backend: Backend) -> Page:
    """Logged in, with the longest names there are."""
    person = {"id": "c1", "name": NAME, "phone_number": NUMBER, "created_at": AT}
    message: Record = {
        "kind": "message",
        "type": "text",
        "direction": "inbound",
        "status": "received",
        "timestamp": AT,
        "conversation_id": "v1",
        "contact_id": "c1",
    }
    backend.customer = {"name": NAME, "number": NUMBER}
    backend.lists["whatsapp/instances"][0] |= {"instance_name": NAME, "phone_number": NUMBER, "network": "simulator"}
    backend.lists["contacts"] = [person]
    backend.lists["conversations"][0] |= {
        "contact": person,
        "unread_count": 1000,
        "last_message": message | {"id": "m1", "text": WORD},
    }
    backend.lists["bookings"][0] |= {"text": WORD, "contact": person}
    backend.lists["conversations/v1/messages"] = [
        message | {"id": "m1", "text": WORD, "referral": {"headline": WORD}},
        message | {"id": "m2", "text": f"https://example.org/{WORD}?{NUMBER * 4}", "quoted_message_id": "m1"},
        message | {"id": "m3", "type": "document", "text": None, "media": {"file_name": f"{WORD}.pdf"}},
        message | {"id": "m4", "direction": "outbound", "status": "failed", "text": NUMBER * 5, "error": "timeout: x"},
    ]
    backend.lists["messages"] = [
        message | {"id": "n1", "kind": "note", "text": WORD},
        message | {"id": "m1", "text": WORD},
    ]
    await console.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    await console.reload()
    await expect(console.locator(".nav")).to_be_visible()
    return console


async def fits(page: Page) -> None:
    found = await page.evaluate(TOO_WIDE)
    assert found == [], found


async def test_no_view_is_wider_than_the_screen(small: Page, backend: Backend) -> None:
    await expect(small.locator(".account")).to_be_visible()
    await fits(small)
    await small.get_by_role("button", name="More for").click()
    await fits(small)
    await small.get_by_role("menuitem", name="Rename").click()
    await expect(small.locator("dialog")).to_be_visible()
    await fits(small)
    await small.keyboard.press("Escape")
    for view, shown in [
        ("inbox", ".conversation"),
        ("inbox/v1", ".message"),
        ("inbox/v1/m1", ".search-result-label"),
        ("bookings", ".row"),
        ("contacts", ".row"),
        ("notes", ".note-row"),
    ]:
        await small.goto(f"/#/{view}")
        await expect(small.locator(shown).first).to_be_visible()
        await fits(small)
    await small.goto("/#/inbox")
    await small.get_by_role("searchbox", name="Search conversations and messages").fill("Donau")
    await expect(small.locator("[data-message]").first).to_be_visible()
    await fits(small)
    backend.refusal = {"status": 409, "code": "never_seen", "detail": "x", "request_id": "0" * 80}
    await small.goto("/#/bookings")
    await small.get_by_role("button", name="Confirm").click()
    await expect(small.locator(".row .error")).to_be_visible()
    await fits(small)


async def test_codes_and_errors_of_an_account_fit(small: Page, backend: Backend) -> None:
    await backend.issue_code("ABCD1234", NUMBER)
    await expect(small.locator(".pairing .code")).to_be_visible()
    await fits(small)
    await backend.issue_qr(1)
    await expect(small.locator(".pairing .qr")).to_be_visible()
    await fits(small)
    await backend.issue_qr(1, lasts=-60)
    await expect(small.locator(".pairing .pairing-status")).to_contain_text("expired")
    await fits(small)
    await backend.set_status("failed", "main_device_gone")
    backend.refusal = {"status": 500, "code": "internal_error", "detail": "x", "request_id": "0" * 80}
    await small.get_by_role("button", name="Connect").click()
    await expect(small.locator(".account .error")).to_be_visible()
    await fits(small)


async def test_the_login_fits(small: Page) -> None:
    await small.get_by_role("button", name="Log out").click()
    await expect(small.locator(".login-card")).to_be_visible()
    await fits(small)


async def phone_open_page(page: Page) -> None:
    await page.get_by_role("button", name="Simulated customer").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".customer-form")).to_be_visible()


async def test_the_simulated_phone_fits_and_every_part_can_be_reached(small: Page, backend: Backend) -> None:
    await phone_open_page(small)
    await fits(small)
    box = await small.locator(".dock").bounding_box()
    assert box
    assert (box["x"], box["width"]) == (0, WIDTH)
    for size in ({"width": WIDTH, "height": 420}, {"width": WIDTH, "height": HEIGHT}):
        await small.set_viewport_size(size)  # type: ignore[arg-type]
        await fits(small)
        for part in (".customer-form button", ".customer-form input", ".suggestion >> nth=2", ".dock .who"):
            await small.locator(part).scroll_into_view_if_needed()
            await expect(small.locator(part)).to_be_in_viewport(ratio=0.9)
        await small.locator(".suggestion >> nth=2").click()
        await expect(small.locator(".customer-form input")).to_have_value("Great, thank you!")
    await backend.set_status("qr_pending")
    await expect(small.locator(".steps li.current")).to_be_visible()
    await fits(small)


async def test_the_simulated_phone_closes_with_escape_and_gives_the_focus_back(small: Page) -> None:
    button = small.get_by_role("button", name="Simulated customer")
    for wide in (False, True):
        await small.set_viewport_size({"width": 1280 if wide else WIDTH, "height": HEIGHT})
        await phone_open_page(small)
        await expect(small.locator(".dock .who")).to_be_focused()
        await small.keyboard.press("Tab")
        await expect(small.get_by_role("button", name="Close the simulated phone")).to_be_focused()
        await small.keyboard.press("Escape")
        await expect(small.locator(".dock")).to_be_hidden()
        await expect(button).to_be_focused()
        await phone_open_page(small)
        await small.get_by_role("button", name="Close the simulated phone").click()
        await expect(button).to_be_focused()
    await small.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    await phone_open_page(small)
    await button.evaluate("node => node.focus()")
    await small.keyboard.press("Escape")
    await expect(small.locator(".dock")).to_be_hidden()


async def test_escape_closes_a_dialog_above_the_simulated_phone_first(small: Page) -> None:
    await small.set_viewport_size({"width": 1280, "height": HEIGHT})
    await phone_open_page(small)
    await small.get_by_role("button", name="More for").click()
    await small.keyboard.press("Escape")
    await expect(small.locator('[role="menu"]')).to_have_count(0)
    await expect(small.locator(".dock")).to_be_visible()
