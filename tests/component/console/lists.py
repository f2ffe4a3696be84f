"""How the backend of the console's tests answers lists: pages, filters, searches and counts, as the API does."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from starlette.datastructures import QueryParams

Record = dict[str, Any]
Lists = Mapping[str, list[Record]]
MAX_LIMIT = {"messages": 2}
"""Maximum of records per page (200 for other lists), so that few messages make several pages."""


def folded(text: str | None) -> str:
    bare = unicodedata.normalize("NFKD", text or "").casefold()
    return "".join(letter for letter in bare if not unicodedata.combining(letter))


def _has(search: str, texts: list[str | None], number: str | None) -> bool:
    for word in folded(search).split():
        digits = "".join(letter for letter in word if letter.isdigit())
        if not any(word in folded(text) for text in texts) and not (digits and number and digits in number):
            return False
    return True


def _order_key(record: Record) -> tuple[Any, str]:
    return record.get("order_key") or 0, record["id"]


def _is_closed(conversation: Record) -> bool:
    return bool(conversation.get("status") == "closed")


def _conversations(lists: Lists, query: QueryParams, caller: str) -> list[Record]:
    assigned = caller if query.get("assigned_to") == "me" else query.get("assigned_to")
    checks: dict[str, Callable[[Record], bool]] = {
        "status": lambda conversation: _is_closed(conversation) == (query["status"] == "closed"),
        "assigned_to": lambda conversation: conversation.get("assigned_to") == assigned,
        "unread": lambda conversation: bool(conversation.get("unread_count")),
        "instance_id": lambda conversation: conversation["instance_id"] == query["instance_id"],
        "contact_id": lambda conversation: conversation["contact_id"] in query.getlist("contact_id"),
        "search": lambda one: _has(query["search"], [one["contact"].get("name")], one["contact"]["phone_number"]),
    }
    checked = [check for name, check in checks.items() if query.get(name)]
    return sorted(
        [one for one in lists["conversations"] if all(check(one) for check in checked)], key=_order_key, reverse=True
    )


def _contacts(lists: Lists, query: QueryParams, _caller: str) -> list[Record]:
    search = query.get("search", "")
    records = [person for person in lists["contacts"] if _has(search, [person.get("name")], person["phone_number"])]
    if query.get("sort") == "name":
        return sorted(
            records, key=lambda one: (not one.get("name"), folded(one.get("name")), one["phone_number"], one["id"])
        )
    if query.get("sort") == "last_message_at":
        written = [one for one in records if one.get("last_message_at")]
        return sorted(written, key=lambda one: (one["last_message_at"], one["id"]), reverse=True)
    return sorted(records, key=lambda one: (one["created_at"], one["id"]), reverse=True)


def _bookings(lists: Lists, query: QueryParams, _caller: str) -> list[Record]:
    people = {person["id"]: person for person in lists["contacts"]}
    records = [booking | {"contact": people.get(booking["contact_id"])} for booking in lists["bookings"]]
    records = [booking for booking in records if query.get("status", booking["status"]) == booking["status"]]
    records = [one for one in records if query.get("contact_id", one["contact_id"]) == one["contact_id"]]
    search = query.get("search", "")
    records = [
        one
        for one in records
        if _has(search, [(one["contact"] or {}).get("name"), one["text"]], (one["contact"] or {}).get("phone_number"))
    ]
    return sorted(records, key=lambda one: (one["created_at"], one["id"]), reverse=True)


def _messages(lists: Lists, query: QueryParams, _caller: str) -> list[Record]:
    return [
        message
        for message in lists["messages"]
        if message["kind"] == query["kind"] and _has(query.get("search", ""), [message["text"]], None)
    ]


_LISTS = {"conversations": _conversations, "contacts": _contacts, "bookings": _bookings, "messages": _messages}


def _counts(lists: Lists, name: str, caller: str) -> Record:
    if name == "bookings":
        return dict(Counter(booking["status"] for booking in lists["bookings"]))
    conversations = lists["conversations"]
    mine = [one for one in conversations if one.get("assigned_to") == caller and not _is_closed(one)]
    return {
        "open": sum(not _is_closed(conversation) for conversation in conversations),
        "closed": sum(_is_closed(conversation) for conversation in conversations),
        "unread": sum(bool(conversation.get("unread_count")) for conversation in conversations),
        "mine": len(mine),
    }


def answer(lists: Lists, name: str, query: QueryParams, caller: str) -> Record | None:
    """What `GET /api/<name>` answers; None: there is nothing of this name. A cursor is the id of the last record."""
    kind, _, part = name.partition("/")
    if kind in ("conversations", "bookings") and part == "counts":
        return {"success": True, "data": _counts(lists, kind, caller)}
    if kind in _LISTS and not part:
        records = _LISTS[kind](lists, query, caller)
        cursor = query.get("cursor")
        after = next((at + 1 for at, record in enumerate(records) if record["id"] == cursor), 0)
        page = records[after : after + min(int(query.get("limit", "50")), MAX_LIMIT.get(kind, 200))]
        more = after + len(page) < len(records)
        return {"success": True, "data": page, "next_cursor": page[-1]["id"] if more else None}
    if name in lists or kind not in _LISTS or "/" in part:
        return {"success": True, "data": lists.get(name), "next_cursor": None}
    one = next((record for record in lists.get(kind, ()) if record["id"] == part), None)
    return {"success": True, "data": one} if one else None
