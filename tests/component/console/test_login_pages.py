"""The pages before the login: registration, forgotten password, links of invitations and of forgotten passwords."""

import pytest
from playwright.async_api import Page, expect

from tests.axe import axe_violations
from tests.component.console.backend_login import TOKEN, LoginBackend

LANGUAGE_LABELS = {"en": "English", "es": "Español", "pt-BR": "Português (Brasil)"}
BROKEN = {"status": 503, "code": "bus_unavailable", "detail": "E4711"}


@pytest.fixture
def backend() -> LoginBackend:
    return LoginBackend()


async def open_link(page: Page, path: str) -> None:
    await page.evaluate("(to) => { location.hash = to; }", f"#/{path}/{TOKEN}")
    await page.wait_for_function("() => !location.hash.includes('4711')")


async def logged_in(page: Page) -> None:
    await expect(page.locator(".nav")).to_be_visible()


async def log_in(page: Page) -> None:
    await page.fill("#email", "me@example.org")
    await page.fill("#password", "right")
    await page.keyboard.press("Enter")
    await logged_in(page)


async def assert_token_is_nowhere(page: Page) -> None:
    """Neither in the address and what the browser keeps, nor on the page."""
    kept = "JSON.stringify([location.href, {...localStorage}, {...sessionStorage}, document.body.outerHTML])"
    assert TOKEN not in str(await page.evaluate(kept))


async def test_a_new_organization_is_registered_and_a_failure_keeps_what_was_typed(
    page: Page, backend: LoginBackend
) -> None:
    backend.offer(registration_policy="open")
    await page.reload()
    await page.get_by_role("button", name="Create an account").click()
    await page.get_by_role("button", name="Create account").click()
    await expect(page.locator("#name-error")).to_have_text("Please fill this in.")
    await expect(page.locator("#name")).to_be_focused()
    typed = {"name": "Zoë", "organization_name": "Café", "email": "me@example.org", "password": " with blanks "}
    for name, text in typed.items():
        await page.fill(f"#{name}", text)
    backend.refusals["register"] = BROKEN
    await page.get_by_role("button", name="Create account").click()
    await expect(page.locator(".error.box")).to_contain_text("A part of the server is not running right now.")
    assert [await page.input_value(f"#{name}") for name in typed] == list(typed.values())
    backend.refusals.clear()
    await page.get_by_role("button", name="Create account").click()
    await logged_in(page)
    assert backend.bodies["register"][-1] == typed


@pytest.mark.parametrize("language", LANGUAGE_LABELS)
async def test_a_forgotten_password_leads_to_a_mail_in_the_language_of_the_page(
    page: Page, backend: LoginBackend, language: str
) -> None:
    backend.offer(sends_mail=True)
    await page.reload()
    await page.fill("#email", "me@example.org")
    await page.get_by_label("Language").select_option(LANGUAGE_LABELS[language])
    await expect(page.locator("html")).to_have_attribute("lang", language)
    await expect(page.locator("#email")).to_have_value("me@example.org")
    await page.locator(".switch .link").first.click()
    await expect(page.locator("#email")).to_have_value("me@example.org")
    backend.refusals["forgot-password"] = {
        "status": 429,
        "code": "too_many_password_requests",
        "detail": "",
        "retry_after": 20,
    }
    await page.keyboard.press("Enter")
    await expect(page.locator(".error.box")).to_contain_text("20")
    assert await axe_violations(page) == []
    backend.refusals.clear()
    await page.keyboard.press("Enter")
    await expect(page.locator(".login-card")).to_contain_text("me@example.org")
    assert backend.bodies["forgot-password"][-1] == {"email": "me@example.org", "language": language}
    await page.locator(".login-card .button").click()
    await expect(page.locator("#password")).to_be_visible()


async def test_a_server_without_mails_says_whom_to_ask(page: Page) -> None:
    await page.get_by_role("button", name="Forgot your password?").click()
    await expect(page.locator(".login-card")).to_contain_text("Ask an owner of your organization for a link")
    await expect(page.locator("#email")).to_have_count(0)
    assert await axe_violations(page) == []


