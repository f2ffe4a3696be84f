"""Checks a page for barriers with axe-core: contrast, names, roles, order, landmarks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.async_api import Page

AXE_SCRIPT = Path(__file__).parent / "vendor" / "axe.min.js"
_MAX_SHOWN_ELEMENTS = 5
_RUN = """async ([within, without, rules]) => {
  // an element that is still fading in has less contrast than when it is shown
  const passing = document.getAnimations().filter((each) => each.effect?.getComputedTiming().endTime !== Infinity);
  await Promise.allSettled(passing.map((each) => each.finished));
  const context = { ...(within && { include: [[within]] }), exclude: without.map((selector) => [selector]) };
  const options = { resultTypes: ["violations"], ...(rules.length && { runOnly: rules }) };
  const { violations } = await axe.run(context, options);
  return violations;
}"""


async def axe_violations(
    page: Page, within: str | None = None, without: Sequence[str] = (), rules: Sequence[str] = ()
) -> list[str]:
    """What axe finds wrong on the page as it is shown now, one line for each rule; an empty list: nothing.

    `within`, `without`: selectors of what is looked at and what is not. `rules`: their names; none: all of them.
    """
    if not await page.evaluate("() => 'axe' in window"):
        # not a script element, which the security policy of the console forbids
        await page.evaluate(AXE_SCRIPT.read_text(encoding="utf-8"))
    found = await page.evaluate(_RUN, [within, list(without), list(rules)])
    return [_line(violation) for violation in found]


def _line(violation: dict[str, Any]) -> str:
    nodes = violation["nodes"]
    shown = "; ".join(_element(node) for node in nodes[:_MAX_SHOWN_ELEMENTS])
    more = f"; {len(nodes) - _MAX_SHOWN_ELEMENTS} more" if len(nodes) > _MAX_SHOWN_ELEMENTS else ""
    return f"{violation['id']} ({violation['impact']}): {violation['help']}: {shown}{more}"


def _element(node: dict[str, Any]) -> str:
    target = " ".join(str(part) for part in node["target"])
    reason = " ".join(check["message"] for check in [*node["any"], *node["all"], *node["none"]])
    return f"{target} [{reason}]"
