"""Beside a thread is the person; a conversation with a new number begins in a dialog that keeps what was typed."""

from playwright.async_api import Page, expect

from tests.component.console.backend import Backend, until


async def test_the_person_is_beside_the_thread_or_in_its_place(console: Page, backend: Backend) -> None:
    await console.set_viewport_size({"width": 1600, "height": 800})
    await console.goto("/#/inbox/v1")
    pane = console.locator(".person-pane")
    await expect(pane.get_by_role("heading", name="<b>Anna</b>")).to_be_visible()
    await expect(console.locator(".composer")).to_be_visible()
    await console.set_viewport_size({"width": 360, "height": 740})
    await expect(pane).to_have_count(0)
    await console.get_by_role("button", name="About this person").click()
    await expect(pane.get_by_role("heading", name="<b>Anna</b>")).to_be_visible()
    await expect(console.locator(".composer")).to_be_hidden()
    await console.go_back()
    await expect(console.locator(".composer")).to_be_visible()


async def test_a_conversation_with_a_number_keeps_what_was_typed_until_it_is_sent(
    console: Page, backend: Backend
) -> None:
    await console.goto("/#/inbox")
    await console.get_by_role("button", name="New conversation").click()
    dialog = console.get_by_role("dialog")
    await dialog.get_by_label("Phone number").fill("12")
    await dialog.get_by_label("First message").fill("good morning")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog.get_by_text("This is not a phone number.")).to_be_visible()
    await dialog.get_by_label("Phone number").fill("+49 176 12345678")
    backend.refusal = {"code": "message_failed", "error": "not_on_whatsapp: x", "reason": "not_on_whatsapp"}
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog.get_by_text("This number does not use WhatsApp.")).to_be_visible()
    await console.reload()
    await console.wait_for_selector(".connection.online")
    await console.get_by_role("button", name="New conversation").click()
    await expect(dialog.get_by_label("First message")).to_have_value("good morning")
    backend.refusal = None
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog).to_have_count(0)
    await until(lambda: len(backend.sent) == 2, console)
    assert (backend.sent[1]["to"], backend.sent[1]["message"]) == ("4917612345678", "good morning")
