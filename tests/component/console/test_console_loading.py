"""What the page loads and when, and how it opens when the server does not answer."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from services.api.routes import console as console_routes
from services.api.web_console.console_files import CONSOLE_ROOT, ConsoleFiles
from tests.component.console.backend import Backend, until
from tests.component.console.tab import served

REGISTER = """async () => {
  (await import("/console/js/service_worker_registration.js")).registerServiceWorker();
  await navigator.serviceWorker.ready;
}"""
STORED_URLS = """async () => {
  const caches_ = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
  const requests = await Promise.all(caches_.map((cache) => cache.keys()));
  return requests.flat().map((request) => new URL(request.url).pathname);
}"""
LISTED = "JSON.parse(document.getElementById('modules-after-login').textContent)"
FORMATTED = """async (digits) => {
  const { formatPhone, phoneFormatReady } = await import("/console/js/phone_format.js");
  const before = digits.map(formatPhone);
  await new Promise((resolve) => phoneFormatReady.subscribe((ready) => ready && resolve()));
  return [before, digits.map(formatPhone)];
}"""
LOADED_TWICE = """() => {
  const names = performance.getEntriesByType("resource").map((entry) => entry.name);
  const twice = names.filter((name) => names.indexOf(name) !== names.lastIndexOf(name));
  return twice.filter((name) => name.includes("/console/"));
}"""


@dataclass
class Origin:
    """The backend as the browser reaches it. `answers_pages`: False leaves requests for the page without an answer,
    `status`: of all other answers when it is not None."""

    app: Any
    answers_pages: bool = True
    status: int | None = None
    paths: list[str] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        self.paths.append(path)
        if path == "/" and not self.answers_pages:
            await self.released.wait()
            await PlainTextResponse("too late", 504)(scope, receive, send)
        elif self.status is not None:
            await PlainTextResponse("bad gateway", self.status)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


@pytest.fixture
async def origin(backend: Backend) -> Origin:
    return Origin(backend.app)


@pytest.fixture
async def context(chromium: Browser, origin: Origin) -> AsyncIterator[BrowserContext]:
    async with served(origin) as address:
        context = await chromium.new_context(base_url=address)
        yield context
        await context.close()
        origin.released.set()


@pytest.fixture
async def login_page(context: BrowserContext) -> AsyncIterator[Page]:
    """Fails when the content security policy refused something."""
    refused: list[str] = []
    page = await context.new_page()
    page.on("console", lambda line: refused.append(line.text) if "Content Security Policy" in line.text else None)
    await page.goto("/")
    await page.wait_for_selector("#email")
    yield page
    assert refused == []


async def test_the_page_loads_every_module_once_and_those_after_the_login_when_one_types(
    login_page: Page, origin: Origin
) -> None:
    listed = await login_page.evaluate(LISTED)
    assert listed
    assert not set(listed) & set(origin.paths)
    await login_page.fill("#email", "me@example.org")
    await until(lambda: set(listed) <= set(origin.paths), login_page)
    assert await login_page.evaluate(LOADED_TWICE) == []


async def test_with_a_session_the_modules_after_the_login_are_requested_at_once(
    login_page: Page, origin: Origin
) -> None:
    listed = await login_page.evaluate(LISTED)
    assert listed
    await login_page.evaluate("localStorage.setItem('switchboard.session', JSON.stringify({ token: 'h.e.s' }))")
    await login_page.route("**/js/main.js", lambda _route: None)  # main.js never arrives
    origin.paths.clear()
    await login_page.goto("/", wait_until="commit")
    await until(lambda: set(listed) <= set(origin.paths), login_page)


async def test_the_font_is_loaded_from_here_and_only_when_asked_for(login_page: Page, origin: Origin) -> None:
    assert not any("/fonts/" in path or path.endswith("fonts.css") for path in origin.paths)
    await login_page.evaluate("async () => (await import('/console/js/fonts.js')).loadFonts()")
    await login_page.wait_for_selector("link[rel=stylesheet][href$='fonts.css']", state="attached")
    faces = await login_page.evaluate(
        """async () => {
            while (!document.fonts.size) await new Promise((resolve) => setTimeout(resolve, 20));
            return (await document.fonts.load("14px Inter", "João")).map((face) => face.status);
        }"""
    )
    assert faces == ["loaded"]
    assert [path for path in origin.paths if path.endswith(".woff2")] == [
        "/console/fonts/inter-latin-wght-normal.woff2"
    ]


async def test_numbers_are_grouped_as_in_their_country_once_the_library_is_there(login_page: Page) -> None:
    digits = ["5511987654321", "34612345678", "12025550123", "351912345678", "99", "", "Anna"]
    before, after = await login_page.evaluate(FORMATTED, digits)
    assert before == ["+55 119 876 543 21", "+34 612 345 678", "+1 202 555 0123", "+351 912 345 678", "+99", "", "Anna"]
    assert after == ["+55 11 98765 4321", "+34 612 34 56 78", "+1 202 555 0123", "+351 912 345 678", "+99", "", "Anna"]


@pytest.mark.parametrize("fault", ["no answer", "502"])
async def test_the_page_opens_when_the_server_does_not_answer(
    login_page: Page, context: BrowserContext, origin: Origin, fault: str
) -> None:
    await login_page.evaluate(REGISTER)
    origin.answers_pages, origin.status = fault != "no answer", 502
    origin.paths.clear()
    await login_page.goto("/")
    await login_page.wait_for_selector("#email")
    assert not [path for path in origin.paths if path.startswith("/console/v-")]
    origin.answers_pages, origin.status = True, None
    await login_page.goto("/")
    await login_page.wait_for_selector("#email")


async def test_after_the_login_the_font_and_the_service_worker_come(login_page: Page, origin: Origin) -> None:
    await login_page.fill("#email", "me@example.org")
    await login_page.fill("#password", "right")
    await login_page.keyboard.press("Enter")
    await until(lambda: any(path.endswith(".woff2") for path in origin.paths), login_page)
    await login_page.evaluate("async () => { await navigator.serviceWorker.ready; }")


async def test_the_service_worker_stores_nothing_of_the_api(
    login_page: Page, context: BrowserContext, origin: Origin
) -> None:
    await login_page.evaluate(REGISTER)
    await login_page.reload()
    await login_page.fill("#email", "me@example.org")
    await login_page.fill("#password", "right")
    await login_page.keyboard.press("Enter")
    await login_page.wait_for_selector("#email", state="detached")
    await until(lambda: any(path.startswith("/api/conversations") for path in origin.paths), login_page)
    stored = await login_page.evaluate(STORED_URLS)
    assert "/" in stored
    assert [path for path in stored if path != "/" and not re.match(r"/console/v-[0-9a-f]{12}/", path)] == []


async def test_a_new_version_leaves_an_open_page_its_files(
    login_page: Page, context: BrowserContext, origin: Origin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await login_page.evaluate(REGISTER)
    await login_page.reload()
    source = await login_page.evaluate("document.querySelector('script[src$=\"main.js\"]').getAttribute('src')")
    theme = source.replace("js/main.js", "js/theme.js")
    shutil.copytree(CONSOLE_ROOT, tmp_path / "console")
    (tmp_path / "console/js/theme.js").write_text("// another version")
    monkeypatch.setattr(console_routes, "console_files", ConsoleFiles(tmp_path / "console"))
    waiting = """async () => {
      const registration = await navigator.serviceWorker.getRegistration();
      await registration.update();
      while (!registration.waiting) await new Promise((resolve) => setTimeout(resolve, 20));
      return (await caches.keys()).length;
    }"""
    assert await login_page.evaluate(waiting) == 2
    read = "async (path) => (await fetch(path)).text()"
    assert await login_page.evaluate(read, theme) == (CONSOLE_ROOT / "js/theme.js").read_text()
    await login_page.close()
    other = await context.new_page()
    await other.goto("/console/icon.svg")
    one_cache = """async () => {
      while ((await caches.keys()).length > 1) await new Promise((resolve) => setTimeout(resolve, 20));
      return (await caches.keys())[0];
    }"""
    assert await other.evaluate(one_cache) != f"switchboard-console-{theme.split('/')[2]}"
