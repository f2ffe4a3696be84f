"""Contacts that may be one person: their numbers are variants of each other, or they have the same name.

All contacts are read once in the order of their names, a bounded number for each page; so a page may be short or empty
although others follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from services.api.store.dismissed_merges import DismissedMerges
from services.api.views.contacts import contact_of
from services.api.views.list_search import search_limits
from services.api.views.pagination import (
    INTERNAL_FIELDS,
    MAX_QUERY_TIME_MS,
    SORT_NAME,
    PageRequest,
    decode_name_cursor,
    encode_name_cursor,
)
from shared.contracts.addresses import phone_alias
from shared.contracts.records import Contact
from shared.platform.mongo import Database, Document
from shared.text.phone_variants import mobile_variant
from shared.text.search_terms import NAMELESS

MAX_SCANNED_CONTACTS = 1_000
"""Of one page."""
_UNREAD_FIELDS = {**INTERNAL_FIELDS, "merges": 0}
MAX_COMPARED_NAMESAKES = 5
"""A contact is compared with so many others of the same name."""


class MergeSuggestion(BaseModel):
    """`contact` is the older one. `number_variant`: their numbers may be two forms of one. `same_name`: of at least two
    words; or of any, when only the number of one is known, and only the LID of the other."""

    contact: Contact
    other: Contact
    reason: Literal["number_variant", "same_name"]


@dataclass(frozen=True)
class _Pair:
    one: Document
    other: Document
    reason: Literal["number_variant", "same_name"]

    @property
    def ids(self) -> tuple[str, str]:
        return self.one["_id"], self.other["_id"]

    @property
    def suggestion(self) -> MergeSuggestion:
        older, younger = sorted((self.one, self.other), key=lambda contact: (contact["created_at"], contact["_id"]))
        return MergeSuggestion(contact=contact_of(older), other=contact_of(younger), reason=self.reason)


async def find_merge_suggestions(
    database: Database, organization_id: str, page: PageRequest
) -> tuple[list[MergeSuggestion], str | None]:
    """At most one for each contact that is read. Raises Problem 422 `invalid_cursor`, 503 `search_timeout`."""
    async with search_limits():
        scanned, is_last = await _scan(database, organization_id, page.cursor)
        before = await _namesakes_before(database, organization_id, scanned[0]) if scanned and page.cursor else []
        variants = await _holders_of_variants(database, organization_id, scanned)
    pairs = _pairs(before, scanned, variants)
    ids = [pair.ids for each in pairs for pair in each]
    dismissed = await DismissedMerges(database).among(organization_id, ids) if ids else set()
    found: list[MergeSuggestion] = []
    for contact, candidates in zip(scanned, pairs, strict=True):
        wanted = next((pair for pair in candidates if frozenset(pair.ids) not in dismissed), None)
        found += [wanted.suggestion] if wanted else []
        if len(found) == page.limit and contact is not scanned[-1]:
            return found, _cursor_after(contact)
    return found, None if is_last else _cursor_after(scanned[-1])


def _cursor_after(contact: Document) -> str:
    return encode_name_cursor(contact.get(SORT_NAME) or "", contact["_id"])


async def _scan(database: Database, organization_id: str, cursor: str | None) -> tuple[list[Document], bool]:
    """The next contacts by name, and whether they are the last ones."""
    query: Document = {"organization_id": organization_id}
    if cursor:
        name, contact_id = decode_name_cursor(cursor)
        query["$or"] = [{SORT_NAME: {"$gt": name}}, {SORT_NAME: name, "_id": {"$gt": contact_id}}]
    by_name = database.contacts.find(query, _UNREAD_FIELDS).sort([(SORT_NAME, 1), ("_id", 1)])
    contacts = await by_name.limit(MAX_SCANNED_CONTACTS + 1).max_time_ms(MAX_QUERY_TIME_MS).to_list(None)
    return contacts[:MAX_SCANNED_CONTACTS], len(contacts) <= MAX_SCANNED_CONTACTS


async def _namesakes_before(database: Database, organization_id: str, first: Document) -> list[Document]:
    """Contacts with the same name that the page before has read."""
    query = {"organization_id": organization_id, SORT_NAME: first.get(SORT_NAME), "_id": {"$lt": first["_id"]}}
    newest = database.contacts.find(query, _UNREAD_FIELDS).sort([(SORT_NAME, -1), ("_id", -1)])
    found = await newest.limit(MAX_COMPARED_NAMESAKES).max_time_ms(MAX_QUERY_TIME_MS).to_list(None)
    return found[::-1]


async def _holders_of_variants(
    database: Database, organization_id: str, contacts: Sequence[Document]
) -> dict[str, Document]:
    """By number: the contact that has it, for the other variants of the numbers of these contacts."""
    numbers = {variant for each in contacts if (variant := _variant_of(each))}
    query = {"organization_id": organization_id, "aliases": {"$in": sorted(map(phone_alias, numbers))}}
    if not numbers:
        return {}
    holders = await database.contacts.find(query, _UNREAD_FIELDS).max_time_ms(MAX_QUERY_TIME_MS).to_list(None)
    by_alias = {alias: holder for holder in holders for alias in holder["aliases"]}
    return {number: by_alias[alias] for number in numbers if (alias := phone_alias(number)) in by_alias}


def _variant_of(contact: Document) -> str | None:
    phone = contact.get("phone_number")
    return mobile_variant(phone) if phone else None


def _pairs(before: Sequence[Document], scanned: Sequence[Document], variants: dict[str, Document]) -> list[list[_Pair]]:
    """For each contact that was scanned, the likeliest first. A pair of variants belongs to the one with the smaller
    id, so that it is found once."""
    namesakes, pairs = list(before), list[list[_Pair]]()
    for contact in scanned:
        if namesakes and namesakes[-1].get(SORT_NAME) != contact.get(SORT_NAME):
            namesakes = []
        holder = variants.get(_variant_of(contact) or "")
        found = [_Pair(contact, holder, "number_variant")] if holder and contact["_id"] < holder["_id"] else []
        found += [_Pair(each, contact, "same_name") for each in namesakes if _may_be_namesake(each, contact)]
        pairs.append([pair for pair in found if not _is_split(pair)])
        namesakes = [*namesakes, contact][-MAX_COMPARED_NAMESAKES:]
    return pairs


def _may_be_namesake(one: Document, other: Document) -> bool:
    name: str = one.get(SORT_NAME) or NAMELESS
    if name.startswith(NAMELESS):
        return False
    has_phone, has_lid = ([bool(each.get(field)) for each in (one, other)] for field in ("phone_number", "lid"))
    addresses_differ = has_phone != has_lid and sum(has_phone) == sum(has_lid) == 1
    return addresses_differ or " " in name


def _is_split(pair: _Pair) -> bool:
    """A user has split them from each other."""
    one, other = pair.one, pair.other
    return other["_id"] in one.get("apart_from", ()) or one["_id"] in other.get("apart_from", ())
