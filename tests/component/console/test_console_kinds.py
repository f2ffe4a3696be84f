"""Messages that are no plain text, in a real browser: what they are, and which advertisement brought the customer."""

import pytest
from playwright.async_api import Page, expect

from tests.component.console.backend import AT, Backend


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"type": "template", "content": "Your order left"}, ["Business message", "Your order left"]),
        ({"type": "missed_call", "content": "Missed voice call"}, ["Call", "Missed voice call"]),
        ({"type": "unsupported", "content": None}, ["Not supported here: open it on the phone"]),
        ({"type": "text", "content": "hi", "referral": {"headline": "Promo"}}, ["Advertisement · Promo", "hi"]),
        ({"type": "text", "content": "hi", "referral": {"headline": None, "sourceId": "120"}}, ["Advertisement · 120"]),
    ],
)
async def test_a_message_says_what_it_is(
    console: Page, backend: Backend, fields: dict[str, object], shown: list[str]
) -> None:
    await console.goto("/#/inbox/v1")
    await console.wait_for_selector(".connection.online")
    await expect(console.get_by_label("Write a message", exact=True)).to_be_visible()
    await backend.receive("hello")
    message = {"id": "m1", "isOutgoing": False, "conversationId": "v1", "timestamp": AT, "status": "received"}
    await backend.emit("new_message", {**message, "from": "4917612345678", "revision": 0, **fields})
    for text in shown:
        await expect(console.locator("[data-id=m1] .bubble")).to_contain_text(text)
