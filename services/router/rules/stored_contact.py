"""A contact as MongoDB stores it, with the fields that only the router knows.

Typed dictionaries: each received message reads its contact, and a merge keeps the whole document of the other contact
for a later split, also the fields of another version.
"""

from datetime import datetime
from typing import NotRequired, TypedDict


class MergedContact(TypedDict):
    """A contact that was merged into another. `by`: the event that showed both to be one person. `was`: the document
    before the merge, which a split restores."""

    id: str
    by: str
    at: datetime
    was: NotRequired["StoredContact"]


class TakenNumber(TypedDict):
    """A number that another contact (`id`) had before. `by`: the event that showed it."""

    id: str
    by: str
    at: datetime
    number: str


class Naming(TypedDict):
    """A decision of a user about the name of a contact. `name`: None gives it back the one from WhatsApp."""

    at: datetime
    id: str
    by: str | None
    name: str | None


class OpenBooking(TypedDict):
    _id: str


class StoredContact(TypedDict):
    """A document of `contacts`; docs/architecture.md says what the fields mean. Those of an earlier version may lack
    all that are not required. `open_bookings`: joined from `bookings`, the newest first."""

    _id: str
    organization_id: str
    aliases: list[str]
    phone_number: NotRequired[str | None]
    lid: NotRequired[str | None]
    name: NotRequired[str | None]
    given_name: NotRequired[str | None]
    whatsapp_name: NotRequired[str | None]
    naming: NotRequired[Naming]
    renames: NotRequired[list[str]]
    hand_merges: NotRequired[list[str]]
    named_at: NotRequired[datetime | None]
    number_at: NotRequired[datetime | None]
    unasked: NotRequired[bool]
    merges: NotRequired[list[MergedContact]]
    taken: NotRequired[list[TakenNumber]]
    apart_from: NotRequired[list[str]]
    updated_by: NotRequired[str | None]
    created_at: datetime
    updated_at: datetime
    search_parts: NotRequired[list[str]]
    sort_name: NotRequired[str]
    open_bookings: NotRequired[list[OpenBooking]]


class ContactChanges(TypedDict, total=False):
    """Fields of a contact that an event or a person changes."""

    aliases: list[str]
    phone_number: str | None
    lid: str | None
    name: str | None
    given_name: str | None
    whatsapp_name: str | None
    naming: Naming
    renames: list[str]
    hand_merges: list[str]
    named_at: datetime
    number_at: datetime | None
    unasked: bool
    merges: list[MergedContact]
    apart_from: list[str]
    updated_by: str
    updated_at: datetime
    search_parts: list[str]
    sort_name: str
