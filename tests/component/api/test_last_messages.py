"""Contacts with the time of their newest message, and in its order."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from services.api.views import list_search, pagination
from shared.contracts.queries import ListContacts
from shared.messaging.rpc_client import rpc_request
from shared.platform.mongo import Document
from tests.component.api.conftest import Api, Member, make_searchable
from tests.component.api.test_conversations import NOW, talk
from tests.component.api.test_reads import contact


async def stored(api: Api, member: Member, *ages: Sequence[int], name: str = "Anna") -> list[str]:
    """The ids of contacts with conversations whose newest messages are so many seconds old."""
    people = [contact(member, place, name=f"{name} {place}") for place in range(len(ages))]
    talks: list[Document] = [
        talk(member, age, contact_id=person["_id"], instance_id=f"i{place}")
        for person, each in zip(people, ages, strict=True)
        for place, age in enumerate(each)
    ]
    await api.database.contacts.insert_many(people)
    if talks:
        await api.database.conversations.insert_many(talks)
    await make_searchable(api.database)
    return [person["_id"] for person in people]


def time(age: int) -> str:
    return (NOW - timedelta(seconds=age)).isoformat().replace("+00:00", "Z")


async def listed(member: Member, **query: Any) -> list[tuple[str, str | None]]:
    return [(item["id"], item["last_message_at"]) for item in (await member.get("/api/contacts", **query))["data"]]


def moments(found: list[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    """Without the zeros that one of both writes after the seconds."""
    return [(contact_id, at and at.rstrip("Z0").rstrip(".")) for contact_id, at in found]


async def test_every_list_of_contacts_has_the_time_of_the_newest_message(
    api: Api, member: Member, stranger: Member
) -> None:
    ids = await stored(api, member, [30, 20], [], [10])
    await api.database.conversations.insert_one(talk(stranger, 0, contact_id=ids[1]))
    wanted = moments([(ids[0], time(20)), (ids[1], None), (ids[2], time(10))])
    for sort in ("created_at", "name"):
        assert moments(await listed(member, sort=sort)) == wanted
    assert moments(await listed(member, search="anna", sort="name")) == wanted
    told = (await member.get(f"/api/contacts/{ids[0]}"))["data"]["last_message_at"]
    assert moments([(ids[0], told)]) == wanted[:1]
    posted = (await member.http.post("/api/contacts")).json()["data"]
    assert moments([(item["id"], item["last_message_at"]) for item in posted]) == wanted


@pytest.mark.parametrize("limit", [1, 2, 50])
async def test_contacts_in_the_order_of_their_newest_messages_come_once_page_by_page(
    api: Api, member: Member, stranger: Member, limit: int
) -> None:
    ids = await stored(api, member, [40, 9], [10, 8, 7], [], [30], [8, 41])
    await stored(api, stranger, [1])
    found: list[tuple[str, str | None]] = []
    query: dict[str, Any] = {"sort": "last_message_at", "limit": limit}
    while True:
        page = await member.get("/api/contacts", **query)
        assert len(page["data"]) <= limit
        found += [(item["id"], item["last_message_at"]) for item in page["data"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert moments(found) == moments([(ids[1], time(7)), (ids[4], time(8)), (ids[0], time(9)), (ids[3], time(30))])
    question = ListContacts(organization_id=member.organization_id, sort="last_message_at", limit=limit)
    told = await rpc_request(api.nats, question)
    assert [item["id"] for item in told["data"]] == [contact_id for contact_id, _ in found][:limit]


@pytest.mark.parametrize("most", [1_000, 1])
async def test_a_search_in_that_order_finds_the_same_whether_few_match_or_many(
    api: Api, member: Member, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(list_search, "MAX_MATCHING_CONTACTS", most)
    annas = await stored(api, member, [4, 3], [1], [2, 9])
    await stored(api, member, [0], name="Bert")
    found = await listed(member, sort="last_message_at", search="ann")
    assert [contact_id for contact_id, _ in found] == [annas[1], annas[2], annas[0]]
    assert await listed(member, sort="last_message_at", search="nobody") == []
    assert await listed(member, sort="last_message_at", search="!?") == []


async def test_a_scan_that_takes_long_returns_a_part_and_continues(
    api: Api, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "MAX_SCAN_S", -1.0)
    ids = await stored(api, member, list(range(5)), [9])
    first = await member.get("/api/contacts", sort="last_message_at", limit=2)
    assert ([item["id"] for item in first["data"]], first["next_cursor"] is None) == (ids[:1], False)
    found, cursor = first["data"], first["next_cursor"]
    while cursor is not None:
        page = await member.get("/api/contacts", sort="last_message_at", limit=2, cursor=cursor)
        found, cursor = [*found, *page["data"]], page["next_cursor"]
    assert [item["id"] for item in found] == ids


async def test_an_unknown_order_and_a_made_up_cursor_are_refused(member: Member) -> None:
    for query, code in (({"sort": "age"}, "validation_failed"), ({"cursor": "%%%"}, "invalid_cursor")):
        answer = await member.http.get("/api/contacts", params={"sort": "last_message_at"} | query)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
