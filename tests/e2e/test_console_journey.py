"""The main job through the console, in a real browser on the real topology."""

import os
import re
from pathlib import Path
from uuid import uuid4

from playwright.async_api import Page, ViewportSize, expect

from deploy.local.stack import Stack
from tests.browser import chromium_browser

IMAGES = Path(__file__).parents[2] / "docs" / "images"
expect.set_options(timeout=20_000)
PASSWORD = "correct horse battery"
ANSWER = "With pleasure: a table for two at eight."


async def _picture(page: Page, name: str) -> None:
    """A screenshot for the README, only when they are asked for: they differ a little each time."""
    if os.environ.get("WA_SCREENSHOTS") == "1":
        await page.evaluate("document.fonts.ready")
        await page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")


def _event_of(frame: str | bytes) -> str:
    """`42["typing",{…}]` → `typing`"""
    found = re.match(r'\d+\["([^"]+)"', frame) if isinstance(frame, str) else None
    return found[1] if found else ""


async def _register(page: Page) -> None:
    await page.get_by_role("button", name="Create an account").click()
    await page.fill("#name", "Nina Sommer")
    await page.fill("#organization_name", "Trattoria Sole")
    await page.fill("#email", f"nina-{uuid4().hex[:8]}@example.org")
    await page.fill("#password", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".connection.online")


async def _link(page: Page) -> None:
    await page.get_by_role("link", name="Settings").click()
    await page.get_by_role("link", name="Numbers").click()
    await page.get_by_role("button", name="Try it with a simulated phone").click()
    await page.wait_for_selector("img.qr")
    await expect(page.locator(".countdown")).to_contain_text("s left")
    await _picture(page, "qr")
    await page.locator(".pairing").get_by_role("button", name="Scan with the simulated phone").click()
    await expect(page.locator(".account .badge")).to_have_text("Online")


async def _receive(page: Page) -> str:
    """The customer writes. → the text"""
    await page.locator(".suggestion").first.click()
    text = await page.locator(".customer-form input").input_value()
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Open the conversation").click()
    await expect(page.locator(".message.in .text")).to_have_text(text)
    await expect(page.locator(".nav [data-count=bookings]")).to_have_text("1")
    return text


async def _answer(page: Page) -> None:
    await page.get_by_role("textbox", name="Write a message").fill(ANSWER)
    await page.keyboard.press("Enter")
    await expect(page.locator(".customer-log .line:not(.mine) span")).to_have_text(ANSWER)
    await expect(page.locator(".message.out")).to_have_count(1)
    await expect(page.locator(".message.out .delivery-status")).to_have_attribute("data-status", "read")


async def _see_each_other(page: Page, told: list[str]) -> None:
    await expect(page.locator(".presence")).to_have_text("online")
    assert {"presence_subscribe", "typing", "stop_typing"} <= set(told)
    await page.locator(".customer-form input").press_sequentially("Is the terrace open?")
    await expect(page.locator(".presence")).to_have_text("typing…")


async def _inbox_pictures(page: Page) -> None:
    await _picture(page, "inbox-light")
    await page.get_by_role("button", name="Dark colours").click()
    await _picture(page, "inbox-dark")
    await page.get_by_role("button", name="Light colours").click()


async def _book(page: Page, text: str) -> None:
    await page.get_by_role("link", name="Bookings").click()
    row = page.locator(".row")
    await expect(row).to_have_count(1)
    await expect(row.locator(".quote")).to_contain_text(text)
    await _picture(page, "bookings")
    await row.get_by_role("button", name="Confirm").click()
    await expect(page.get_by_role("tab", name="Confirmed 1")).to_be_visible()


async def _survives_a_reload(page: Page, text: str) -> None:
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.goto("/#/inbox")
    await page.reload()
    await page.locator(".conversation").click()
    await expect(page.locator(".message.in .text")).to_have_text(text)
    await expect(page.locator(".message.out .text")).to_have_text(ANSWER)
    await expect(page.locator(".message.out .delivery-status")).to_have_attribute("data-status", "read")
    await _picture(page, "mobile")


async def test_link_receive_book_and_answer_in_the_browser(stack: Stack) -> None:
    errors: list[str] = []
    async with chromium_browser() as browser:
        size: ViewportSize = {"width": 1360, "height": 860}
        context = await browser.new_context(base_url=stack.ready["api"], viewport=size, color_scheme="light")
        page = await context.new_page()
        page.set_default_timeout(20_000)
        told: list[str] = []
        page.on("websocket", lambda socket: socket.on("framesent", lambda frame: told.append(_event_of(frame))))
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto("/")
        await page.wait_for_selector("#email")
        await _picture(page, "login")
        await _register(page)
        await _link(page)
        text = await _receive(page)
        await _answer(page)
        await _see_each_other(page, told)
        await _inbox_pictures(page)
        await _book(page, text)
        await _survives_a_reload(page, text)
        await context.close()
    assert errors == []


async def test_a_code_to_type_survives_a_reload_is_renewed_and_links(stack: Stack) -> None:
    errors: list[str] = []
    async with chromium_browser() as browser:
        context = await browser.new_context(base_url=stack.ready["api"], viewport={"width": 1360, "height": 860})
        page = await context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto("/")
        await page.wait_for_selector("#email")
        await _register(page)
        await page.get_by_role("link", name="Settings").click()
        await page.get_by_role("link", name="Numbers").click()
        await page.get_by_role("button", name="Try it with a simulated phone").click()
        await page.wait_for_selector("img.qr")
        await page.get_by_role("button", name="Use a code instead").click()
        shown, about = page.locator(".pairing .code"), page.locator(".countdown")
        await expect(shown).to_have_text(re.compile("^[0-9A-Z]{4}-[0-9A-Z]{4}$"))
        first = await shown.inner_text()
        await page.reload()
        await expect(shown).to_have_text(first)
        await expect(about).to_contain_text(re.compile(r"[1-9][0-9]* s left · for \+\d"))
        digits = re.sub(r"\D", "", (await about.inner_text()).split("for ")[1])
        number = re.compile(r"\s*".join(digits))  # its groups change when the library that knows them has been loaded
        await page.get_by_role("button", name="New code").click()
        await expect(shown).to_have_text(re.compile(f"^(?!{first})[0-9A-Z]{{4}}-[0-9A-Z]{{4}}$"))
        await expect(about).to_contain_text(number)
        await page.locator(".pairing").get_by_role("button", name="Type it on the simulated phone").click()
        await expect(page.locator(".account .badge")).to_have_text("Online")
        await expect(page.locator(".account .who")).to_contain_text(number)
        await context.close()
    assert errors == []
