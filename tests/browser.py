"""The real browser of the tests."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@asynccontextmanager
async def chromium_browser(*flags: str) -> AsyncIterator[Browser]:
    """Chromium of this machine, with these flags. Fails with what to install when there is none."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    assert path, "Chromium is missing: install it with `apt-get install chromium` (or `brew install --cask chromium`)"
    async with async_playwright() as playwright:
        # a container has no user namespaces for the sandbox, and only our own page is opened
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *flags])
        yield browser
        await browser.close()
