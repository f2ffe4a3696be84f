"""The kinds of fields that request bodies are made of: what is accepted, what becomes of it, what is said otherwise."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from shared.commands import MAX_TEXT
from shared.errors import Problem
from shared.ids import parse_address, parse_phone

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")


class Body(BaseModel):
    """A field that is not known is refused: a misspelt one would be lost without a word."""

    model_config = ConfigDict(extra="forbid")


def _email(text: str) -> str:
    email = text.strip().lower()
    if not _EMAIL.fullmatch(email) or not email.isprintable():
        raise ValueError("not an e-mail address; write it like me@example.org")
    return email


def printable(text: str) -> str:
    """One line of readable characters. Raises ValueError."""
    if not all(character.isprintable() for character in text):
        raise ValueError("control characters and line breaks are not allowed here")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("an empty text cannot be sent")
    return text


Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(_email)]
"""Lower case, so that spelling does not make two users."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True), AfterValidator(printable)]
"""What people call something: one line."""
Phone = Annotated[str, StringConstraints(max_length=64), AfterValidator(parse_phone)]
"""Any usual spelling, or a JID → E.164 digits without the plus."""
Recipient = Annotated[str, StringConstraints(max_length=64), AfterValidator(parse_address)]
"""A Phone, or `<digits>@lid` of somebody whose number is hidden."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT), AfterValidator(_not_blank)]


def require_own(named: str | None, organization_id: str) -> None:
    """Clients of the seeds name their organization; the token decides. Raises Problem 403 `organization_mismatch`."""
    if named not in (None, organization_id):
        detail = "organization_id: the token belongs to another organization; leave the field out"
        raise Problem(403, "organization_mismatch", detail)
