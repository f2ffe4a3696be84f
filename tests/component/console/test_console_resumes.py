"""The console after an interruption gets each missed event once; tokens are renewed in time, by one tab."""

from playwright.async_api import Page, Request, expect

from tests.component.console.backend import Backend, until

TEXTS = ".message.in .text"


async def thread(console: Page) -> None:
    await console.goto("/#/inbox/v1")
    await console.wait_for_selector(".composer")


def is_read(request: Request) -> bool:
    """Numbers are counted again after each change."""
    return request.method == "GET" and "/api/" in request.url and not request.url.endswith("/counts")


async def test_missed_events_arrive_once_and_nothing_is_read_again(console: Page, backend: Backend) -> None:
    await thread(console)
    await backend.receive("before", "m1")
    await expect(console.locator(TEXTS)).to_have_text(["before"])
    read: list[str] = []
    console.on("request", lambda request: read.append(request.url) if is_read(request) else None)
    await backend.drop()
    await backend.receive("while away", "m2")
    await expect(console.locator(TEXTS)).to_have_text(["before", "while away"])
    await backend.receive("after", "m3")
    await expect(console.locator(TEXTS)).to_have_text(["before", "while away", "after"])
    assert backend.resume_positions[0] is None
    assert backend.resume_positions[1] in (0, 1)  # the newest event once more, when it may have had another part
    assert read == [], read


async def test_a_repeated_note_is_shown_once(console: Page, backend: Backend) -> None:
    note = {"id": "n1", "kind": "note", "text": "call the baker", "timestamp": "2026-03-02T10:00:00Z"}
    await backend.emit("note:created", note)
    await expect(console.locator(".toast")).to_have_count(1)
    await backend.drop()
    await backend.emit("note:created", note | {"id": "n2", "text": "and the butcher"})
    await expect(console.locator(".toast").last).to_contain_text("butcher")
    await expect(console.locator(".toast", has_text="baker")).to_have_count(1)


async def test_after_a_resync_everything_is_read_again(console: Page, backend: Backend) -> None:
    await thread(console)
    await backend.receive("before", "m1")
    missed = {"id": "m7", "kind": "message", "direction": "inbound", "type": "text", "text": "long ago"}
    backend.lists["conversations/v1/messages"] = [{**missed, "status": "received", "timestamp": "2026-03-02T11:00:00Z"}]
    backend.first_sequence = 5
    await backend.drop()
    await expect(console.locator(TEXTS).last).to_have_text("long ago")


async def test_an_expired_token_is_renewed_silently(console: Page, backend: Backend) -> None:
    backend.expired = True
    await backend.drop()
    await until(lambda: backend.refresh_tokens == ["r1"], console)
    await expect(console.locator(".connection.online")).to_be_visible()
    await backend.emit("note:created", {"id": "n1", "kind": "note", "text": "still here"})
    await expect(console.locator(".toast")).to_contain_text("still here")


async def test_tabs_that_find_the_token_expired_together_renew_it_once(console: Page, backend: Backend) -> None:
    other = await console.context.new_page()
    await other.goto("/")
    await other.wait_for_selector(".connection.online")
    backend.expired = True
    await backend.drop()
    await until(lambda: backend.refresh_tokens == ["r1"], console)
    for page in (console, other):
        await expect(page.locator(".connection.online")).to_be_visible()
    for page in (console, other):
        await page.reload()
        await page.wait_for_selector(".connection.online")
    assert backend.refresh_tokens == ["r1"]


async def test_a_token_is_renewed_before_it_expires(console: Page, backend: Backend) -> None:
    await console.reload()
    await console.wait_for_selector(".connection.online")
    assert backend.refresh_tokens == []
    key = "switchboard.session"
    await console.evaluate(
        "(key) => localStorage.setItem(key, JSON.stringify({...JSON.parse(localStorage.getItem(key)), renewAt: 1}))",
        key,
    )
    await console.reload()
    await expect(console.locator(".account")).to_be_visible()
    assert backend.refresh_tokens == ["r1"]


async def test_a_refused_refresh_leads_to_the_login_in_every_tab(console: Page, backend: Backend) -> None:
    other = await console.context.new_page()
    await other.goto("/")
    await other.wait_for_selector(".connection.online")
    backend.logins, backend.expired = 7, True
    await backend.drop()
    for page in (console, other):
        await expect(page.locator(".login-card")).to_be_visible()


async def test_a_logout_ends_the_login_everywhere(console: Page, backend: Backend) -> None:
    other = await console.context.new_page()
    await other.goto("/")
    await other.wait_for_selector(".connection.online")
    await console.get_by_role("button", name="Log out").click()
    for page in (console, other):
        await expect(page.locator(".login-card")).to_be_visible()
    assert backend.logouts == ["r1"]


async def test_a_token_that_was_renewed_meanwhile_is_not_renewed_again(console: Page, backend: Backend) -> None:
    """Its refusal comes late: another tab, or another request, has new tokens already."""
    await console.evaluate(
        """async () => {
            const { renewSession } = await import("/console/js/network/rest.js");
            const { currentSession } = await import("/console/js/network/session.js");
            const refused = currentSession().token;
            await renewSession(refused);
            await renewSession(refused);
        }"""
    )
    assert backend.refresh_tokens == ["r1"]


async def test_a_tab_that_does_not_see_the_new_tokens_yet_uses_no_used_refresh_token(
    console: Page, backend: Backend
) -> None:
    """What a tab stores becomes visible to others a moment later; a refresh token used twice ends the login."""
    other = await console.context.new_page()
    await other.goto("/")
    await other.wait_for_selector(".connection.online")
    await other.evaluate(
        """() => {
            const key = "switchboard.session", getItem = Storage.prototype.getItem, old = localStorage.getItem(key);
            window.isBehind = true;
            Storage.prototype.getItem = function (name) {
                return window.isBehind && name === key ? old : getItem.call(this, name);
            };
        }"""
    )
    renewing = """async () => {
        const { renewSession } = await import("/console/js/network/rest.js");
        const { currentSession } = await import("/console/js/network/session.js");
        const renewed = renewSession(currentSession().token);
        window.renewed = renewed.then(() => currentSession().token, (problem) => problem.code);
    }"""
    await console.evaluate(renewing)
    token = await console.evaluate("window.renewed")
    await other.evaluate(renewing)
    await other.evaluate("window.isBehind = false")
    assert await other.evaluate("window.renewed") == token
    assert backend.refresh_tokens == ["r1"]
