"""What a person has written or not read yet is not lost: drafts, unsent messages, the place in a thread."""

from playwright.async_api import Page, expect

from tests.component.console.backend import Backend, until
from tests.component.console.test_console_inbox import two_talks

FIELD = "Write a message"


async def opened(console: Page, path: str = "/#/inbox/v1") -> None:
    await console.goto(path)
    await console.reload()
    await console.wait_for_selector(".connection.online")


async def test_a_draft_survives_switching_reload_and_escape_and_shows_in_the_list(
    console: Page, backend: Backend
) -> None:
    two_talks(backend)
    await opened(console)
    await console.get_by_label(FIELD, exact=True).fill("half a sent")
    await console.keyboard.press("Escape")
    await expect(console.get_by_label(FIELD, exact=True)).to_have_value("half a sent")
    await console.locator(".conversation[data-key=v2]").click()
    await expect(console.get_by_label(FIELD, exact=True)).to_have_value("")
    await expect(console.locator(".conversation[data-key=v1] .conversation-last")).to_have_text("Draft: half a sent")
    await console.locator(".conversation[data-key=v1]").click()
    await expect(console.get_by_label(FIELD, exact=True)).to_have_value("half a sent")
    await console.reload()
    await expect(console.get_by_label(FIELD, exact=True)).to_have_value("half a sent")
    await console.get_by_label(FIELD, exact=True).fill("")
    await expect(console.locator(".draft")).to_have_count(0)


async def test_a_sent_text_leaves_no_draft(console: Page, backend: Backend) -> None:
    await opened(console)
    await console.get_by_label(FIELD, exact=True).fill("good morning")
    await console.keyboard.press("Enter")
    sent = console.locator(".message", has_text="good morning").locator("[data-status]")
    await expect(sent).not_to_have_attribute("data-status", "sending")
    await console.reload()
    await console.wait_for_selector(".connection.online")
    await expect(console.get_by_label(FIELD, exact=True)).to_have_value("")
    await expect(console.locator(".draft, .unsent")).to_have_count(0)


async def test_an_unsent_message_is_there_after_a_reload_and_can_be_sent_or_discarded(
    console: Page, backend: Backend
) -> None:
    await opened(console)
    await console.context.set_offline(True)
    await console.wait_for_selector(".connection:not(.online)", timeout=60_000)
    for text in ("first", "second"):
        await console.get_by_label(FIELD, exact=True).fill(text)
        await console.keyboard.press("Enter")
    await expect(console.locator(".message.failed")).to_have_count(2)
    await console.context.set_offline(False)
    await opened(console)
    await expect(console.locator(".message.failed")).to_have_count(2)
    await expect(console.locator(".conversation[data-key=v1] .unsent")).to_have_text("Not sent")
    await console.locator(".message.failed", has_text="first").get_by_role("button", name="Try again").click()
    await expect(console.locator(".message.failed")).to_have_count(1)
    await console.get_by_role("button", name="Discard").click()
    await expect(console.locator(".message.failed")).to_have_count(0)
    await console.reload()
    await console.wait_for_selector(".connection.online")
    await expect(console.locator(".message.failed, .unsent")).to_have_count(0)


async def test_reading_above_does_not_move_and_nothing_unseen_is_marked_read(console: Page, backend: Backend) -> None:
    await opened(console)
    for number in range(40):
        await backend.receive(f"line {number}", f"m{number}")
    await expect(console.locator(".message", has_text="line 39")).to_be_visible()
    log = console.locator(".log")
    await log.evaluate("node => { node.scrollTop = node.scrollHeight / 2; }")
    await expect(console.get_by_role("button", name="Go to the newest message")).to_be_visible()
    await until(lambda: bool(backend.conversation_actions), console)
    cared, before = len(backend.conversation_actions), await log.evaluate("node => node.scrollTop")
    for number in range(40, 43):
        await backend.receive(f"line {number}", f"m{number}")
    newest = console.get_by_role("button", name="Go to 3 new messages")
    await expect(newest).to_be_visible()
    assert await log.evaluate("node => node.scrollTop") == before
    assert len(backend.conversation_actions) == cared
    await expect(console.locator(".unread-separator + .message")).to_contain_text("line 40")
    await newest.click()
    await expect(console.locator(".message", has_text="line 42")).to_be_in_viewport()
    await until(lambda: len(backend.conversation_actions) > cared, console)
    await expect(newest).to_be_hidden()


async def test_the_title_counts_unread_conversations(console: Page, backend: Backend) -> None:
    two_talks(backend, unread_count=3)
    await opened(console, "/#/inbox/v1")
    await expect(console).to_have_title("(1) Inbox · Switchboard")
    await console.locator(".conversation[data-key=v2]").click()
    await expect(console).to_have_title("Inbox · Switchboard")
