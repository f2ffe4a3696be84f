"""Two spellings of one mobile line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.ids import InvalidPhone, parse_phone
from shared.text.phone_variants import mobile_variant

PAIRS = [
    ("5547999887766", "554799887766"),
    ("5511987654321", "551187654321"),
    ("525512345678", "5215512345678"),
    ("541123456789", "5491123456789"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_each_spelling_leads_to_the_other(one: str, other: str) -> None:
    assert (mobile_variant(one), mobile_variant(other)) == (other, one)


@pytest.mark.parametrize("phone", ["4915112345678", "551133334444", "14155550123", "55479998877", "5547899887766"])
def test_what_is_no_mobile_number_there_has_one_spelling(phone: str) -> None:
    assert mobile_variant(phone) is None


@given(st.from_regex(r"(55|52|54)\d{8,12}", fullmatch=True))
def test_the_other_of_the_other_is_the_number_itself(phone: str) -> None:
    other = mobile_variant(phone)
    assert other is None or mobile_variant(other) == phone


@pytest.mark.parametrize("known_to_whatsapp", ["554799887766", "+55 47 9988-7766", "5215512345678"])
def test_an_address_whatsapp_uses_is_taken_though_nobody_dials_it(known_to_whatsapp: str) -> None:
    digits = "".join(sign for sign in known_to_whatsapp if sign.isdigit())
    assert parse_phone(known_to_whatsapp) == digits


def test_a_number_no_spelling_saves_is_refused() -> None:
    with pytest.raises(InvalidPhone, match="include the country code"):
        parse_phone("550099887766")
