"""Search of contacts, conversations and bookings by parts of names, numbers and texts; contacts sorted by name."""

from datetime import timedelta
from typing import Any

import pytest

from services.api.views import list_search, pagination
from shared.contracts.ids import new_id
from shared.contracts.queries import ListContacts
from shared.messaging.rpc_client import rpc_request
from shared.platform.mongo import Document
from tests.component.api.conftest import Api, Member, make_searchable
from tests.component.api.test_conversations import listed, talk
from tests.component.api.test_keys import created
from tests.component.api.test_reads import NOW, booking, contact, pages
from tests.nats_messages import MESSAGES

NAMES = ("Müller", "Schmuller", "Conceição", "O’Brien", "明天", "محمد", "İpek", None)


@pytest.fixture
async def people(api: Api, member: Member, stranger: Member) -> list[Document]:
    """The newest first; another organization has the same."""
    found = [contact(member, age, name=name, phone_number=f"49151000{age}") for age, name in enumerate(NAMES)]
    theirs = [
        {**person, "_id": new_id(), "organization_id": stranger.organization_id, "aliases": [new_id()]}
        for person in found
    ]
    await api.database.contacts.insert_many([*found, *theirs])
    await make_searchable(api.database)
    return found


SEARCHES = [
    ("mul", [0, 1]),
    ("MÜL", [0, 1]),
    ("ção", [2]),
    ("o'b", [3]),
    ("brien", [3]),
    ("天", [4]),
    ("مُحَمَّد", [5]),
    ("ipek", [6]),
    ("0151 0007", [7]),
    ("+49 151", [0, 1, 2, 3, 4, 5, 6, 7]),
    ("mul 0001", [1]),
    ("nobody", []),
    ("*", []),
    ("m.ller", []),
    ("i", [2, 3, 6]),
    ("ｍｕｌ", [0, 1]),
    ("\u202a+49 1510000\u202c", [0]),
]


@pytest.mark.parametrize(("search", "wanted"), SEARCHES)
async def test_contacts_and_their_conversations_and_bookings_are_found(
    api: Api, member: Member, people: list[Document], search: str, wanted: list[int]
) -> None:
    talks = [talk(member, age, contact_id=person["_id"]) for age, person in enumerate(people)]
    taken = [
        booking(member, contact_id=person["_id"], created_at=NOW - timedelta(seconds=age))
        for age, person in enumerate(people)
    ]
    await api.database.conversations.insert_many(talks)
    await api.database.bookings.insert_many(taken)
    names = [item["name"] for item in (await member.get("/api/contacts", search=search))["data"]]
    assert names == [NAMES[number] for number in wanted]
    assert await listed(member, search=search) == [talks[number]["_id"] for number in wanted]
    found = (await member.get("/api/bookings", search=search))["data"]
    assert [item["id"] for item in found] == [taken[number]["_id"] for number in wanted]
    assert [item["contact"]["name"] for item in found] == names


