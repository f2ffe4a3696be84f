"""Types into the console in a real browser and measures key press to painted frame, and long tasks of the page."""

import json
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page, async_playwright

from deploy.local.latency_report import percentile
from deploy.local.prerequisites import CHROMIUM_NAMES

KEY_INTERVAL_MS, SEARCH_PAUSE_MS = 120, 500
"""Between two keys of a word; after a word, so that the search is answered and its result painted."""
WORDS = ("anna", "person 1", "4917", "table", "zz", "person 42", "friday", "ann")
_PAGE_TIMEOUT_MS = 60_000

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
_TAKE_MEASUREMENTS = """() => {
  const measured = window.measured;
  window.measured = { keys: [], tasks: [] };
  const heap = performance.memory?.usedJSHeapSize ?? 0;
  return {...measured, rows: document.querySelectorAll(".conversation").length, heap};
}"""


@dataclass(frozen=True)
class TypingSample:
    """keys: from each key press to the frame that shows it, in ms. tasks: durations of the page's tasks that took more
    than 50 ms while keys were pressed, in ms. rows: conversations in the list of the page. heap: bytes."""

    field: str
    keys: tuple[float, ...]
    tasks: tuple[float, ...]
    rows: int
    heap: int

    def line(self) -> str:
        """One row of the table under TABLE_HEADING."""
        if not self.keys:
            return f"  {self.field:14} no key was measured"
        figures = [percentile(self.keys, 50), percentile(self.keys, 95), max(self.keys), max(self.tasks, default=0.0)]
        numbers = "".join(f"{value:9.1f}" for value in figures)
        return f"  {self.field:14}{numbers}{len(self.tasks):8}{self.rows:7}{self.heap / 2**20:9.0f}"


TABLE_HEADING = (
    f"  {'keys into':14}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}{'task ms':>9}{'tasks':>8}{'rows':>7}{'heap MB':>9}"
)


def chromium_path() -> str:
    """Raises FileNotFoundError without Chromium."""
    path = next((program for name in CHROMIUM_NAMES if (program := shutil.which(name))), None)
    if path is None:
        raise FileNotFoundError("Chromium is missing: install it with `apt-get install chromium`")
    return path


@asynccontextmanager
async def open_console(ready: dict[str, Any]) -> AsyncIterator[Page]:
    """The console of a running stack, logged in, measuring. Raises FileNotFoundError without Chromium."""
    session = {"token": ready["token"], "organizationId": ready["organization_id"], "email": ready["email"]}
    async with async_playwright() as playwright:
        # a container has no user namespaces for the sandbox, and only our own page is opened
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(_PAGE_TIMEOUT_MS)
        await page.add_init_script(f"({_MEASURE})({json.dumps(json.dumps(session))})")
        yield page
        await browser.close()


async def open_conversation(page: Page, address: str, conversation_id: str) -> float:
    """Opens this conversation from the inbox. → milliseconds until the list was shown."""
    started_at = time.monotonic()
    await page.goto(f"{address}/#/inbox")
    await page.wait_for_selector(".conversation")
    elapsed_ms = 1000 * (time.monotonic() - started_at)
    await page.wait_for_selector(".connection.online")
    await page.evaluate("(id) => { location.hash = `#/inbox/${id}`; }", conversation_id)
    await page.wait_for_selector(".composer textarea")
    return elapsed_ms


async def type_words(page: Page, field: str, selector: str, count: int, words: Sequence[str] = WORDS) -> TypingSample:
    """Types words into a field, deletes each again, and stops after `count` key presses."""
    await page.locator(selector).focus()
    await page.evaluate(_TAKE_MEASUREMENTS)
    pressed = 0
    while pressed < count:
        word = words[pressed % len(words)]
        for letter in word:
            await page.keyboard.press("Space" if letter == " " else letter)
            await page.wait_for_timeout(KEY_INTERVAL_MS)
        await page.wait_for_timeout(SEARCH_PAUSE_MS)
        await page.keyboard.press("ControlOrMeta+a")
        await page.keyboard.press("Backspace")
        await page.wait_for_timeout(KEY_INTERVAL_MS)
        pressed += len(word) + 1
    measured = await page.evaluate(_TAKE_MEASUREMENTS)
    return TypingSample(field, tuple(measured["keys"]), tuple(measured["tasks"]), measured["rows"], measured["heap"])
