"""One server and one tab of the browser for all tests of the console: a new tab costs a second of processor time.
A test sees nothing of the one before: another backend, and a tab without storage, route handlers or pages beside it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from playwright.async_api import Browser, BrowserContext, Error, Page, ViewportSize
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

VIEWPORT: ViewportSize = {"width": 1280, "height": 800}
EMPTY_PATH = "/no-console-here"
EXPECT_TIMEOUT_MS = 30_000


class ReplaceableApp:
    """Requests go to `backend`, whichever it is at the moment; `EMPTY_PATH` is a page of the same origin."""

    backend: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = HTMLResponse("<!doctype html>") if scope["path"] == EMPTY_PATH else self.backend
        await app(scope, receive, send)


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The address of the app."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="warning", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await running


class ReusedTab:
    """The tab, as each test finds it: empty, on a page of the origin."""

    def __init__(self, browser: Browser, address: str, app: ReplaceableApp) -> None:
        self._browser, self._address, self._app = browser, address, app
        self._context: BrowserContext | None = None

    @asynccontextmanager
    async def opened(self, backend: Any, on_error: Callable[[Error], None]) -> AsyncIterator[Page]:
        """The page of this backend's console. `on_error` gets the errors of its scripts. After a failure the
        next test gets a new context."""
        self._app.backend = backend
        try:
            page = await self._page()
            page.on("pageerror", on_error)
            await page.goto("/")
            yield page
            await self._empty(page)
            page.remove_listener("pageerror", on_error)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        context, self._context = self._context, None
        if context:
            await context.close()

    async def _page(self) -> Page:
        if not self._context:
            # a service worker would outlive the test that registered it
            self._context = await self._browser.new_context(
                base_url=self._address, viewport=VIEWPORT, service_workers="block"
            )
            page = await self._context.new_page()
            page.set_default_timeout(EXPECT_TIMEOUT_MS)
        return self._context.pages[0]

    async def _empty(self, page: Page) -> None:
        for other in page.context.pages[1:]:
            await other.close()
        await page.context.set_offline(False)
        await page.unroute_all()
        await page.context.unroute_all()
        await page.mouse.up()
        await page.goto(EMPTY_PATH)
        await page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        await page.context.clear_cookies()
        await page.mouse.move(0, 0)
        await page.set_viewport_size(VIEWPORT)
