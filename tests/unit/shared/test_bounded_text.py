"""Cut where a reader sees no break, cleaned of what a screen would obey."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.text.bounded_text import CUT_MARK, bounded_file_name, bounded_line, bounded_text, cut

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize("whole", [FAMILY, SCOTLAND, "\U0001f44d\U0001f3fd", "n\u0303", "\U0001f1e7\U0001f1f7", "क्ष"])
@pytest.mark.parametrize("before", range(8))
def test_nothing_is_cut_inside_what_is_seen_as_one_character(whole: str, before: int) -> None:
    shown = cut("x" * before + whole * 20, 30)
    kept = shown.removesuffix(CUT_MARK).removeprefix("x" * before)
    if not unicodedata.category(whole[-1]).startswith("L"):
        assert kept == whole * (len(kept) // len(whole))
    assert len(shown) <= 30


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\x00b\x07c", "abc"),
        ("two\nlines\tand\u2028more", "two lines and more"),
        ("  Bob  ", "Bob"),
        ("Ünïcödé 👍🏽 مرحبا", "Ünïcödé 👍🏽 مرحبا"),
        ("\x1b[31mred", "[31mred"),
        ("", ""),
    ],
)
def test_names_are_one_line_without_control(value: str, shown: str) -> None:
    assert bounded_line(value) == shown
    assert bounded_file_name(value) == shown


def test_a_text_keeps_its_lines_and_is_marked_where_it_is_cut() -> None:
    assert bounded_text("one\n\ttwo\r\nthree\x00") == "one\n\ttwo\r\nthree"
    long = bounded_text("a" * 70_000)
    assert (len(long), long[-1]) == (65_536, CUT_MARK)
    assert bounded_text("a" * 65_536) == "a" * 65_536


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.integers(1, 60))
def test_a_cut_is_short_enough_and_changes_nothing_else(value: str, most: int) -> None:
    shown = cut(value, most)
    assert len(shown) <= most
    assert shown == value or (len(value) > most and value.startswith(shown.removesuffix(CUT_MARK)))
