"""axe is what its publisher published, and finds what is wrong."""

import hashlib
import re

from playwright.async_api import Page

from tests.axe import AXE_SCRIPT, axe_violations

ROW = re.compile(r"^\| `([^`]+)` .*`(LICENSE[^`]*)`;.*`([0-9a-f]{64})` \|$", re.MULTILINE)


def test_axe_is_unchanged_and_has_its_licence() -> None:
    [(name, licence, digest)] = ROW.findall((AXE_SCRIPT.parent / "README.md").read_text())
    assert name == AXE_SCRIPT.name
    assert hashlib.sha256(AXE_SCRIPT.read_bytes()).hexdigest() == digest
    assert "Mozilla Public License, version 2.0" in (AXE_SCRIPT.parent / licence).read_text()


async def test_axe_runs_on_the_console_and_finds_what_was_made_wrong(page: Page) -> None:
    await page.wait_for_selector("#email")
    await page.evaluate("""() => {
      document.querySelector("#app").insertAdjacentHTML("beforeend", "<button class='nameless'></button>");
      const pale = Object.assign(document.createElement("p"), { className: "pale", textContent: "Hardly to be read" });
      pale.style.color = "#cccccc";
      pale.style.background = "#ffffff";
      document.querySelector("main, #app").append(pale);
    }""")
    found = await axe_violations(page)
    assert any(line.startswith("button-name (critical)") and ".nameless" in line for line in found), found
    assert any(line.startswith("color-contrast (serious)") and ".pale" in line for line in found), found
    assert not any(".pale" in line for line in await axe_violations(page, without=[".pale"]))
    [only] = await axe_violations(page, rules=["button-name"])
    assert only.startswith("button-name")
    assert await axe_violations(page, within=".pale", rules=["button-name"]) == []
