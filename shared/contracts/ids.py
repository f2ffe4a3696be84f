"""Identifiers: how they are created, parsed and checked."""

import hashlib
import re
import uuid
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from shared.text.phone_numbers import InvalidPhone as InvalidPhone
from shared.text.phone_numbers import parse_address as parse_address
from shared.text.phone_numbers import parse_phone as parse_phone

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
    """An id (32 hexadecimal digits) that depends on the parts alone, so that a repeated write is an upsert."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:32]


def mask_phone(text: str) -> str:
    """For logs: all but the last three digits of each number replaced by `*`."""
    return re.sub(r"\d(?=\d{3})", "*", text)


Phone = Annotated[str, AfterValidator(parse_phone)]
"""E.164 digits without the plus sign, as WhatsApp writes numbers."""
