"""The code an account is linked with: there after a reload, and renewed by a button."""

import re
from typing import Any

from playwright.async_api import Page, expect

from tests.component.console.backend import Backend, Record, until

NUMBER = re.compile(r"for \+49 (?:309 018 20|30 901820)$")
"""Before and after the groups of its country are known."""
CODE = {"method": "code", "phone_number": "4930901820"}
QR = {"method": "qr"}
SHOWN = ".pairing .code"


async def reloaded(console: Page) -> None:
    await console.reload()
    await console.wait_for_selector(".connection.online")


async def reset(backend: Backend) -> None:
    """Nothing is linked."""
    await backend.set_status("disconnected", "as_asked")
    backend.connects.clear()


async def seconds(page: Page) -> int:
    return int((await page.locator(".countdown .time-left").inner_text()).split()[0])


async def test_a_pairing_code_is_there_after_a_reload_in_another_tab_and_after_a_resync(
    console: Page, backend: Backend
) -> None:
    await backend.issue_code("ABCD1234", lasts=100)
    await expect(console.locator(SHOWN)).to_have_text("ABCD-1234")
    await reloaded(console)
    await expect(console.locator(SHOWN)).to_have_text("ABCD-1234")
    await expect(console.locator(".countdown")).to_contain_text(NUMBER)
    assert 0 < await seconds(console) <= 101
    other = await console.context.new_page()
    await other.goto("/#/settings/numbers")
    await expect(other.locator(SHOWN)).to_have_text("ABCD-1234")
    # issued while the tabs were away, and too long ago for the stream
    backend.codes["pairing-code"]["code"] = "WXYZ9876"
    backend.first_sequence = 5
    await backend.drop()
    for page in (console, other):
        await expect(page.locator(SHOWN)).to_have_text("WXYZ-9876")
        await expect(page.locator(SHOWN)).to_have_attribute("aria-label", "Code to type on the phone: W X Y Z 9 8 7 6")


async def test_a_code_whose_account_was_linked_meanwhile_is_gone_after_a_resync(
    console: Page, backend: Backend
) -> None:
    await backend.issue_code("ABCD1234")
    await expect(console.locator(SHOWN)).to_be_visible()
    backend.lists["whatsapp/instances"][0] |= {"status": "connected"}
    backend.first_sequence = 5
    await backend.drop()
    await expect(console.locator(".account .badge")).to_have_text("Online")
    await expect(console.locator(".pairing")).to_be_hidden()


async def test_a_new_code_replaces_the_one_on_show_and_keeps_the_focus(console: Page, backend: Backend) -> None:
    await reset(backend)
    await backend.issue_code("ABCD1234")
    await console.get_by_role("button", name="New code").focus()
    await console.keyboard.press("Enter")
    await expect(console.locator(SHOWN)).to_have_text("NEW0-0002")
    # without the disconnect the same code would be answered
    assert backend.connects == [{}, CODE]
    await expect(console.get_by_role("button", name="New code")).to_be_focused()


async def test_an_expired_code_is_not_shown_any_more_and_can_be_renewed(console: Page, backend: Backend) -> None:
    await reset(backend)
    await backend.issue_code("ABCD1234", lasts=1.5)
    await expect(console.locator(".pairing .pairing-status")).to_have_text("This code has expired. Ask for a new one.")
    assert "ABCD" not in await console.content()
    await reloaded(console)
    await expect(console.locator(".pairing .pairing-status")).to_contain_text("expired")
    await console.get_by_role("button", name="New code").click()
    await expect(console.locator(SHOWN)).to_have_text("NEW0-0002")


async def test_after_whatsapp_gave_up_the_same_number_gets_another_code_also_after_a_reload(
    console: Page, backend: Backend
) -> None:
    await reset(backend)
    await backend.issue_code("ABCD1234")
    await expect(console.locator(SHOWN)).to_be_visible()
    await backend.set_status("disconnected", "pairing_timeout")
    await expect(console.locator(".account .reason")).to_contain_text("The code was not used in time.")
    await reloaded(console)
    await console.get_by_role("button", name="New code").click()
    await expect(console.locator(SHOWN)).to_have_text("NEW0-0001")
    assert backend.connects == [CODE]
    await backend.set_status("connected")
    await expect(console.locator(".pairing")).to_be_hidden()
    assert await console.evaluate("Object.keys(localStorage).filter((key) => key.includes('linking'))") == []


async def test_a_code_can_be_exchanged_for_a_qr_code_and_back(console: Page, backend: Backend) -> None:
    await reset(backend)
    await backend.issue_code("ABCD1234")
    await console.get_by_role("button", name="Use a QR code instead").click()
    await expect(console.locator(".pairing img.qr")).to_be_visible()
    assert backend.connects == [QR]
    await console.get_by_role("button", name="Use a code instead").click()
    await console.get_by_label("Phone number of the account").fill("+49 30 901820")
    await console.get_by_role("button", name="Get a code").click()
    await expect(console.locator(SHOWN)).to_have_text("NEW0-0002")
    assert [entry["method"] for entry in backend.connects] == ["qr", "code"]
    await expect(console.locator("dialog")).to_have_count(0)


