"""How the backend of the console's tests answers lists: pages, filters, searches and counts, as the API does."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from starlette.datastructures import QueryParams

Record = dict[str, Any]
Lists = Mapping[str, list[Record]]
MAX_LIMIT = {"messages": 2}
"""Most records of a page, 200 of other lists: so that few messages are several pages."""


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


def _is_closed(talk: Record) -> bool:
    return bool(talk.get("status") == "closed")


def _conversations(lists: Lists, asked: QueryParams, caller: str) -> list[Record]:
    assigned = caller if asked.get("assigned_to") == "me" else asked.get("assigned_to")
    checks: dict[str, Callable[[Record], bool]] = {
        "status": lambda talk: _is_closed(talk) == (asked["status"] == "closed"),
        "assigned_to": lambda talk: talk.get("assigned_to") == assigned,
        "unread": lambda talk: bool(talk.get("unread_count")),
        "instance_id": lambda talk: talk["instance_id"] == asked["instance_id"],
        "contact_id": lambda talk: talk["contact_id"] in asked.getlist("contact_id"),
        "search": lambda talk: _has(asked["search"], [talk["contact"].get("name")], talk["contact"]["phone_number"]),
    }
    wanted = [check for name, check in checks.items() if asked.get(name)]
    return sorted(
        [talk for talk in lists["conversations"] if all(check(talk) for check in wanted)], key=_order_key, reverse=True
    )


def _contacts(lists: Lists, asked: QueryParams, _caller: str) -> list[Record]:
    search = asked.get("search", "")
    found = [person for person in lists["contacts"] if _has(search, [person.get("name")], person["phone_number"])]
    if asked.get("sort") == "name":
        return sorted(
            found, key=lambda one: (not one.get("name"), folded(one.get("name")), one["phone_number"], one["id"])
        )
    return sorted(found, key=lambda one: (one["created_at"], one["id"]), reverse=True)


def _bookings(lists: Lists, asked: QueryParams, _caller: str) -> list[Record]:
    people = {person["id"]: person for person in lists["contacts"]}
    found = [booking | {"contact": people.get(booking["contact_id"])} for booking in lists["bookings"]]
    found = [booking for booking in found if asked.get("status", booking["status"]) == booking["status"]]
    search = asked.get("search", "")
    found = [
        one
        for one in found
        if _has(search, [(one["contact"] or {}).get("name"), one["text"]], (one["contact"] or {}).get("phone_number"))
    ]
    return sorted(found, key=lambda one: (one["created_at"], one["id"]), reverse=True)


def _messages(lists: Lists, asked: QueryParams, _caller: str) -> list[Record]:
    return [
        message
        for message in lists["messages"]
        if message["kind"] == asked["kind"] and _has(asked.get("search", ""), [message["text"]], None)
    ]


_LISTS = {"conversations": _conversations, "contacts": _contacts, "bookings": _bookings, "messages": _messages}


def _counts(lists: Lists, name: str, caller: str) -> Record:
    if name == "bookings":
        return dict(Counter(booking["status"] for booking in lists["bookings"]))
    talks = lists["conversations"]
    mine = [talk for talk in talks if talk.get("assigned_to") == caller and not _is_closed(talk)]
    return {
        "open": sum(not _is_closed(talk) for talk in talks),
        "closed": sum(_is_closed(talk) for talk in talks),
        "unread": sum(bool(talk.get("unread_count")) for talk in talks),
        "mine": len(mine),
    }


def answer(lists: Lists, name: str, asked: QueryParams, caller: str) -> Record | None:
    """What `GET /api/<name>` answers; None: there is nothing of this name. A cursor is the id of the last record."""
    kind, _, part = name.partition("/")
    if kind in ("conversations", "bookings") and part == "counts":
        return {"success": True, "data": _counts(lists, kind, caller)}
    if kind in _LISTS and not part:
        found = _LISTS[kind](lists, asked, caller)
        cursor = asked.get("cursor")
        after = next((at + 1 for at, record in enumerate(found) if record["id"] == cursor), 0)
        page = found[after : after + min(int(asked.get("limit", "50")), MAX_LIMIT.get(kind, 200))]
        more = after + len(page) < len(found)
        return {"success": True, "data": page, "next_cursor": page[-1]["id"] if more else None}
    if name in lists or kind not in _LISTS or "/" in part:
        return {"success": True, "data": lists.get(name), "next_cursor": None}
    one = next((record for record in lists.get(kind, ()) if record["id"] == part), None)
    return {"success": True, "data": one} if one else None
