"""Notes, and one's own password."""

from playwright.async_api import Page, expect

from tests.component.console.backend import Backend, Record


def note(number: int, text: str) -> Record:
    shown = {"id": f"n{number}", "kind": "note", "instance_id": "i1", "type": "text", "text": text}
    return shown | {"timestamp": f"2026-03-02T10:0{number}:00+00:00"}


async def test_notes_are_listed_newest_first_and_a_new_one_appears_live(console: Page, backend: Backend) -> None:
    backend.lists["messages"] = [note(3, "Order flour"), note(2, "Call <b>Anna</b>"), note(1, "Pay the rent")]
    await console.get_by_role("link", name="Notes").click()
    texts = console.locator(".note-text")
    await expect(texts).to_have_text(["Order flour", "Call <b>Anna</b>"])
    await expect(console.locator(".note-row").first).to_contain_text("Front desk")
    await console.get_by_role("button", name="Older notes").click()
    await expect(texts).to_have_count(3)
    await expect(console.get_by_role("button", name="Older notes")).to_be_hidden()
    await backend.emit("note:created", note(4, "Buy salt"))
    await expect(texts).to_have_text(["Buy salt", "Order flour", "Call <b>Anna</b>", "Pay the rent"])


async def test_without_notes_the_page_says_what_they_are(console: Page) -> None:
    await console.get_by_role("link", name="Notes").click()
    await expect(console.locator(".empty")).to_contain_text("Write to yourself")


async def test_on_a_small_phone_everything_of_the_navigation_is_within_reach(console: Page) -> None:
    await console.set_viewport_size({"width": 320, "height": 600})
    for found in (
        console.get_by_role("link", name="Notes"),
        console.get_by_role("button", name="Change password"),
        console.get_by_role("button", name="Log out"),
    ):
        await expect(found).to_be_in_viewport(ratio=1)


async def test_the_password_is_changed_as_it_was_typed(console: Page, backend: Backend) -> None:
    await console.get_by_role("button", name="Change password").click()
    dialog = console.get_by_role("dialog")
    await dialog.get_by_label("Password until now").fill("wrong")
    await dialog.get_by_label("New password").fill(" ten letters ")
    await console.keyboard.press("Enter")
    await expect(dialog.locator("#old_password-error")).to_have_text("This is not your password until now.")
    await dialog.get_by_label("Password until now").fill("right")
    await dialog.get_by_role("button", name="Change password").click()
    await expect(console.locator(".toast")).to_have_text("Your password is changed.")
    await expect(dialog).to_have_count(0)
    assert backend.passwords[-1] == {"old_password": "right", "new_password": " ten letters "}
