"""Every component in every state looks as it did, in both themes, and has no barriers."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from playwright.async_api import Page

from tests.axe import axe_violations
from tests.component.console.gallery_pictures import (
    ACTIONS,
    NARROW,
    PICTURES,
    THEMES,
    opened_gallery,
    pictures_of,
    show,
)
from tests.component.console.picture_comparison import MAX_DIFFERING_PIXELS, differing_pixels
from tests.component.console.test_console_small_screen import fits

ACCENT, SIMILAR_GREEN = (11, 107, 80), (11, 107, 96)


@pytest.fixture(scope="module")
async def gallery() -> AsyncIterator[Page]:
    async with opened_gallery() as page:
        yield page


@pytest.mark.parametrize("theme", THEMES)
async def test_every_component_looks_as_it_did(gallery: Page, theme: str, tmp_path: Path) -> None:
    """When a change of the look is wanted: .venv/bin/python -m tests.component.console.gallery_pictures"""
    taken = await pictures_of(gallery, theme)
    assert set(taken) == {file.stem for file in PICTURES.glob(f"*-{theme}.png")}
    different = []
    for name, picture in taken.items():
        pixels = differing_pixels(picture, (PICTURES / f"{name}.png").read_bytes())
        if pixels > MAX_DIFFERING_PIXELS:
            (tmp_path / f"{name}.png").write_bytes(picture)
            different.append(f"{pixels} pixels of {tmp_path}/{name}.png")
    assert different == []


@pytest.mark.parametrize("theme", THEMES)
async def test_no_component_has_a_barrier(gallery: Page, theme: str) -> None:
    await show(gallery, theme)
    assert await axe_violations(gallery) == []
    for name, act in ACTIONS.items():
        await act(gallery, theme)
        assert await axe_violations(gallery) == [], name


@pytest.mark.parametrize("language", ["en", "es", "pt-BR"])
async def test_nothing_is_wider_than_the_smallest_phone(gallery: Page, language: str) -> None:
    await show(gallery, "light", width=NARROW)
    await gallery.evaluate("(language) => { location.hash += `&language=${language}`; }", language)
    await gallery.wait_for_selector(f'[lang="{language}"]')
    await fits(gallery)


def _changed(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


@pytest.fixture
def buttons() -> Image.Image:
    return Image.open(PICTURES / "buttons-light.png").convert("RGB")


def test_other_antialiasing_is_no_difference(buttons: Image.Image) -> None:
    quarter_of_a_pixel_right = Image.blend(buttons, ImageChops.offset(buttons, 1, 0), 0.25)
    assert differing_pixels(_changed(buttons), _changed(buttons)) == 0
    assert differing_pixels(_changed(quarter_of_a_pixel_right), _changed(buttons)) <= MAX_DIFFERING_PIXELS


def test_another_colour_is_a_difference(buttons: Image.Image) -> None:
    green = Image.new("RGB", buttons.size, ACCENT)
    is_green = ImageChops.difference(buttons, green).convert("L").point(lambda value: 255 if value == 0 else 0)
    changed = buttons.copy()
    changed.paste(Image.new("RGB", buttons.size, SIMILAR_GREEN), mask=is_green)
    assert differing_pixels(_changed(changed), _changed(buttons)) > MAX_DIFFERING_PIXELS


def test_what_has_moved_is_a_difference(buttons: Image.Image) -> None:
    box = (100, 40, 400, 100)
    moved = buttons.copy()
    moved.paste(buttons.crop(box), (box[0] + 3, box[1]))
    assert differing_pixels(_changed(moved), _changed(buttons)) > MAX_DIFFERING_PIXELS


def test_another_size_is_a_difference(buttons: Image.Image) -> None:
    smaller = buttons.crop((0, 0, buttons.width, buttons.height - 1))
    assert differing_pixels(_changed(smaller), _changed(buttons)) > MAX_DIFFERING_PIXELS
