"""Texts of strangers: formats and links, and what is none; long texts are folded."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.component.console.backend import Backend

PARSED = """async (text) => {
    const script = performance.getEntriesByType("resource").find((one) => one.name.endsWith("/message_text.js"));
    return (await import(script.name)).parseMessageText(text);
}"""


def _text(text: str) -> dict[str, Any]:
    return {"kind": "text", "text": text}


def _link(href: str, text: str | None = None) -> dict[str, Any]:
    return {"kind": "link", "href": href, "text": text or href}


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("a *b* c", [_text("a "), {"kind": "bold", "parts": [_text("b")]}, _text(" c")]),
        ("*_x_*", [{"kind": "bold", "parts": [{"kind": "italic", "parts": [_text("x")]}]}]),
        ("2*3*4 and snake_case_name", [_text("2*3*4 and snake_case_name")]),
        ("* not * a\n*b\nc*", [_text("* not * a\n*b\nc*")]),
        ("```a *b*```", [{"kind": "fixed", "text": "a *b*"}]),
        ("```open", [_text("```open")]),
        ("see https://example.org/a_b_c.", [_text("see "), _link("https://example.org/a_b_c"), _text(".")]),
        ("javascript:alert(1) data:text/html,x", [_text("javascript:alert(1) data:text/html,x")]),
        ("https://bank.example@evil.example/", [_text("https://bank.example@evil.example/")]),
        ("https://bänk.example/x", [_link("https://xn--bnk-qla.example/x")]),
        ("https://evil.example/\u202egro.knab", [_link("https://evil.example/"), _text("\u202egro.knab")]),
    ],
)
async def test_parts_of_a_text(console: Page, written: str, parts: list[dict[str, Any]]) -> None:
    await console.goto("/#/inbox/v1")
    await expect(console.locator(".composer")).to_be_visible()
    assert await console.evaluate(PARSED, written) == parts


async def test_a_link_opens_elsewhere_and_a_long_text_is_folded(console: Page, backend: Backend) -> None:
    await console.goto("/#/inbox/v1")
    await expect(console.locator(".composer")).to_be_visible()
    await backend.receive("\u202ehttps://example.org/x", "m1")
    link = console.locator("[data-id=m1] a")
    await expect(link).to_have_attribute("href", "https://example.org/x")
    await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    assert await link.evaluate("node => getComputedStyle(node).unicodeBidi") == "isolate"
    await backend.receive("\n".join(f"line {number}" for number in range(40)), "m2")
    await expect(console.locator("[data-id=m2] .text")).not_to_contain_text("line 39")
    await console.get_by_role("button", name="Show everything").click()
    await expect(console.locator("[data-id=m2] .text")).to_contain_text("line 39")
