"""A page examines about as many documents as it returns, however long the list is."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from services.api.views import list_search
from shared.platform.mongo import Database, Document
from tests.component.api.conftest import Api, Member, make_searchable
from tests.component.api.test_conversations import talk
from tests.component.api.test_reads import booking, contact

COUNT, PAGE_LIMIT = 700, 150
"""More than MongoDB sends in its first batch, 101, and fewer than there are."""


@asynccontextmanager
async def examined(database: Database) -> AsyncIterator[list[int]]:
    """How many documents each question looked at."""
    found: list[int] = []
    await database.drop_collection("system.profile")
    await database.command({"profile": 2, "filter": {"op": {"$in": ["query", "getmore", "command"]}}})
    try:
        yield found
    finally:
        await database.command({"profile": 0, "filter": "unset"})
        found += [each.get("docsExamined", 0) async for each in database["system.profile"].find()]


@pytest.fixture
async def plenty(api: Api, member: Member, records: Callable[..., Document]) -> Document:
    """Many of everything; the conversation with the messages."""
    people = [
        contact(member, age, name=f"Ana {age}", aliases=[f"lid:{member.organization_id}{age}"]) for age in range(COUNT)
    ]
    talks = [talk(member, age, contact_id=person["_id"]) for age, person in enumerate(people)]
    said = [records(conversation_id=talks[0]["_id"], text="hello", order_key=number) for number in range(COUNT)]
    await api.database.contacts.insert_many(people)
    await api.database.conversations.insert_many(talks)
    await api.database.messages.insert_many(said)
    await api.database.bookings.insert_many([booking(member, contact_id=person["_id"]) for person in people])
    await make_searchable(api.database)
    return talks[0] | {"middle": said[COUNT // 2]["_id"]}


PATHS = (
    "/api/contacts",
    "/api/contacts?sort=name",
    "/api/contacts?sort=last_message_at",
    "/api/conversations",
    "/api/conversations?assigned_to=none&status=open",
    "/api/messages",
    "/api/bookings",
    "/api/bookings?instance_id=i",
    "/api/messages?search=ell",
    "/api/contacts?search=an",
    "/api/conversations?search=an",
    "/api/bookings?search=an",
    "/api/conversations/{id}/messages",
    "/api/conversations/{id}/messages?around={middle}",
)


async def test_a_page_examines_about_as_many_documents_as_it_returns(
    api: Api, member: Member, plenty: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_search, "MAX_MATCHING_CONTACTS", 100)
    for path in PATHS:
        async with examined(api.database) as counts:
            url = path.format(id=plenty["_id"], middle=plenty["middle"])
            answer = await member.http.get(f"{url}{'&' if '?' in url else '?'}limit={PAGE_LIMIT}")
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["data"]) == PAGE_LIMIT, path
        assert counts, path
        assert max(counts) <= PAGE_LIMIT + 1, path
