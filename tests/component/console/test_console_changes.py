"""Replies, edits, deletions and copies that become readable, in a real browser."""

from playwright.async_api import Page, expect

from tests.component.console.backend import AT, Backend, Record


def said(text: str | None, message_id: str = "m0", **fields: object) -> Record:
    message = {"id": message_id, "content": text, "isOutgoing": False, "conversationId": "v1", "timestamp": AT}
    return {**message, "status": "received", "type": "text", "from": "4917612345678", "revision": 0, **fields}


async def revises(backend: Backend, change: str, message: Record) -> None:
    """The author changes the newest message of the conversation."""
    conversation = backend.lists["conversations"][0]
    if message["revision"] >= conversation["last_message"].get("revision", 0):
        text = None if "revokedAt" in message else message["content"]
        changed = {"text": text, "revoked_at": message.get("revokedAt"), "revision": message["revision"]}
        conversation["last_message"] = {**conversation["last_message"], **changed}
    await backend.emit("message:updated", {**message, "change": change})


async def opened(console: Page) -> None:
    await console.goto("/#/inbox/v1")
    await console.wait_for_selector(".connection.online")
    await expect(console.get_by_label("Write a message", exact=True)).to_be_visible()


async def test_an_edited_message_shows_its_newest_text(console: Page, backend: Backend) -> None:
    await opened(console)
    await backend.receive("wednesday?")
    await revises(backend, "edited", said("friday?", editedAt=AT, revision=2))
    await revises(backend, "edited", said("thursday?", editedAt=AT, revision=1))
    message = console.locator("[data-id=m0]")
    await expect(message.locator(".text")).to_have_text("friday?")
    await expect(message.locator(".meta")).to_contain_text("edited")
    await expect(console.locator(".conversation[data-key=v1] .conversation-last")).to_have_text("friday?")
    await expect(console.locator(".message")).to_have_count(1)


async def test_a_deleted_message_shows_nothing_of_its_text(console: Page, backend: Backend) -> None:
    await opened(console)
    await backend.receive("my password is 9753")
    await revises(backend, "revoked", said("my password is 9753", revokedAt=AT, revision=1))
    await expect(console.locator("[data-id=m0] .text")).to_have_text("This message was deleted")
    await expect(console.locator(".conversation[data-key=v1] .conversation-last")).to_have_text(
        "This message was deleted"
    )
    await expect(console.get_by_text("9753")).to_have_count(0)


async def test_a_message_that_cannot_be_read_says_so_until_it_can(console: Page, backend: Backend) -> None:
    await opened(console)
    await backend.receive("")
    await backend.emit("new_message", said(None, "m1", type="undecryptable"))
    await expect(console.locator("[data-id=m1]")).to_contain_text("This message cannot be read here yet")
    await backend.emit("new_message", said("hello", "m1", revision=1))
    await expect(console.locator("[data-id=m1] .bubble")).not_to_contain_text("cannot be read")
    await expect(console.locator("[data-id=m1] .text")).to_have_text("hello")
    await backend.emit("new_message", said(None, "m2", type="unavailable"))
    await expect(console.locator("[data-id=m2]")).to_contain_text("Open this message on the phone")


async def test_an_answer_shows_what_it_answers(console: Page, backend: Backend) -> None:
    await opened(console)
    await backend.receive("wednesday?")
    await backend.emit("new_message", said("yes", "m1", quotedMessageId="m0"))
    await expect(console.locator("[data-id=m1] .quote")).to_have_text("wednesday?")
    await revises(backend, "revoked", said("wednesday?", revokedAt=AT, revision=1))
    await expect(console.locator("[data-id=m1] .quote")).to_have_text("This message was deleted")


async def test_a_deleted_note_shows_nothing_of_its_text(console: Page, backend: Backend) -> None:
    note = {"id": "n1", "kind": "note", "instance_id": "i1", "timestamp": AT, "text": "pin 1234"}
    backend.lists["messages"] = [note]
    await console.goto("/#/notes")
    await expect(console.get_by_text("pin 1234")).to_be_visible()
    await backend.emit("note:updated", {**note, "instanceId": "i1", "revokedAt": AT, "change": "revoked"})
    await expect(console.get_by_text("This message was deleted")).to_be_visible()