async def test_when_many_contacts_match_lists_are_scanned(
    api: Api, member: Member, people: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same pages as where few match, with no cap."""
    talks = [talk(member, age, contact_id=people[age % 8]["_id"]) for age in range(40)]
    taken = [
        booking(member, contact_id=people[age % 8]["_id"], text="haircut", created_at=NOW - timedelta(seconds=age))
        for age in range(40)
    ]
    await api.database.conversations.insert_many(talks)
    await api.database.bookings.insert_many(taken)
    await make_searchable(api.database)
    for search in ("mul", "49151", "hair mul", "cut"):
        few = [await found(member, path, search) for path in ("/api/conversations", "/api/bookings")]
        with monkeypatch.context() as patch:
            patch.setattr(list_search, "MAX_MATCHING_CONTACTS", 1)
            assert [await found(member, path, search) for path in ("/api/conversations", "/api/bookings")] == few
    assert len(await found(member, "/api/bookings", "hair mul")) == 10
    assert len(await found(member, "/api/conversations", "49151")) == 40


async def found(member: Member, path: str, search: str) -> list[str]:
    query: dict[str, Any] = {"search": search, "limit": 3}
    ids: list[str] = []
    while query.get("cursor", "") is not None:
        answer = await member.get(path, **query)
        assert len(answer["data"]) <= 3
        ids += [item["id"] for item in answer["data"]]
        query["cursor"] = answer["next_cursor"]
    return ids


async def test_a_scan_that_takes_long_returns_a_partial_page_and_continues(
    api: Api, member: Member, people: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    talks = [talk(member, age, contact_id=people[age % 8]["_id"]) for age in range(40)]
    await api.database.conversations.insert_many(talks)
    monkeypatch.setattr(list_search, "MAX_MATCHING_CONTACTS", 1)
    monkeypatch.setattr(pagination, "MAX_SCAN_S", 0)
    answer = await member.get("/api/conversations", search="mul", limit=7)
    assert len(answer["data"]) < 7
    assert answer["next_cursor"] is not None
    assert len(await found(member, "/api/conversations", "mul")) == 10


async def test_conversations_of_named_contacts_are_listed(
    api: Api, member: Member, stranger: Member, people: list[Document]
) -> None:
    talks = [talk(member, age, contact_id=person["_id"]) for age, person in enumerate(people)]
    await api.database.conversations.insert_many(talks)
    ids = [people[number]["_id"] for number in (0, 4)]
    assert await listed(member, contact_id=ids) == [talks[0]["_id"], talks[4]["_id"]]
    assert await listed(member, contact_id=ids, search="mul") == [talks[0]["_id"]]
    assert await listed(member, contact_id=[new_id() for _ in range(199)] + ids[:1]) == [talks[0]["_id"]]
    assert await listed(stranger, contact_id=ids) == []
    question = MESSAGES.ListConversations(organization_id=member.organization_id, contact_id=tuple(ids))
    assert [item["id"] for item in (await rpc_request(api.nats, question))["data"]] == [
        talks[0]["_id"],
        talks[4]["_id"],
    ]
    answer = await member.http.get("/api/conversations", params={"contact_id": [new_id()] * 201})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "contact_id")


async def test_bookings_are_found_by_their_text_and_by_status(api: Api, member: Member, people: list[Document]) -> None:
    texts = (("Corte de cabelo", "pending"), ("Coloração e corte", "confirmed"), (None, "pending"))
    taken = [
        booking(member, contact_id=person["_id"], text=text, status=status, created_at=person["created_at"])
        for person, (text, status) in zip(people, texts, strict=False)
    ]
    await api.database.bookings.insert_many(
        [*taken, booking(member, contact_id="gone", text="corte", created_at=NOW - timedelta(hours=1))]
    )
    await make_searchable(api.database)
    ids = [item["_id"] for item in taken]
    assert (await found(member, "/api/bookings", "orte"))[:-1] == ids[:2]
    assert await found(member, "/api/bookings", "coloracao") == [ids[1]]
    assert await found(member, "/api/bookings", "orte schmu") == [ids[1]]
    assert await found(member, "/api/bookings", "conc") == [ids[2]]
    chosen = await member.get("/api/bookings", search="orte", status="confirmed")
    assert [item["id"] for item in chosen["data"]] == [ids[1]]
    question = MESSAGES.ListBookings(organization_id=member.organization_id, search="coloracao")
    (told,) = (await rpc_request(api.nats, question))["data"]
    assert (told["id"], told["contact"]["name"]) == (ids[1], "Schmuller")
    assert (await member.get(f"/api/bookings/{ids[1]}"))["data"]["contact"]["name"] == "Schmuller"


async def test_a_limited_key_finds_only_records_of_its_instance(
    api: Api, member: Member, people: list[Document]
) -> None:
    mine, other = await member.instance(), await member.instance()
    talks = [talk(member, contact_id=people[0]["_id"], instance_id=one) for one in (mine, other)]
    taken = [booking(member, contact_id=people[0]["_id"], instance_id=one) for one in (mine, other)]
    await api.database.conversations.insert_many(talks)
    await api.database.bookings.insert_many(taken)
    key = (await created(member, "read", instance_ids=[mine]))["key"]
    async with api.client(**{"X-Api-Key": key}) as http:
        for path, wanted in (("/api/conversations", talks[0]), ("/api/bookings", taken[0])):
            answer = (await http.get(path, params={"search": "mul"})).json()["data"]
            assert [item["id"] for item in answer] == [wanted["_id"]]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_contacts_are_sorted_by_name_page_by_page(api: Api, member: Member, limit: int) -> None:
    names = ["anna", "Ärger", "Bert", "bert", "Ćwik", "x" * 256, "明" * 100, "👍" * 100, None, None]
    people = [contact(member, name=name, phone_number=str(100 + age)) for age, name in enumerate(names)]
    await api.database.contacts.insert_many(people)
    await make_searchable(api.database)
    found = [each for page in await sorted_pages(member, limit) for each in page]
    assert [person["name"] for person in found] == [*names[:2], *found_names(found)[2:4], *names[4:]]
    assert sorted(found_names(found)[2:4]) == ["Bert", "bert"]
    assert [person["phone_number"] for person in found[-2:]] == ["108", "109"]
    question = ListContacts(organization_id=member.organization_id, sort="name", search="ber")
    assert {item["name"] for item in (await rpc_request(api.nats, question))["data"]} == {"Bert", "bert"}


def found_names(found: list[Any]) -> list[Any]:
    return [person["name"] for person in found]


async def sorted_pages(member: Member, limit: int) -> list[list[Any]]:
    query: dict[str, Any] = {"sort": "name", "limit": limit}
    pages: list[list[Any]] = []
    while query.get("cursor", "") is not None:
        answer = await member.get("/api/contacts", **query)
        pages.append(answer["data"])
        query["cursor"] = answer["next_cursor"]
    return pages


async def test_the_newest_contact_stands_first_by_default(member: Member, people: list[Document]) -> None:
    ids = [person["_id"] for person in people]
    assert await pages(member, "/api/contacts", 3) == [ids[:3], ids[3:6], ids[6:]]
    assert await pages(member, "/api/contacts?sort=created_at", 100) == [ids]


@pytest.mark.parametrize(
    "cursor", ["0.", "0.x", "1700000000000.abc", "0.~", "0.%ff~%00", "0._-~x", "0.AAAA~%7E", "0.A~"]
)
async def test_any_cursor_is_a_position_among_the_names(member: Member, people: list[Document], cursor: str) -> None:
    answer = await member.http.get("/api/contacts", params={"sort": "name", "cursor": cursor})
    assert answer.status_code == 200, answer.text
    refused = await member.http.get("/api/contacts", params={"sort": "name", "cursor": "!!"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_cursor")
