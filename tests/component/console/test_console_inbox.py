"""The inbox in a real browser: unread counts, closing and reopening, the assignment, and the search."""

from playwright.async_api import Page, expect

from tests.component.console.backend import AT, Backend, Record, until


def two_talks(backend: Backend, **fields: object) -> None:
    """A second conversation beside the first."""
    contact = {"id": "c2", "phone_number": "4917600000002", "name": "Bert", "created_at": AT}
    conversation = {"id": "v2", "instance_id": "i1", "contact_id": "c2", "contact": contact, "updated_at": AT}
    backend.lists["contacts"].append(contact)
    backend.lists["conversations"].append({**conversation, "status": "open", "unread_count": 0, **fields})


async def test_unread_messages_are_counted_until_the_conversation_is_opened(console: Page, backend: Backend) -> None:
    two_talks(backend, unread_count=3)
    await console.goto("/#/inbox")
    await console.reload()
    await console.wait_for_selector(".connection.online")
    badge = console.locator(".conversation[data-key=v2] .unread")
    await expect(badge).to_have_text("3")
    await expect(badge).to_have_attribute("aria-label", "3 new messages")
    await console.locator(".conversation[data-key=v2]").click()
    await expect(badge).to_have_count(0)
    assert backend.conversation_actions == [("v2", "read")]


async def test_a_message_counts_as_unread_in_a_hidden_tab_and_is_read_in_a_visible_one(
    console: Page, backend: Backend
) -> None:
    two_talks(backend)
    await console.goto("/#/inbox/v2")
    await console.reload()
    await console.wait_for_selector(".connection.online")
    await expect(console.get_by_label("Write a message", exact=True)).to_be_visible()
    await backend.receive("one", "m1")
    await backend.receive("two", "m2")
    await expect(console.locator(".conversation[data-key=v1] .unread")).to_have_text("2")
    assert backend.conversation_actions == []
    await console.locator(".conversation[data-key=v1]").click()
    await until(lambda: backend.conversation_actions == [("v1", "read")], console)
    await backend.receive("three", "m3")
    await until(lambda: len(backend.conversation_actions) == 2, console)
    await expect(console.locator(".unread")).to_have_count(0)


async def test_a_conversation_is_closed_and_reopened_with_the_keyboard(console: Page, backend: Backend) -> None:
    two_talks(backend)
    await console.goto("/#/inbox/v1")
    await console.reload()
    await console.wait_for_selector(".connection.online")
    await console.get_by_role("button", name="Close", exact=True).focus()
    await console.keyboard.press("Enter")
    await expect(console.get_by_role("button", name="Reopen")).to_be_focused()
    await console.locator(".conversation[data-key=v2]").click()
    await expect(console.locator(".conversation[data-key=v1]")).to_have_count(0)
    await console.get_by_role("tab", name="Closed").click()
    await expect(console.locator(".conversation[data-key=v1]")).to_be_visible()
    await backend.receive("again")
    await console.get_by_role("tab", name="Unread").click()
    await expect(console.locator(".conversation[data-key=v1] .unread")).to_have_text("1")


async def test_a_conversation_is_taken_over_and_given_back(console: Page, backend: Backend) -> None:
    await console.goto("/#/inbox/v1")
    await console.get_by_role("button", name="Assign to me").click()
    await expect(console.get_by_role("button", name="Give back")).to_be_visible()
    await console.get_by_role("tab", name="Mine").click()
    await expect(console.locator(".conversation[data-key=v1]")).to_be_visible()
    conversation = {"id": "v1", "assignedTo": "somebody", "status": "open", "unreadCount": 0}
    backend.lists["conversations"][0]["assigned_to"] = "somebody"
    await backend.emit("conversation:updated", conversation)
    await console.get_by_role("button", name="Take over").click()
    await console.get_by_role("button", name="Give back").click()
    await expect(console.get_by_role("button", name="Assign to me")).to_be_visible()


async def test_a_failed_action_is_reported(console: Page, backend: Backend) -> None:
    backend.refusal = {"status": 409, "code": "role_missing", "detail": "only owners"}
    await console.goto("/#/inbox/v1")
    await console.get_by_role("button", name="Close", exact=True).click()
    await expect(console.locator(".head-problem .error")).to_have_text(
        "Only an owner may do this. Ask an owner of your organization."
    )


async def test_the_search_finds_messages_too(console: Page, backend: Backend) -> None:
    old: Record = {"id": "m9", "conversation_id": "v1", "contact_id": "c1", "text": "a table for four", "timestamp": AT}
    backend.lists["messages"].append({**old, "kind": "message", "direction": "inbound", "type": "text"})
    await console.goto("/#/inbox")
    await console.get_by_role("searchbox", name="Search conversations and messages").fill("table")
    found = console.locator("[data-message=m9]")
    await expect(found).to_contain_text("a table for four")
    await found.click()
    await expect(console.locator(".thread-head h2")).to_have_text("<b>Anna</b>")
    await console.get_by_role("searchbox", name="Search conversations and messages").press("Escape")
    await expect(found).to_have_count(0)
