"""Texts that would be an empty bubble on a phone."""

import re
import unicodedata

import pytest

from shared.text.visible_text import VISIBLE_PATTERN, has_visible_text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "\u200b\u200d",
        "\u3164",
        "\u2800",
        "\u115f\u1160",
        "\u00a0\u3000",
        "\ufeff",
        "\u00ad",
        "\ufe0f",
        "\u202e\u202c",
        "\u2028",
        "\x00\x1b",
        "\u180e",
        "\U000e0041\U000e007f",
        "\u034f",
        "\U000e0100",
    ],
)
def test_invisible_characters_show_nothing(text: str) -> None:
    assert not has_visible_text(text)


@pytest.mark.parametrize(
    "text",
    ["a", " . ", "\u200e1", "👍", "👨\u200d👩\u200d👧", "❤️", "🏳️\u200d🌈", "שלום", "۝", "\u0301", "…", "1\ufe0f\u20e3"],
)
def test_what_can_be_seen_shows_something(text: str) -> None:
    assert has_visible_text(text)
    assert re.search(VISIBLE_PATTERN, text)


def test_letters_digits_and_signs_of_every_script_show_something() -> None:
    fillers = {"HANGUL CHOSEONG FILLER", "HANGUL JUNGSEONG FILLER", "HANGUL FILLER", "HALFWIDTH HANGUL FILLER"}
    for code in range(0x110000):
        character = chr(code)
        if unicodedata.category(character)[0] in "LNPS" and character != "\u2800":
            hidden = unicodedata.name(character, "") in fillers
            assert has_visible_text(character) is not hidden, hex(code)
