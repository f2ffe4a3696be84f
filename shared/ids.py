"""Identifiers: how they are made, parsed and checked. Nothing else builds or takes apart an id."""

import hashlib
import re
import uuid
from typing import Annotated

import phonenumbers
from pydantic import AfterValidator, StringConstraints

from shared.numbering import other_spelling

SLUG_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,31}$"
_SLUG = re.compile(SLUG_PATTERN.removesuffix("$"))

NO_INSTANCE = "-"
"""The instance token of a message that concerns no single instance (or an instance still to be chosen)."""

Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
"""Organization and instance ids and session names: safe as a token of a NATS subject and as a path segment."""


def is_slug(value: str) -> bool:
    return bool(_SLUG.fullmatch(value))


def new_id() -> str:
    """A random id, 32 hexadecimal digits (a UUID without dashes), also a valid slug."""
    return uuid.uuid4().hex


def derived_id(*parts: str) -> str:
    """The same parts always give the same id (32 hexadecimal digits): redelivery and replay are upserts."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:32]


class InvalidPhone(ValueError):
    """The text is not a phone number WhatsApp could know; the message says why and what to write instead."""


def parse_phone(text: str) -> str:
    """Any usual spelling, with or without a JID suffix → E.164 digits without the plus, e.g. `4915112345678`.

    Raises InvalidPhone with the reason when the country code is missing or the number cannot exist.
    """
    raw = text.strip().split("@", 1)[0].split(":", 1)[0]
    digits = re.sub(r"[\s().\-/]", "", raw).removeprefix("+").removeprefix("00")
    if not digits.isascii() or not digits.isdigit():
        raise InvalidPhone(
            f"{text[:40]!r} is not a phone number; write the country code and digits, e.g. +4915112345678"
        )
    if e164 := _valid(digits):
        return e164
    if (other := other_spelling(digits)) and _valid(other):
        return digits  # as WhatsApp may know the line, though nobody dials it so any more
    raise InvalidPhone(
        f"{text[:40]!r} is not a valid international number; include the country code, "
        "e.g. 5511999887766 (Brazil) instead of 11999887766"
    )


def _valid(digits: str) -> str | None:
    """In E.164 digits, None when there can be no such number."""
    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")


def parse_address(text: str) -> str:
    """`<digits>@lid` of somebody whose number is hidden, without its device; anything else like `parse_phone`."""
    user, _, server = text.strip().partition("@")
    user = user.partition(":")[0]
    hidden = server == "lid" and user.isascii() and user.isdigit()
    return f"{user}@lid" if hidden else parse_phone(text)


def mask_phone(text: str) -> str:
    """For logs: all but the last three digits hidden."""
    return re.sub(r"\d(?=\d{3})", "*", text)


Phone = Annotated[str, AfterValidator(parse_phone)]
"""E.164 digits without the plus, the way WhatsApp itself writes numbers."""
