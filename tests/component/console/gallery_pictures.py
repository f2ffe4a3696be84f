"""Pictures of every component in every state. Run as a module, it writes those that test_gallery.py compares with:

.venv/bin/python -m tests.component.console.gallery_pictures
"""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Page, Route, expect

from tests.browser import chromium_browser
from tests.component.console.backend import Backend
from tests.component.console.picture_comparison import smaller_png
from tests.component.console.tab import EXPECT_TIMEOUT_MS, served

PICTURES = Path(__file__).parent / "gallery"
THEMES = ("light", "dark")
BROWSER_FLAGS = ("--font-render-hinting=none", "--disable-lcd-text", "--force-color-profile=srgb", "--hide-scrollbars")
"""Every machine draws letters alike."""
WIDE, NARROW = 800, 320
WINDOW_HEIGHT, SECTION_HEIGHT = 640, 2_400
"""A section is no higher: what the page scrolls out of sight is in no picture."""
PICTURED_AVATARS = 3
SECTIONS = (
    *("buttons", "icons", "tabs", "text-fields", "choices", "forms", "avatars", "badges", "layout", "tables"),
    "placeholders",
)
NARROW_SECTIONS = ("buttons", "layout", "tables", "placeholders")
# a line of the bottom must not leave before its picture is taken
_KEEP_TOASTS = (
    "const wait = setTimeout; window.setTimeout = (work, ms, ...more) => (ms >= 4000 ? 0 : wait(work, ms, ...more));"
)
_FONTS = """async () => {
  const has = () => [...document.fonts].some((font) => font.family.includes("Inter"));
  while (!has()) await new Promise((resolve) => setTimeout(resolve, 20));
  await Promise.all([400, 500, 600].map((weight) => document.fonts.load(`${weight} 14px Inter`)));
  await document.fonts.ready;
}"""


@asynccontextmanager
async def opened_gallery() -> AsyncIterator[Page]:
    """The gallery in a browser of its own."""
    async with served(Backend().app) as address, chromium_browser(*BROWSER_FLAGS) as browser:
        page = await _new_page(browser, address)
        await page.goto("/console/gallery.html")
        await page.evaluate(_FONTS)
        yield page


async def _new_page(browser: Browser, address: str) -> Page:
    context = await browser.new_context(
        base_url=address,
        viewport={"width": WIDE, "height": WINDOW_HEIGHT},
        device_scale_factor=1,
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    page = await context.new_page()
    page.set_default_timeout(EXPECT_TIMEOUT_MS)
    await page.add_init_script(_KEEP_TOASTS)
    await page.route("**/api/contacts/*/picture", _answer_picture)
    return page


async def _answer_picture(route: Route) -> None:
    if "missing" in route.request.url:
        return await route.fulfill(status=404, json={"code": "not_found"})
    written = io.BytesIO()
    Image.linear_gradient("L").resize((96, 96)).convert("RGB").save(written, "PNG")
    await route.fulfill(body=written.getvalue(), content_type="image/png")


async def show(page: Page, theme: str, section: str = "", width: int = WIDE) -> None:
    """Shows this section, or all of them, and waits until everything in it is there."""
    height = WINDOW_HEIGHT if section == "overlays" else SECTION_HEIGHT
    await page.set_viewport_size({"width": width, "height": height})
    await page.goto(f"/console/gallery.html#theme={theme}&section={section}")
    await page.reload()
    await page.wait_for_selector(f'[data-theme="{theme}"] [data-section="{section or "buttons"}"]')
    await page.evaluate(_FONTS)
    await expect(page.locator(".skeletons:not(.shown)")).to_have_count(0)
    if section == "avatars":
        await expect(page.locator(".avatar img")).to_have_count(PICTURED_AVATARS)
        await page.evaluate("Promise.all([...document.querySelectorAll('.avatar img')].map((image) => image.decode()))")
    await page.mouse.move(0, 0)


async def pictures_of(page: Page, theme: str) -> dict[str, bytes]:
    """By name."""
    taken = {}
    for section in SECTIONS:
        await show(page, theme, section)
        taken[section] = await _section(page)
        if section in NARROW_SECTIONS:
            await page.set_viewport_size({"width": NARROW, "height": SECTION_HEIGHT})
            taken[f"{section}-narrow"] = await _section(page)
    for name, act in ACTIONS.items():
        taken[name] = await act(page, theme)
    return {f"{name}-{theme}": picture for name, picture in taken.items()}


async def _section(page: Page) -> bytes:
    return await page.locator(".gallery-section").screenshot(animations="disabled", caret="hide")


async def _window(page: Page) -> bytes:
    await page.mouse.move(0, 0)
    return await page.screenshot(animations="disabled", caret="hide")


async def _press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


async def _focused(page: Page, theme: str) -> bytes:
    await show(page, theme, "buttons")
    await page.locator("#gallery-language").focus()
    await page.keyboard.press("Tab")
    await page.locator(".gallery-section .button").nth(1).hover()
    return await _section(page)


async def _invalid_form(page: Page, theme: str) -> bytes:
    await show(page, theme, "forms")
    await _press(page, "Save")
    await page.wait_for_selector('[aria-invalid="true"]:focus')
    return await _section(page)


async def _refused_form(page: Page, theme: str) -> bytes:
    await show(page, theme, "forms")
    await page.fill("#g-form-name", "Anna")
    await _press(page, "Save")
    await page.wait_for_selector(".error.box:not(:empty)")
    return await _section(page)


async def _dialog(page: Page, theme: str) -> bytes:
    await show(page, theme, "overlays")
    await _press(page, "Dialog")
    await page.wait_for_selector("dialog[open]")
    return await _window(page)


async def _refused_confirmation(page: Page, theme: str) -> bytes:
    await show(page, theme, "overlays")
    await _press(page, "Confirmation that is refused")
    await _press(page, "Remove")
    await page.wait_for_selector("dialog .error:not(:empty)")
    return await _window(page)


async def _menu(page: Page, theme: str) -> bytes:
    await show(page, theme, "overlays")
    await _press(page, "More")
    await page.wait_for_selector('[role="menuitem"]:focus')
    return await _window(page)


async def _choices_menu(page: Page, theme: str) -> bytes:
    await show(page, theme, "overlays")
    await _press(page, "Account: All accounts")
    await page.wait_for_selector('[role="menuitemradio"]:focus')
    return await _window(page)


async def _toasts(page: Page, theme: str) -> bytes:
    await show(page, theme, "overlays")
    await _press(page, "Toasts")
    await page.wait_for_selector(".toast.bad")
    return await _window(page)


ACTIONS: dict[str, Callable[[Page, str], Awaitable[bytes]]] = {
    "buttons-focused": _focused,
    "forms-invalid": _invalid_form,
    "forms-refused": _refused_form,
    "dialog": _dialog,
    "confirmation-refused": _refused_confirmation,
    "menu": _menu,
    "menu-of-choices": _choices_menu,
    "toasts": _toasts,
}
"""What is shown after something was pressed."""


async def write_pictures() -> None:
    """Replaces all pictures."""
    PICTURES.mkdir(exist_ok=True)
    async with opened_gallery() as page:
        taken = {name: picture for theme in THEMES for name, picture in (await pictures_of(page, theme)).items()}
    for old in PICTURES.glob("*.png"):
        old.unlink()
    for name, picture in taken.items():
        (PICTURES / f"{name}.png").write_bytes(smaller_png(picture))


if __name__ == "__main__":
    asyncio.run(write_pictures())
