"""Field types of request bodies: what each accepts, how it is normalized, and the error of a wrong value."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts.commands import MAX_TEXT
from shared.contracts.errors import Problem
from shared.contracts.ids import parse_address, parse_phone
from shared.text.bounded_text import MAX_NAME
from shared.text.phone_numbers import MAX_ADDRESS_INPUT
from shared.text.visible_text import VISIBLE_PATTERN, has_visible_text

_CONTROLS = "\\u0000-\\u001f\\u007f-\\u009f"
_INVISIBLE = "\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb"
"""Characters without width, and those that change the direction of text; but not the joiners, which emoji and Persian
words have."""
_JOINERS = "\\u200c\\u200d"
NAME_PATTERN = rf"^[^{_CONTROLS}{_INVISIBLE}]*[^\s{_JOINERS}{_CONTROLS}{_INVISIBLE}][^{_CONTROLS}{_INVISIBLE}]*$"
SEARCH_PATTERN = f"^[^{_CONTROLS}]*$"
_UNWANTED_IN_NAME = f"{_CONTROLS}\\u2028-\\u202e\\u2066-\\u2069\\ufffe\\uffff"
"""Control characters, line breaks and what changes the direction of the text that follows."""
_CONTROL_CHARACTER = re.compile(f"[{_CONTROLS}\\ud800-\\udfff]")
_FORBIDDEN_CHARACTER = re.compile(f"[{_CONTROLS}{_INVISIBLE}\\ud800-\\udfff]")
_UNWANTED_NAME_CHARACTER = re.compile(f"[{_UNWANTED_IN_NAME}\\ud800-\\udfff]")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")


class RequestBody(BaseModel):
    """Unknown fields are refused; otherwise a misspelt one would be ignored silently."""

    model_config = ConfigDict(extra="forbid")


def with_json_schema(**keywords: Any) -> Any:
    """Adds keywords of JSON Schema to the OpenAPI document, for a field that is validated by a function."""
    return Field(json_schema_extra=keywords)


def _without_null(schema: dict[str, Any]) -> None:
    options = [option for option in schema.pop("anyOf", []) if option != {"type": "null"}]
    schema.pop("default", None)
    schema.update(options[0] if len(options) == 1 else {"anyOf": options})


OMITTABLE: Any = Field(json_schema_extra=_without_null)
"""For a field of a PATCH body whose default None means omitted: the OpenAPI document does not allow null."""


def not_null(value: object) -> object:
    """For a field that is OMITTABLE. Raises ValueError."""
    if value is None:
        raise ValueError("cannot be null; leave it out to keep what it is")
    return value


def _email(text: str) -> str:
    email = text.strip().lower()
    if not _EMAIL.fullmatch(email) or not email.isprintable():
        raise ValueError("not an e-mail address; write it like me@example.org")
    return email


def name_line(text: str) -> str:
    """One line with something to see (NAME_PATTERN). Raises ValueError."""
    if not has_visible_text(text):
        raise ValueError("a name needs a character that can be seen")
    if _FORBIDDEN_CHARACTER.search(text):
        raise ValueError("control characters and line breaks are not allowed here")
    return text


def searchable(text: str) -> str:
    """One line (SEARCH_PATTERN). Characters without width are allowed: they occur in emoji, in Persian words and around
    copied numbers. Raises ValueError."""
    if _CONTROL_CHARACTER.search(text):
        raise ValueError("control characters and line breaks are not allowed here")
    return text


def _name_of_contact(text: str) -> str:
    if _UNWANTED_NAME_CHARACTER.search(text):
        raise ValueError("control characters, line breaks and marks that turn the direction are not allowed in a name")
    if not has_visible_text(text):
        raise ValueError("a name needs a character that can be seen; send null for the name from WhatsApp")
    return text


def _not_blank(text: str) -> str:
    if not has_visible_text(text):
        raise ValueError("an empty text, or one of invisible characters only, cannot be sent")
    return text


def _to_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("write a time between the years 1 and 9999, in UTC too") from error


Id = Annotated[str, StringConstraints(max_length=64)]
"""An id of any record; unknown ids are answered 404 by the route."""
InstanceParameter = Annotated[str | None, Query(max_length=64, description="Only of this instance")]
"""Of a list; the route passes it to `Principal.accessible`."""
UtcDateTime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A time with its zone, such as 2026-12-01T10:00:00+01:00, converted to UTC."""
Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(_email), with_json_schema(format="email")]
"""Converted to lower case, so that one address does not become two users."""
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=80, strip_whitespace=True),
    AfterValidator(name_line),
    with_json_schema(pattern=NAME_PATTERN),
]
"""A name that people choose: one line."""
ContactName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_NAME, strip_whitespace=True),
    AfterValidator(_name_of_contact),
    with_json_schema(pattern=f"^[^{_UNWANTED_IN_NAME}]*{VISIBLE_PATTERN}[^{_UNWANTED_IN_NAME}]*$"),
]
"""One line, in any script; joiners are allowed, which emoji and Persian words have."""
Phone = Annotated[
    str, StringConstraints(max_length=MAX_ADDRESS_INPUT), AfterValidator(parse_phone), with_json_schema(format="phone")
]
"""Any usual notation or a JID, converted to E.164 digits without the plus."""
Recipient = Annotated[
    str,
    StringConstraints(max_length=MAX_ADDRESS_INPUT),
    AfterValidator(parse_address),
    with_json_schema(format="phone"),
]
"""A Phone, or `<digits>@lid` when WhatsApp hides the number."""
Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_TEXT),
    AfterValidator(_not_blank),
    with_json_schema(pattern=VISIBLE_PATTERN),
]


def require_own_organization(requested_id: str | None, organization_id: str) -> None:
    """For clients of earlier systems, which name their organization although the token determines it. Raises Problem
    403 `organization_mismatch`."""
    if requested_id not in (None, organization_id):
        detail = "organization_id: the token belongs to another organization; leave the field out"
        raise Problem(403, "organization_mismatch", detail)