@pytest.mark.parametrize("language", LANGUAGE_LABELS)
async def test_an_invitation_says_what_it_is_for_and_is_accepted(
    page: Page, backend: LoginBackend, language: str
) -> None:
    await page.get_by_label("Language").select_option(LANGUAGE_LABELS[language])
    await open_link(page, "invitation")
    await expect(page.locator("h1")).to_contain_text("Café Lua")
    await expect(page.locator(".login-card")).to_contain_text("Ana Silva")
    await expect(page.locator("#email")).to_have_value("new@example.org")
    await assert_token_is_nowhere(page)
    assert await axe_violations(page) == []
    await page.fill("#name", "Noor")
    await page.fill("#password", "short")
    backend.refusals["accept-invitation"] = {
        "status": 422,
        "code": "validation_failed",
        "errors": [{"field": "password", "code": "string_too_short", "message": "E4711"}],
    }
    await page.locator("button[type=submit]").click()
    await expect(page.locator("#password-error")).to_contain_text("10")
    await expect(page.locator("#name")).to_have_value("Noor")
    backend.refusals.clear()
    await page.fill("#password", "long enough")
    await page.locator("button[type=submit]").dblclick()
    await logged_in(page)
    accepted = {"token": TOKEN, "name": "Noor", "password": "long enough"}
    assert backend.bodies["accept-invitation"][1:] == [accepted]
    await assert_token_is_nowhere(page)


@pytest.mark.parametrize(
    ("code", "status", "part"),
    [
        ("invitation_used", 409, "was used already"),
        ("invitation_expired", 410, "is too old"),
        ("invitation_withdrawn", 410, "was withdrawn"),
        ("invitation_renewed", 410, "newer link"),
        ("invitation_invalid", 404, "does not exist"),
    ],
)
async def test_an_invitation_that_cannot_be_accepted_says_why(
    page: Page, backend: LoginBackend, code: str, status: int, part: str
) -> None:
    backend.refusals["invitation"] = {"status": status, "code": code, "detail": "E4711"}
    await open_link(page, "invitation")
    await expect(page.locator(".error.box")).to_contain_text(part)
    await expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    await page.get_by_role("button", name="Go to the login").click()
    await expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()


async def test_a_link_that_could_not_be_read_is_read_again(page: Page, backend: LoginBackend) -> None:
    backend.refusals["invitation"] = BROKEN
    await open_link(page, "invitation")
    await expect(page.locator(".error.box")).to_contain_text("not running right now")
    backend.refusals.clear()
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("heading", name="Join Café Lua")).to_be_visible()
    await page.reload()
    await expect(page.locator(".login-card")).to_contain_text("Open the link once more.")


async def test_who_is_logged_in_logs_out_before_a_link_is_used(page: Page, backend: LoginBackend) -> None:
    await log_in(page)
    await open_link(page, "invitation")
    await expect(page.locator(".login-card")).to_contain_text("me@example.org is logged in")
    await page.get_by_role("button", name="Stay logged in").click()
    await logged_in(page)
    await open_link(page, "password-reset")
    await expect(page.locator(".login-card")).to_contain_text("sets a new password for me@example.org at Café Lua")
    await page.get_by_role("button", name="Log out and continue").click()
    await page.fill("#password", "a new password")
    await page.get_by_role("button", name="Set the password and log in").click()
    await logged_in(page)
    assert len(backend.logouts) == 1
    assert backend.bodies["password-reset"] == [{"token": TOKEN, "password": "a new password"}]


async def test_the_login_leads_back_to_the_address_where_the_session_ended(page: Page, backend: LoginBackend) -> None:
    await page.evaluate("location.hash = '#/bookings'")
    await log_in(page)
    await page.get_by_role("button", name="Confirm").wait_for()
    backend.logins += 1  # the refresh token of the page is none any more
    backend.expired = True
    await page.get_by_role("searchbox").fill("Anna")
    await expect(page.locator(".error.box")).to_contain_text("Your login was used from another place")
    backend.expired = False
    await log_in(page)
    assert await page.evaluate("location.hash") == "#/bookings"


async def test_the_login_page_works_without_storage(page: Page) -> None:
    other = await page.context.new_page()
    errors: list[str] = []
    other.on("pageerror", lambda error: errors.append(str(error)))
    await other.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })")
    await other.goto("/")
    await other.get_by_label("Language").select_option("Español")
    await other.fill("#email", "me@example.org")
    await other.fill("#password", "wrong")
    await other.keyboard.press("Enter")
    await expect(other.locator(".error.box")).not_to_be_empty()
    assert errors == []
