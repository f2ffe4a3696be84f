"""Parses phone numbers and WhatsApp addresses in any usual notation → E.164 digits or `<digits>@lid`. Pure."""

import re
import unicodedata
from functools import lru_cache
from typing import Annotated
from urllib.parse import parse_qs, unquote, urlsplit

import phonenumbers
from pydantic import AfterValidator, StringConstraints

from shared.contracts.addresses import LID_SERVERS, PHONE_SERVERS, lid_address
from shared.text.phone_variants import mobile_variant

MAX_ADDRESS_INPUT = 256
"""Characters of a number, JID or link that are parsed."""
_MAX_REMEMBERED_NUMBERS = 4_096
_LID = re.compile(r"[0-9]{1,20}")

_WRITTEN_PHONE_SERVERS = PHONE_SERVERS | {"c.us"}
"""Also the one that WhatsApp Web used."""
_NUMBER_SCHEMES = ("tel:", "sms:", "smsto:", "callto:")
_CHAT_LINK = re.compile(
    r"(?:https?://)?(?:www\.)?(?:wa\.me|(?:api|web|chat)\.whatsapp\.com|whatsapp\.com)(?=/)|whatsapp:(?=//)",
    re.IGNORECASE,
)
_OPENING_QUOTES, _CLOSING_QUOTES = "\"'<«“‘„‚", "\"'>»”’,;."
_DEVICE = re.compile(r"(?P<user>[0-9]+)(?:[._][0-9]{1,3})?(?::[0-9]{1,5})?")
"""The user part of a JID, with its agent and device."""
_PLUS = str.maketrans({"\uff0b": "+", "\ufe62": "+", "\u2795": "+"})
_DASHES = frozenset("\u2212\u2043\u30fc\uff70\u02d7\u223c")
"""Characters that are used as a dash and are not in Unicode's dash category."""
_SEPARATORS = re.compile(r"[\s().\-/\[\]\u00b7\u2219\u2022]")
_REVERSED = "\u202e"
"""Right-to-left override: displays the following digits in reverse order."""


class InvalidPhone(ValueError):
    """The text is no valid phone number; the message says why and what to write instead."""


def parse_phone(text: str) -> str:
    """A number in any usual notation, a JID, or a link to a chat → E.164 digits without the plus sign, `4915112345678`.

    Raises InvalidPhone with the reason when the country code is missing or the number cannot exist.
    """
    user, server = _parts(text)
    if server is not None and server not in _WRITTEN_PHONE_SERVERS:
        raise InvalidPhone(f"{text[:40]!r} is not the address of a phone; write the number, e.g. +4915112345678")
    return _e164(user, text)


def parse_address(text: str) -> str:
    """`<digits>@lid` (a person whose number is hidden) without its device; anything else like `parse_phone`."""
    user, server = _parts(text)
    if server in LID_SERVERS and _LID.fullmatch(user) and user in text:  # programs write it in ASCII digits only
        return lid_address(user)
    return parse_phone(text)


def _parts(text: str) -> tuple[str, str | None]:
    """The number in ASCII, and the server part of a JID. Raises InvalidPhone."""
    if len(text) > MAX_ADDRESS_INPUT:
        raise InvalidPhone(f"a phone number has at most {MAX_ADDRESS_INPUT} characters; write it like +4915112345678")
    if _REVERSED in text:
        raise InvalidPhone(
            f"{text[:40]!r} has a mark that shows its digits in reverse order; write it anew, e.g. +4915112345678"
        )
    readable = "".join(map(_ascii, text.translate(_PLUS))).strip().lstrip(_OPENING_QUOTES).rstrip(_CLOSING_QUOTES)
    number = _out_of_link(readable).strip()
    user, at, server = number.partition("@")
    if device := _DEVICE.fullmatch(user):
        user = device["user"] if at or ":" in user else user
    return user, server.casefold() if at else None


def _ascii(character: str) -> str:
    """The ASCII equivalent of a digit of any script, a dash or a space; empty for an invisible character."""
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    if category == "Cf" or character == "\u20e3" or "\ufe00" <= character <= "\ufe0f":  # marks; keycaps of emoji digits
        return ""
    if category == "Pd" or character in _DASHES:
        return "-"
    if category == "Zs":
        return " "
    return {"\uff08": "(", "\uff09": ")", "\uff0e": ".", "\uff0f": "/", "\uff1a": ":", "\uff20": "@"}.get(
        character, character
    )


def _out_of_link(text: str) -> str:
    """The number of `tel:…`, `https://wa.me/…` or `https://api.whatsapp.com/send?phone=…`; other texts unchanged."""
    for scheme in _NUMBER_SCHEMES:
        if text[: len(scheme)].lower() == scheme:
            return unquote(text[len(scheme) :].removeprefix("//"))
    if not (link := _CHAT_LINK.match(text)):
        return text
    try:
        rest = urlsplit(text[link.end() :] if text[link.end() :].startswith("//") else "//x" + text[link.end() :])
        named = parse_qs(rest.query.replace("+", "%2B")).get("phone", [""])[0]
    except ValueError:
        return text
    return named or unquote(rest.path.strip("/"))


def _e164(written: str, text: str) -> str:
    digits = _SEPARATORS.sub("", written).removeprefix("+").removeprefix("00")
    if not digits.isascii() or not digits.isdigit():
        raise InvalidPhone(
            f"{text[:40]!r} is not a phone number; write the country code and digits, e.g. +4915112345678"
        )
    if e164 := _valid(digits):
        return e164
    if (other := mobile_variant(digits)) and _valid(other):
        return digits  # an old notation that WhatsApp may still use for this line
    raise InvalidPhone(
        f"{text[:40]!r} is not a valid international number; include the country code, "
        "e.g. 5511999887766 (Brazil) instead of 11999887766"
    )


@lru_cache(maxsize=_MAX_REMEMBERED_NUMBERS)
def _valid(digits: str) -> str | None:
    """E.164 digits; None when no such number can exist. Remembered: a send parses its number three times, and the next
    send to it again; the library takes 20 µs for it."""
    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")


AddressText = Annotated[str, StringConstraints(max_length=MAX_ADDRESS_INPUT), AfterValidator(parse_address)]
"""A field whose value, in any usual notation, becomes E.164 digits or `<digits>@lid`."""
