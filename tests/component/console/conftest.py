"""A real Chromium on the console's page, in front of an in-memory backend."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from playwright.async_api import Browser, Page, expect

from tests.browser import chromium_browser
from tests.component.console.backend import Backend


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with chromium_browser() as browser:
        yield browser


@pytest.fixture
def backend() -> Backend:
    return Backend()


@asynccontextmanager
async def _served(backend: Backend) -> AsyncIterator[str]:
    config = uvicorn.Config(backend.app, host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await running


expect.set_options(timeout=30_000)


@pytest.fixture
async def page(chromium: Browser, backend: Backend) -> AsyncIterator[Page]:
    """The login page; an error in a script of the page fails the test."""
    errors: list[str] = []
    async with _served(backend) as address:
        context = await chromium.new_context(base_url=address, viewport={"width": 1280, "height": 800})
        login_page = await context.new_page()
        login_page.set_default_timeout(30_000)
        login_page.on("pageerror", lambda error: errors.append(str(error)))
        await login_page.goto("/")
        yield login_page
        await context.close()
    assert errors == []


@pytest.fixture
async def console(page: Page) -> Page:
    """Logged in, with a connected socket."""
    await page.fill("#email", "me@example.org")
    await page.fill("#password", "right")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".connection.online")
    return page
