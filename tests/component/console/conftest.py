"""A real Chromium on the console's page, in front of an in-memory backend."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Error, Page, expect

from tests.browser import chromium_browser
from tests.component.console.backend import Backend
from tests.component.console.tab import EXPECT_TIMEOUT_MS, ReplaceableApp, ReusedTab, served


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with chromium_browser() as browser:
        yield browser


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture(scope="session")
async def tab(chromium: Browser) -> AsyncIterator[ReusedTab]:
    app = ReplaceableApp()
    async with served(app) as address:
        tab = ReusedTab(chromium, address, app)
        yield tab
        await tab.close()


expect.set_options(timeout=EXPECT_TIMEOUT_MS)


@pytest.fixture
async def page(tab: ReusedTab, backend: Backend) -> AsyncIterator[Page]:
    """The login page; an error in a script of the page fails the test."""
    errors: list[str] = []

    def keep(error: Error) -> None:
        errors.append(str(error))

    async with tab.opened(backend.app, keep) as login_page:
        yield login_page
    assert errors == []


@pytest.fixture
async def console(page: Page) -> Page:
    """Logged in, with a connected socket; the accounts, which are read first, are shown."""
    await page.evaluate("location.hash = '#/settings/numbers'")
    await page.fill("#email", "me@example.org")
    await page.fill("#password", "right")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".connection.online")
    await page.wait_for_selector(".account")
    return page
