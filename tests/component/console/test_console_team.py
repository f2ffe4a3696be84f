"""Several people at one inbox: who was faster, who is writing, and who only reads."""

import base64
import json

from playwright.async_api import Page, expect

from tests.component.console.backend import OWN_ID, Backend


async def opened(console: Page, backend: Backend) -> None:
    backend.lists["users"] = [{"id": "u2", "name": "Maria", "email": "maria@example.org", "role": "agent"}]
    await console.goto("/#/inbox/v1")
    await expect(console.locator(".composer")).to_be_visible()
    await expect(console.get_by_role("button", name="Assign to me")).to_be_visible()  # it was read


async def test_who_was_faster_is_named(console: Page, backend: Backend) -> None:
    await opened(console, backend)
    backend.lists["conversations"][0]["assigned_to"] = "u2"
    backend.refusal = {"status": 409, "code": "conversation_changed", "detail": "changed"}
    await console.get_by_role("button", name="Assign to me").click()
    await expect(console.locator(".head-problem")).to_contain_text("assigned to Maria now")
    await expect(console.get_by_role("button", name="Take over")).to_be_visible()


async def test_a_colleague_who_writes_is_named_until_the_answer(console: Page, backend: Backend) -> None:
    await opened(console, backend)
    for user_id in ("u2", OWN_ID):
        await backend.socket.emit("colleague:typing", {"conversationId": "v1", "userId": user_id, "state": "composing"})
    await expect(console.locator(".colleagues-typing")).to_have_text("Maria is writing an answer")
    await backend.socket.emit("colleague:typing", {"conversationId": "v1", "userId": "u2", "state": "paused"})
    await expect(console.locator(".colleagues-typing")).to_be_empty()


async def test_a_viewer_only_reads(console: Page, backend: Backend) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"sub": OWN_ID, "scopes": ["read"]}).encode()).decode().rstrip("=")
    await console.evaluate(
        """(token) => {
            const key = "switchboard.session";
            localStorage.setItem(key, JSON.stringify({...JSON.parse(localStorage.getItem(key)), token}));
        }""",
        f"h.{claims}.t1",
    )
    backend.lists["conversations"][0]["unread_count"] = 2
    await console.goto("/?viewer#/inbox/v1")
    await expect(console.locator(".thread-head h2")).to_have_text("<b>Anna</b>")
    await expect(console.locator(".composer")).to_have_count(0)
    for name in ("Assign to me", "Close", "New conversation"):
        await expect(console.get_by_role("button", name=name, exact=True)).to_have_count(0)
    assert backend.conversation_actions == []
