"""What the components do: keys, focus, what is typed, and pictures that are read when they are seen."""

import pytest
from playwright.async_api import Page, expect

GALLERY = "/console/gallery.html"
FORBID_STORAGE = """if (window.name === "without storage") {
  Object.defineProperty(window, "localStorage", { get() { throw new DOMException("", "SecurityError"); } });
}"""


@pytest.fixture
async def gallery(page: Page) -> Page:
    await page.goto(GALLERY)
    await page.wait_for_selector(".gallery-section")
    return page


async def test_the_keyboard_opens_a_menu_moves_in_it_and_leaves_it(gallery: Page) -> None:
    more = gallery.locator('[data-section="overlays"]').get_by_role("button", name="More")
    await more.focus()
    await gallery.keyboard.press("ArrowUp")
    await expect(gallery.get_by_role("menuitem", name="Remove")).to_be_focused()
    await gallery.keyboard.press("ArrowDown")
    await expect(gallery.get_by_role("menuitem", name="Edit")).to_be_focused()
    await gallery.keyboard.press("End")
    await gallery.keyboard.press("ArrowUp")
    # the one that cannot be chosen now is passed over
    await expect(gallery.get_by_role("menuitem", name="Copy the link")).to_be_focused()
    await gallery.keyboard.press("e")
    await expect(gallery.get_by_role("menuitem", name="Edit")).to_be_focused()
    await gallery.keyboard.press("Escape")
    await expect(gallery.get_by_role("menu")).to_have_count(0)
    await expect(more).to_be_focused()


async def test_a_menu_lies_inside_the_window_and_closes_on_a_press_elsewhere(gallery: Page) -> None:
    await gallery.set_viewport_size({"width": 320, "height": 480})
    await gallery.locator('[data-section="overlays"]').get_by_role("button", name="More").click()
    box = await gallery.get_by_role("menu").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= 320
    assert box["y"] + box["height"] <= 480
    await gallery.mouse.click(310, 5)
    await expect(gallery.get_by_role("menu")).to_have_count(0)


async def test_a_press_beside_a_dialog_closes_no_form_and_the_focus_returns(gallery: Page) -> None:
    opener = gallery.get_by_role("button", name="Dialog", exact=True)
    await opener.click()
    await expect(gallery.get_by_label("Number").last).to_be_focused()
    await gallery.keyboard.type("+55 11")
    await gallery.mouse.click(5, 5)
    await expect(gallery.locator("dialog[open] input")).to_have_value("+55 11")
    await gallery.keyboard.press("Escape")
    await expect(gallery.locator("dialog")).to_have_count(0)
    await expect(opener).to_be_focused()
    await gallery.get_by_role("button", name="Confirmation", exact=True).click()
    await expect(gallery.get_by_role("button", name="Remove").last).to_be_focused()
    await gallery.mouse.click(5, 5)
    await expect(gallery.locator("dialog")).to_have_count(0)


async def test_a_refused_confirmation_says_why_and_can_be_tried_again(gallery: Page) -> None:
    await gallery.get_by_role("button", name="Confirmation that is refused").click()
    accept = gallery.locator("dialog").get_by_role("button", name="Remove")
    await accept.click()
    await expect(gallery.locator("dialog").get_by_role("alert")).to_contain_text("could not be reached")
    await expect(accept).to_be_enabled()
    await gallery.locator("dialog").get_by_role("button", name="Cancel").click()
    await expect(gallery.locator("dialog")).to_have_count(0)


async def test_a_form_keeps_what_was_typed_and_leads_to_the_first_error(gallery: Page) -> None:
    form = gallery.locator('[data-section="forms"] form')
    name, note = form.get_by_label("Name"), form.get_by_label("Note")
    await note.fill("A long note")
    await form.get_by_role("button", name="Save").click()
    await expect(name).to_be_focused()
    await expect(name).to_have_attribute("aria-invalid", "true")
    await expect(name).to_have_accessible_description("Use at least three letters.")
    await gallery.keyboard.type("Anna")
    await expect(name).not_to_have_attribute("aria-invalid", "true")
    await gallery.keyboard.press("Enter")
    await expect(form.locator(".error.box")).to_contain_text("could not be reached")
    await expect(name).to_have_value("Anna")
    await expect(note).to_have_value("A long note")