async def test_a_qr_code_can_be_renewed_when_no_other_comes(console: Page, backend: Backend) -> None:
    await reset(backend)
    await backend.issue_qr(6, lasts=-1)
    await expect(console.locator(".pairing .pairing-status")).to_have_text("A new code is on its way…")
    await expect(console.locator(".pairing .pairing-status")).to_contain_text(
        "This QR code has expired", timeout=20_000
    )
    await expect(console.locator(".pairing img")).to_have_count(0)
    await console.get_by_role("button", name="New QR code").click()
    await expect(console.locator(".pairing img.qr")).to_be_visible()
    assert backend.connects == [{}, QR]
    await backend.set_status("disconnected", "pairing_timeout")
    await console.get_by_role("button", name="New QR code").click()
    await expect(console.locator(".pairing img.qr")).to_be_visible()
    assert backend.connects == [{}, QR, QR]


async def test_a_number_without_a_code_is_reported_and_the_current_code_stays(console: Page, backend: Backend) -> None:
    await reset(backend)
    await backend.issue_qr(1)
    refusals: list[tuple[Record, str]] = [
        ({"status": 422, "code": "invalid_phone", "detail": "phone_number: 12 is too short"}, "country code"),
        ({"status": 502, "code": "pairing_failed", "detail": "bad-request"}, "WhatsApp gave no code for this number."),
        ({"status": 504, "code": "pairing_code_timeout", "detail": "no code"}, "WhatsApp gave no code in time."),
        ({"status": 429, "code": "rate_limited", "detail": "x", "retry_after": 8}, "Try again in 8 seconds."),
    ]
    await console.get_by_role("button", name="Use a code instead").click()
    for refusal, part in refusals:
        backend.refusal = refusal
        await console.get_by_label("Phone number of the account").fill("12")
        await console.get_by_role("button", name="Get a code").click()
        await expect(console.locator("dialog")).to_contain_text(part)
    await console.keyboard.press("Escape")
    await expect(console.locator(".pairing img.qr")).to_be_visible()


async def test_two_clicks_request_one_code(console: Page, backend: Backend) -> None:
    await reset(backend)
    await backend.issue_code("ABCD1234")
    await expect(console.locator(SHOWN)).to_be_visible()
    await console.evaluate(
        "() => { for (let n = 0; n < 5; n += 1) document.querySelector('[data-key=renew]').click(); }"
    )
    await expect(console.locator(SHOWN)).to_contain_text("NEW")
    assert backend.connects == [{}, CODE]


async def test_a_browser_whose_clock_is_wrong_shows_the_true_time_left(console: Page, backend: Backend) -> None:
    await backend.issue_code("ABCD1234", lasts=120)
    for minutes in (-15, 15):
        page = await console.context.new_page()
        await page.add_init_script(f"const now = Date.now; Date.now = () => now() + {minutes * 60_000};")
        await page.goto("/#/settings/numbers")
        await expect(page.locator(SHOWN)).to_have_text("ABCD-1234")
        assert 0 < await seconds(page) <= 122
        await page.close()


async def test_the_current_code_is_read_once_and_after_a_failure_again(console: Page, backend: Backend) -> None:
    await backend.issue_code("ABCD1234")
    requests: list[str] = []
    console.on(
        "request", lambda request: requests.append(request.url) if request.url.endswith("pairing-code") else None
    )
    failing = "**/pairing-code"
    await console.route(failing, lambda route: route.abort())
    await reloaded(console)
    await until(lambda: requests, console)
    await expect(console.locator(SHOWN)).to_have_count(0)
    await console.unroute(failing)
    backend.first_sequence = 5
    await backend.drop()
    await expect(console.locator(SHOWN)).to_have_text("ABCD-1234")


async def test_a_code_of_strange_content_stays_text(console: Page, backend: Backend) -> None:
    told: dict[str, Any] = {"instanceId": "i1", "pairingCode": "<b>AB</b>", "phoneNumber": "<i>1</i>"}
    await backend.set_status("pairing")
    await backend.socket.emit("whatsapp:pairing-code", told | {"expiresAt": "2999-01-01T00:00:00+00:00"})
    await expect(console.locator(SHOWN)).to_have_text("<b>A-B</b>")
    await expect(console.locator(".countdown")).to_contain_text("<i>1</i>")
    await expect(console.locator(".pairing :is(b, i:not(.bar))")).to_have_count(0)
    await backend.socket.emit("whatsapp:pairing-code", told | {"expiresAt": "never"})
    await expect(console.locator(".pairing .pairing-status")).to_contain_text("expired")
