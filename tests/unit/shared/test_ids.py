"""Phones, slugs and derived ids."""

import pytest

from shared.contracts.ids import InvalidPhone, derived_id, is_slug, mask_phone, new_id, parse_phone


@pytest.mark.parametrize(
    "written",
    [
        "+55 11 99988-7766",
        "5511999887766",
        "(+55) 11 99988.7766",
        "005511999887766",
        "5511999887766@s.whatsapp.net",
        "5511999887766:12@s.whatsapp.net",
    ],
)
def test_every_usual_spelling_gives_the_same_digits(written: str) -> None:
    assert parse_phone(written) == "5511999887766"


@pytest.mark.parametrize("written", ["11999887766", "", "+", "hello", "12", "9" * 40, "+49 abc"])
def test_what_is_no_international_number_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(InvalidPhone, match="country code"):
        parse_phone(written)


def test_a_long_input_is_not_echoed_whole() -> None:
    with pytest.raises(InvalidPhone) as refused:
        parse_phone("x" * 5000)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("value", ["a.b", "*", ">", "a b", "", "-a", "A", "a" * 33, "a\n"])
def test_what_would_change_a_subject_is_no_slug(value: str) -> None:
    assert not is_slug(value)


def test_a_new_id_is_a_slug_and_a_derived_id_repeats() -> None:
    assert is_slug(new_id())
    assert derived_id("a", "b") == derived_id("a", "b") != derived_id("ab")
    assert is_slug(derived_id("a"))


def test_a_masked_phone_keeps_its_last_three_digits() -> None:
    assert mask_phone("4915112345678") == "**********678"
