"""Typing into the console in a real browser: from a key press to the frame that shows it, and what blocked the page."""

import json
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page, async_playwright

from deploy.local.latency_report import percentile

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
KEY_PAUSE_MS, WORD_PAUSE_MS = 120, 500
"""Between two keys of a word; behind a word, so that its search is answered and drawn."""
WORDS = ("anna", "person 1", "4917", "table", "zz", "person 42", "friday", "ann")
_PAGE_LIMIT_MS = 60_000

_MEASURE = """(session) => {
  localStorage.setItem("switchboard.session", session);
  window.measured = { keys: [], tasks: [] };
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.measured.tasks.push(entry.duration);
  });
  observer.observe({ type: "longtask", buffered: true });
  addEventListener("keydown", (event) => {
    event.target.addEventListener("input", () => requestAnimationFrame(() => {
      const painted = new MessageChannel();
      painted.port1.onmessage = () => window.measured.keys.push(performance.now() - event.timeStamp);
      painted.port2.postMessage(0);
    }), { once: true });
  }, { capture: true });
}"""
_TAKE = """() => {
  const found = window.measured;
  window.measured = { keys: [], tasks: [] };
  const heap = performance.memory?.usedJSHeapSize ?? 0;
  return {...found, rows: document.querySelectorAll(".talk").length, heap};
}"""


@dataclass(frozen=True)
class Typing:
    """keys: milliseconds from each key press to the frame that shows it. tasks: milliseconds of each task of the page
    that took longer than 50 ms while the keys were pressed."""

    field: str
    keys: tuple[float, ...]
    tasks: tuple[float, ...]
    rows: int
    heap: int

    def line(self) -> str:
        """Without keys there is nothing to say of them."""
        if not self.keys:
            return f"  {self.field:14} no key was measured"
        shown = [percentile(self.keys, 50), percentile(self.keys, 95), max(self.keys), max(self.tasks, default=0.0)]
        numbers = "".join(f"{value:9.1f}" for value in shown)
        return f"  {self.field:14}{numbers}{len(self.tasks):8}{self.rows:7}{self.heap / 2**20:9.0f}"


HEAD = f"  {'keys into':14}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}{'task ms':>9}{'tasks':>8}{'rows':>7}{'heap MB':>9}"


@asynccontextmanager
async def console(ready: dict[str, Any]) -> AsyncIterator[Page]:
    """The console of a running stack, logged in, measuring. Raises FileNotFoundError without Chromium."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        raise FileNotFoundError("Chromium is missing: install it with `apt-get install chromium`")
    session = {"token": ready["token"], "organizationId": ready["organization_id"], "email": ready["email"]}
    async with async_playwright() as playwright:
        # a container has no user namespaces for the sandbox, and only our own page is opened
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(_PAGE_LIMIT_MS)
        await page.add_init_script(f"({_MEASURE})({json.dumps(json.dumps(session))})")
        yield page
        await browser.close()


async def opened(page: Page, address: str) -> float:
    """Opens the first conversation of the inbox. → milliseconds until the list was shown."""
    begun = time.monotonic()
    await page.goto(f"{address}/#/inbox")
    await page.wait_for_selector(".talk")
    took = 1000 * (time.monotonic() - begun)
    await page.wait_for_selector(".live.on")
    await page.locator(".talk").first.evaluate("row => row.click()")  # by a pointer it is hit at some other moment
    await page.wait_for_selector(".composer textarea")
    return took


async def typed(page: Page, field: str, selector: str, count: int, words: Sequence[str] = WORDS) -> Typing:
    """Types words into a field and takes them out again until `count` keys were pressed."""
    await page.locator(selector).focus()
    await page.evaluate(_TAKE)
    pressed = 0
    while pressed < count:
        word = words[pressed % len(words)]
        for letter in word:
            await page.keyboard.press("Space" if letter == " " else letter)
            await page.wait_for_timeout(KEY_PAUSE_MS)
        await page.wait_for_timeout(WORD_PAUSE_MS)
        await page.keyboard.press("ControlOrMeta+a")
        await page.keyboard.press("Backspace")
        await page.wait_for_timeout(KEY_PAUSE_MS)
        pressed += len(word) + 1
    found = await page.evaluate(_TAKE)
    return Typing(field, tuple(found["keys"]), tuple(found["tasks"]), found["rows"], found["heap"])
