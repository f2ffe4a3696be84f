"""Names of sessions as people type them."""

import unicodedata

import pytest

from shared.text.session_names import MAX_SESSION_NAME, parse_session_name

TYPED = [
    "my-session",
    "Loja 1",
    "MySession",
    "cliente.sp",
    "ação",
    "東京店",
    "متجر",
    "می‌خواهم",
    "магазин №5",
    "Maria's & João",
    "+55 11 99988-7766",
    "loja_1",
    "*",
    "x" * MAX_SESSION_NAME,
    "🔥 promo",
    "👩‍👧",
]


@pytest.mark.parametrize("name", TYPED)
def test_what_people_type_is_a_name(name: str) -> None:
    assert parse_session_name(name) == name


def test_blanks_at_the_ends_and_the_spelling_of_accents_do_not_matter() -> None:
    assert parse_session_name(" Loja 1\t") == "Loja 1"
    assert parse_session_name(unicodedata.normalize("NFD", "ação")) == "ação"


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", ". .", "a/b", "a\\b", "a\nb", "a\x00b", "a‮b", "\ud800", "‍", "​", "x" * 101, "x" * 100_000],
)
def test_what_cannot_be_shown_or_written_in_a_path_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(ValueError, match="a session name has 1 to 100 characters"):
        parse_session_name(name)
