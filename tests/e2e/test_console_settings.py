"""The settings on the whole stack: an owner sets up organization and team; what a role may not do is not shown."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from deploy.local.stack import Stack
from tests.axe import axe_violations
from tests.browser import chromium_browser

expect.set_options(timeout=20_000)
PASSWORD = "correct horse battery staple"
NAME = "مقهى السلام 👩‍👩‍👧‍👦"


class Owner:
    """A registered owner: their page of the console, and a client of the API with their token."""

    def __init__(self, page: Page, api: httpx.AsyncClient, email: str) -> None:
        self.page, self.api, self.email = page, api, email

    async def opens(self, section: str) -> None:
        await self.page.goto(f"/#/settings/{section}")
        await expect(self.page.locator(".settings-section h1")).to_be_visible()

    async def says(self, text: str) -> None:
        await expect(self.page.locator(".toast").last).to_contain_text(text)


async def _log_in(page: Page, email: str) -> None:
    await page.goto("/")
    await page.fill("#email", email)
    await page.fill("#password", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".connection.online", state="attached")


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with chromium_browser() as browser:
        yield browser


@pytest.fixture
async def owner(stack: Stack, chromium: Browser) -> AsyncIterator[Owner]:
    email = f"owner-{uuid4().hex[:8]}@example.org"
    async with httpx.AsyncClient(base_url=stack.ready["api"], trust_env=False, timeout=30) as api:
        body = {"email": email, "password": PASSWORD, "name": "Nina", "organization_name": "Trattoria"}
        login = (await api.post("/api/auth/register", json=body)).json()
        api.headers["Authorization"] = f"Bearer {login['token']}"
        context = await chromium.new_context(base_url=stack.ready["api"], locale="en-GB")
        page = await context.new_page()
        page.set_default_timeout(20_000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await _log_in(page, email)
        yield Owner(page, api, email)
        await context.close()
        assert errors == []


async def test_the_profile_is_changed_and_speaks_another_language_on_every_device(
    owner: Owner, chromium: Browser, stack: Stack
) -> None:
    page = owner.page
    await owner.opens("profile")
    await page.get_by_role("textbox", name="Your name").fill("   ")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Please fill this in.")).to_be_visible()
    await page.get_by_role("textbox", name="Your name").fill(NAME)
    await page.get_by_role("button", name="Save").click()
    await owner.says("Saved")
    assert (await owner.api.get("/api/me")).json()["data"]["name"] == NAME
    await page.get_by_label("Colours", exact=True).select_option("dark")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.get_by_label("Language", exact=True).select_option("pt-BR")
    await expect(page.locator("html")).to_have_attribute("lang", "pt-BR")
    await expect(page.get_by_role("heading", name="Perfil")).to_be_visible()
    await expect(page.get_by_text("Este dispositivo")).to_be_visible()
    assert await axe_violations(page) == []
    other = await chromium.new_context(base_url=stack.ready["api"], locale="en-GB")
    second = await other.new_page()
    await _log_in(second, owner.email)
    await expect(second.locator("html")).to_have_attribute("lang", "pt-BR")
    await expect(second.locator("html")).to_have_attribute("data-theme", "dark")
    await page.reload()
    await page.get_by_role("button", name="Sair de todos os outros").click()
    await page.locator("dialog").get_by_role("button", name="Sair de todos os outros").click()
    await expect(second.locator("#email")).to_be_visible()
    await other.close()


async def test_a_wrong_password_is_refused_beside_its_field_and_a_new_one_works(owner: Owner) -> None:
    page = owner.page
    await owner.opens("profile")
    await page.get_by_label("Password until now").fill("not my password")
    await page.get_by_label("New password").fill(f"{PASSWORD} 2")
    await page.get_by_role("button", name="Change password").last.click()
    await expect(page.locator("#old_password-error")).not_to_be_empty()
    await expect(page.get_by_label("New password")).to_have_value(f"{PASSWORD} 2")
    await page.get_by_label("Password until now").fill(PASSWORD)
    await page.get_by_role("button", name="Change password").last.click()
    await owner.says("Your password is changed.")
    credentials = {"email": owner.email, "password": f"{PASSWORD} 2"}
    assert (await owner.api.post("/api/auth/login", json=credentials)).status_code == 200


async def test_a_colleague_is_invited_by_a_link_changes_role_and_is_removed(owner: Owner) -> None:
    page, email = owner.page, f"ana-{uuid4().hex[:8]}@example.org"
    await owner.opens("team")
    await page.get_by_role("button", name="Invite").click()
    await page.get_by_label("E-mail").fill("no address")
    await page.get_by_role("button", name="Make the invitation").click()
    await expect(page.locator("dialog .error").filter(has_text=re.compile("."))).to_have_count(1)
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_role("button", name="Make the invitation").click()
    link = await page.get_by_label("Link", exact=True).input_value()
    assert await axe_violations(page) == []
    await page.locator("dialog .actions").get_by_role("button", name="Close").click()
    assert link.split("/")[-1] not in await page.content()
    await expect(page.locator(".setting-row", has_text=email)).to_contain_text("Agent")
    accepted = {"token": link.split("/")[-1], "password": PASSWORD, "name": "Ana"}
    assert (await owner.api.post("/api/auth/accept-invitation", json=accepted)).status_code == 201
    await page.reload()
    row = page.locator(".setting-row", has_text=email)
    await row.get_by_role("button", name="More for Ana").click()
    await page.get_by_role("menuitemradio", name="Viewer").click()
    await expect(row).to_contain_text("Viewer")
    await row.get_by_role("button", name="More for Ana").click()
    await page.get_by_role("menuitem", name="Link for a new password").click()
    await expect(page.get_by_label("Link", exact=True)).to_have_value(re.compile("/#/password-reset/"))
    await page.keyboard.press("Escape")
    await row.get_by_role("button", name="More for Ana").click()
    await page.get_by_role("menuitem", name="Remove").click()
    await page.locator("dialog").get_by_role("button", name="Remove").click()
    await expect(page.locator(".setting-row", has_text=email)).to_have_count(0)


async def test_a_viewer_sees_only_what_a_viewer_may_do(owner: Owner, chromium: Browser, stack: Stack) -> None:
    email = f"viewer-{uuid4().hex[:8]}@example.org"
    made = await owner.api.post("/api/invitations", json={"email": email, "role": "viewer"})
    token = made.json()["data"]["token"]
    await owner.api.post("/api/auth/accept-invitation", json={"token": token, "password": PASSWORD})
    context = await chromium.new_context(base_url=stack.ready["api"], locale="es-ES")
    page = await context.new_page()
    await _log_in(page, email)
    await page.goto("/#/settings/team")
    await expect(page.locator(".settings-nav a")).to_have_text(["Perfil", "Números"])
    await expect(page.get_by_role("heading", name="Perfil")).to_be_visible()
    await page.goto("/#/settings/numbers")
    await expect(page.get_by_role("heading", name="Números", level=1)).to_be_visible()
    await expect(page.get_by_role("button", name="Añadir una cuenta de WhatsApp")).to_have_count(0)
    await context.close()


async def test_the_organization_has_hours_and_rules(owner: Owner) -> None:
    page = owner.page
    await owner.opens("organization")
    await page.get_by_label("Name of the organization").fill("Trattoria Sole")
    await page.get_by_label("Time zone").select_option("America/Sao_Paulo")
    await page.get_by_role("button", name="Save").first.click()
    await owner.says("Saved")
    await page.get_by_label("Which messages open a booking").select_option("keywords")
    booking = page.locator(".card", has=page.get_by_label("Which messages open a booking"))
    await booking.get_by_role("button", name="Save").click()
    await expect(page.locator("#booking_keywords-error")).to_contain_text("at least one word")
    await page.get_by_label("Words", exact=True).fill("mesa\nreserva")
    await page.get_by_role("switch", name="Opening hours").click()
    await page.get_by_label("Monday: open until").fill("13:00")
    await page.get_by_role("button", name="Add hours on Monday").click()
    assert await axe_violations(page) == []
    await booking.get_by_role("button", name="Save").click()
    await expect(page.locator(".toast")).to_have_count(2)
    settings = (await owner.api.get("/api/organization")).json()["data"]["settings"]
    assert settings["time_zone"] == "America/Sao_Paulo"
    assert settings["booking_keywords"] == ["mesa", "reserva"]
    assert settings["opening_hours"]["weekly"]["mon"] == [["09:00", "13:00"], ["14:00", "18:00"]]
    assert settings["opening_hours"]["time_zone"] == "America/Sao_Paulo"


async def test_an_api_key_is_shown_once_works_and_is_revoked(owner: Owner, stack: Stack) -> None:
    page = owner.page
    await owner.opens("developers")
    await page.get_by_role("button", name="New key").click()
    await page.get_by_label("Name", exact=True).fill("n8n")
    await page.get_by_role("button", name="Make the key").click()
    key = await page.get_by_label("API key", exact=True).input_value()
    async with httpx.AsyncClient(base_url=stack.ready["api"], trust_env=False) as program:
        program.headers["Authorization"] = f"Bearer {key}"
        assert (await program.get("/api/conversations")).status_code == 200
        await page.locator("dialog .actions").get_by_role("button", name="Close").click()
        assert key not in await page.content()
        row = page.locator(".setting-row", has_text="n8n")
        await row.get_by_role("button", name="Revoke").click()
        await page.locator("dialog").get_by_role("button", name="Revoke").click()
        await expect(row).to_contain_text("Revoked")
        assert (await program.get("/api/conversations")).status_code == 401
    assert await axe_violations(page) == []
    await owner.opens("audit")
    await expect(page.locator("tbody tr").first).to_contain_text("revoked an API key")
    assert await axe_violations(page) == []
