"""Opens threads and the console on a slow phone in a real browser, and measures until something can be read."""

import json
import time
from typing import Any

from playwright.async_api import Page, ViewportSize, async_playwright

from deploy.local.console_typing import chromium_path

PHONE_BYTES_PER_S = 9_000_000 // 8
PHONE_ROUND_TRIP_MS = 170
PHONE_SLOWDOWN = 4
"""A phone on 4G: the profile that WebPageTest calls 4G, and a processor that is four times slower than this one."""
_PHONE_SIZE: ViewportSize = {"width": 390, "height": 844}
_PAUSE_BETWEEN_THREADS_MS = 300
_TIMEOUT_MS = 60_000
_OPEN_THREAD = """async (place) => {
  const pane = document.querySelector(".thread-pane");
  const isOther = (row) => row.getAttribute("aria-current") !== "true";
  const rows = [...document.querySelectorAll("a.conversation")].filter(isOther);
  const row = rows[place % rows.length];
  const before = new Set(document.querySelectorAll(".thread-pane .message"));
  const started = performance.now();
  row.click();
  while (![...pane.querySelectorAll(".message")].some((message) => !before.has(message) && message.isConnected)) {
    await new Promise(requestAnimationFrame);
    if (performance.now() - started > 30_000) throw new Error("the thread did not open");
  }
  const painted = new MessageChannel();
  await new Promise((resolve) => { painted.port1.onmessage = resolve; painted.port2.postMessage(0); });
  return performance.now() - started;
}"""


async def thread_opening_times(page: Page, count: int) -> list[float]:
    """Opens `count` conversations of the list in turn. → ms from each click until a message of it is painted."""
    times = []
    for place in range(count):
        times.append(await page.evaluate(_OPEN_THREAD, place % 7))
        await page.wait_for_timeout(_PAUSE_BETWEEN_THREADS_MS)
    return times


async def first_conversation_on_a_phone(ready: dict[str, Any], conversation_id: str) -> float:
    """Opens a conversation in a browser without a cache, slowed down like a phone. → ms until a message is shown."""
    session = json.dumps({"token": ready["token"], "organizationId": ready["organization_id"], "email": ready["email"]})
    async with async_playwright() as playwright:
        # a container has no user namespaces for the sandbox, and only our own page is opened
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        page = await browser.new_page(viewport=_PHONE_SIZE, is_mobile=True, has_touch=True)
        page.set_default_timeout(_TIMEOUT_MS)
        await page.add_init_script(f"localStorage.setItem('switchboard.session', {json.dumps(session)})")
        devtools = await page.context.new_cdp_session(page)
        speed = {"downloadThroughput": PHONE_BYTES_PER_S, "uploadThroughput": PHONE_BYTES_PER_S}
        await devtools.send("Network.enable")
        await devtools.send(
            "Network.emulateNetworkConditions", {"offline": False, "latency": PHONE_ROUND_TRIP_MS, **speed}
        )
        await devtools.send("Emulation.setCPUThrottlingRate", {"rate": PHONE_SLOWDOWN})
        started_at = time.monotonic()
        await page.goto(f"{ready['api']}/#/inbox/{conversation_id}", wait_until="commit")
        await page.wait_for_selector(".thread-pane .message")
        elapsed_ms = 1000 * (time.monotonic() - started_at)
        await browser.close()
    return elapsed_ms
