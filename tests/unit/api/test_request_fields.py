"""Field types of request bodies."""

import pytest
from pydantic import TypeAdapter, ValidationError

from services.api.request_fields import Email, Name, Recipient, Text, require_own_organization
from shared.contracts.errors import Problem


@pytest.mark.parametrize("text", ["Me@Example.org", " me@example.org "])
def test_an_email_address_is_normalized(text: str) -> None:
    assert TypeAdapter(Email).validate_python(text) == "me@example.org"


@pytest.mark.parametrize(
    "text", ["", "me", "@b.c", "me@", "me@b..c", "a b@c.d", "a@b@c", "a" * 65 + "@b.c", "a@\u200b"]
)
def test_an_invalid_email_address_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Email).validate_python(text)


def test_a_local_host_has_addresses_too() -> None:
    assert TypeAdapter(Email).validate_python("owner@localhost") == "owner@localhost"


def test_a_name_is_one_line_without_margins() -> None:
    assert TypeAdapter(Name).validate_python(" Süd-Café 🌞 ") == "Süd-Café 🌞"
    for bad in ("", "   ", "a\nb", "a\x00", "x" * 81):
        with pytest.raises(ValidationError):
            TypeAdapter(Name).validate_python(bad)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("+49 151 12345678", "4915112345678"), ("4915112345678@s.whatsapp.net", "4915112345678"), (" 77@lid", "77@lid")],
)
def test_a_recipient_is_a_number_or_a_hidden_one(text: str, expected: str) -> None:
    assert TypeAdapter(Recipient).validate_python(text) == expected


@pytest.mark.parametrize("text", ["x@lid", "@lid", "٣@lid", "11999887766", "1" * 65])
def test_an_empty_recipient_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Recipient).validate_python(text)


def test_a_text_keeps_its_spaces_and_has_more_than_them() -> None:
    assert TypeAdapter(Text).validate_python(" a\n") == " a\n"
    with pytest.raises(ValidationError, match="empty text"):
        TypeAdapter(Text).validate_python(" \n\t")


def test_naming_the_own_organization_is_allowed_and_another_is_not() -> None:
    require_own_organization(None, "acme")
    require_own_organization("acme", "acme")
    with pytest.raises(Problem, match="another organization"):
        require_own_organization("other", "acme")