async def test_escape_and_the_button_clear_a_search_and_leave_the_focus_in_it(gallery: Page) -> None:
    search = gallery.get_by_role("searchbox", name="Search people")
    await search.focus()
    await gallery.keyboard.press("Escape")
    await expect(search).to_have_value("")
    await expect(search).to_be_focused()
    await gallery.keyboard.type("Bo")
    await gallery.get_by_role("search", name="Search people").get_by_role("button").click()
    await expect(search).to_have_value("")
    await expect(search).to_be_focused()


async def test_a_password_is_shown_and_hidden(gallery: Page) -> None:
    password = gallery.locator("#g-password")
    await gallery.get_by_role("button", name="Show").click()
    await expect(password).to_have_attribute("type", "text")
    await gallery.get_by_role("button", name="Hide").click()
    await expect(password).to_have_attribute("type", "password")


async def test_arrow_keys_move_between_tabs(gallery: Page) -> None:
    tabs = gallery.get_by_role("tablist", name="Views", exact=True)
    await tabs.get_by_role("tab", name="Unread").focus()
    await gallery.keyboard.press("ArrowRight")
    await expect(tabs.get_by_role("tab", name="Mine")).to_be_focused()
    await expect(tabs.get_by_role("tab", name="Mine")).to_have_attribute("aria-selected", "true")
    await gallery.keyboard.press("Home")
    await expect(tabs.get_by_role("tab", name="All")).to_have_attribute("aria-selected", "true")


async def test_lines_at_the_bottom_are_above_an_open_dialog_and_can_be_closed(gallery: Page) -> None:
    await gallery.get_by_role("button", name="Toasts").click()
    lines = gallery.locator(".toast")
    await expect(lines).to_have_count(3)
    await expect(gallery.locator(".toasts").get_by_role("alert")).to_contain_text("could not be reached")
    await lines.nth(1).get_by_role("button", name="Undo").click()
    await expect(lines).to_have_count(2)
    await lines.last.get_by_role("button", name="Close").click()
    await expect(gallery.locator(".toast.bad")).to_have_count(0)


async def test_a_profile_picture_is_read_once_and_only_when_its_avatar_is_on_the_screen(page: Page) -> None:
    read: list[str] = []
    page.on("request", lambda request: read.append(request.url) if "/picture" in request.url else None)
    await page.set_viewport_size({"width": 800, "height": 300})
    await page.goto(GALLERY)
    await page.wait_for_selector(".gallery-section")
    assert read == []
    missing = page.get_by_text("picture missing")
    async with page.expect_response(lambda response: "missing" in response.url):
        await missing.scroll_into_view_if_needed()
    await page.locator("h1").first.scroll_into_view_if_needed()
    await missing.scroll_into_view_if_needed()
    assert sorted(url.split("/")[-2] for url in read) == ["missing", "picture"]
    await expect(page.locator('[data-section="avatars"] .avatar').last).to_have_text("C")


async def test_the_theme_can_be_chosen_without_storage(page: Page) -> None:
    await page.context.add_init_script(FORBID_STORAGE)
    await page.evaluate("window.name = 'without storage'")
    await page.goto(f"{GALLERY}#theme=dark")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.get_by_label("Theme").select_option("light")
    await expect(page.locator("html")).to_have_attribute("data-theme", "light")
    bars = await page.evaluate("[...document.querySelectorAll('meta[name=theme-color]')].map((meta) => meta.media)")
    assert bars == ["all", "not all"]
    await page.evaluate("window.name = ''")
