"""Variants of mobile numbers: the number that people dial today, and the one WhatsApp may use for the same line.

Brazil put a 9 before mobile numbers (2012 to 2016), Mexico dropped the 1 behind the country code (2019), Argentina has
a 9 there that callers from abroad often leave out. WhatsApp keeps the form an account was registered with, so neither
form follows from the other for sure: only the network knows.
"""

import re

_FORMS = (
    (re.compile(r"55(\d\d)9([6-9]\d{7})"), r"55\1\2"),
    (re.compile(r"55(\d\d)([6-9]\d{7})"), r"55\g<1>9\2"),
    (re.compile(r"521(\d{10})"), r"52\1"),
    (re.compile(r"52(\d{10})"), r"521\1"),
    (re.compile(r"549(\d{10})"), r"54\1"),
    (re.compile(r"54(\d{10})"), r"549\1"),
)


def mobile_variant(phone: str) -> str | None:
    """E.164 digits → those of the other variant of the same line; None for a number without variants."""
    return next((form.sub(other, phone) for form, other in _FORMS if form.fullmatch(phone)), None)
