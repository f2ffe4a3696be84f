"""The console in a real browser."""

from playwright.async_api import Page, expect

from tests.component.console.backend import Backend, until

REFUSED = {
    "status": 409,
    "code": "booking_status_conflict",
    "error": "a pending booking cannot confirm",
    "detail": "a pending booking cannot confirm",
}


async def test_a_wrong_password_is_reported_beside_the_form(page: Page) -> None:
    await page.fill("#email", "me@example.org")
    await page.fill("#password", "wrong")
    await page.keyboard.press("Enter")
    await expect(page.locator(".login-card .error.box")).to_have_text(
        "The e-mail address or the password is wrong. Check both and try again."
    )
    await expect(page.get_by_text("Create an account")).to_have_count(0)  # registration is closed here


async def test_a_code_appears_live_and_goes_when_the_account_is_online(console: Page, backend: Backend) -> None:
    await backend.issue_qr(1)
    await backend.issue_qr(2)
    await expect(console.locator(".countdown")).to_contain_text("code 2")
    assert await console.locator("img.qr").get_attribute("src") == "data:image/png;base64,AAAA"
    await backend.socket.emit("whatsapp:connected", {"instanceId": "i1", "phoneNumber": "4930901820"})
    await expect(console.locator("img.qr")).to_have_count(0)
    await expect(console.locator(".account .badge")).to_have_text("Online")


async def test_the_reason_of_a_state_is_shown_on_the_card(console: Page, backend: Backend) -> None:
    unlinked = {"instanceId": "i1", "status": "logged_out", "reason": "main_device_gone"}
    await backend.socket.emit("whatsapp:status", unlinked)
    await expect(console.locator(".account .reason")).to_contain_text("WhatsApp removed this account from its phone.")
    await expect(console.get_by_role("button", name="Connect")).to_be_visible()


async def test_what_a_stranger_writes_stays_text(console: Page, backend: Backend) -> None:
    await console.goto("/#/inbox/v1")
    await console.wait_for_selector(".composer")
    await backend.receive("<img src=x onerror=alert(1)>")
    await expect(console.locator(".message.in .text")).to_have_text("<img src=x onerror=alert(1)>")
    await expect(console.locator(".thread-head h2")).to_have_text("<b>Anna</b>")
    await expect(console.locator(".log img, .thread-head b")).to_have_count(0)


async def test_an_answer_is_one_bubble_whose_status_only_advances(console: Page, backend: Backend) -> None:
    await console.goto("/#/inbox/v1")
    await console.get_by_role("textbox", name="Write a message").fill("First line")
    await console.keyboard.press("Shift+Enter")
    await console.keyboard.type("second")
    await console.keyboard.press("Enter")
    await until(lambda: [sent["message"] for sent in backend.sent] == ["First line\nsecond"], console)
    await expect(console.locator(".message.out")).to_have_count(1)
    await backend.progress("read")
    await backend.progress("delivered")
    await backend.receive("thanks", "m2")
    await expect(console.locator(".message.in")).to_have_count(1)
    await expect(console.locator(".message.out .delivery-status")).to_have_attribute("data-status", "read")


async def test_a_rejected_message_shows_the_reason_and_is_retried_under_the_same_id(
    console: Page, backend: Backend
) -> None:
    backend.refusal = REFUSED | {"retryable": True}
    await console.goto("/#/inbox/v1")
    await console.get_by_role("textbox", name="Write a message").fill("Hello")
    await console.keyboard.press("Enter")
    await expect(console.locator(".bubble-error")).to_contain_text("Somebody else changed this booking")
    backend.refusal = None
    await console.get_by_role("button", name="Try again").click()
    await expect(console.locator(".bubble-error")).to_have_count(0)  # from the click on
    await until(lambda: len(backend.sent) == 2, console)
    assert backend.sent[0]["clientId"] == backend.sent[1]["clientId"]


async def test_a_message_rejected_by_whatsapp_can_be_sent_as_a_new_one(console: Page, backend: Backend) -> None:
    await console.goto("/#/inbox/v1")
    await console.get_by_role("textbox", name="Write a message").fill("Hello")
    await console.keyboard.press("Enter")
    await expect(console.locator("[data-id=m1]")).to_be_visible()
    await backend.progress("failed")
    await console.get_by_role("button", name="Try again").click()
    await expect(console.locator("[data-id=m2] .delivery-status")).to_have_attribute("data-status", "queued")
    await expect(console.locator("[data-id=m1] .delivery-status")).to_have_attribute("data-status", "failed")
    assert backend.sent[0]["clientId"] != backend.sent[1]["clientId"]


async def test_an_ended_login_leads_to_the_login_with_the_reason(console: Page, backend: Backend) -> None:
    backend.logins, backend.expired = 7, True
    await backend.drop()
    await expect(console.locator(".login-card .error.box")).to_contain_text("Your login was used from another place")


async def test_a_booking_that_cannot_be_changed_says_why_beside_it(console: Page, backend: Backend) -> None:
    backend.refusal = REFUSED
    await console.goto("/#/bookings")
    await console.get_by_role("button", name="Confirm").click()
    await expect(console.locator("[data-id=b1] .error")).to_contain_text("Somebody else changed this booking")
    backend.refusal = None
    await console.get_by_role("button", name="Confirm").click()
    await expect(console.get_by_role("tab", name="Confirmed 1")).to_be_visible()


async def test_the_chosen_colours_stay(console: Page) -> None:
    before = await console.evaluate("document.documentElement.dataset.theme")
    await console.get_by_role("button", name="Dark colours").click()
    await console.reload()
    await console.wait_for_selector(".shell")
    assert before == "light"
    assert await console.evaluate("document.documentElement.dataset.theme") == "dark"
