"""Messages are found by their words, whatever the accents, in one's own organization only."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.api.views import found
from services.api.views.found import MessageFilter
from services.api.views.pages import PageRequest
from shared.errors import Problem
from shared.ids import new_id
from shared.message import utc_now
from shared.mongo import Document
from tests.component.api.conftest import Member, Stage

NOW = utc_now()
TEXTS = (
    "Café amanhã às 15h?",
    "cafe com açúcar",
    "No coffee, don't ask",
    "Über den Wolken",
    "call me: +49 151 12345678",
    None,
)


@pytest.fixture
async def said(stage: Stage, member: Member, records: Callable[..., Document]) -> list[Document]:
    """The newest first."""
    messages = [records(text=text, timestamp=NOW - timedelta(seconds=age)) for age, text in enumerate(TEXTS)]
    await stage.database.messages.insert_many(messages)
    return messages


async def texts(member: Member, **query: Any) -> list[str]:
    return [message["text"] for message in (await member.get("/api/messages", **query))["data"]]


@pytest.mark.parametrize(
    ("search", "wanted"),
    [
        ("cafe", [0, 1]),
        ("CAFÉ", [0, 1]),
        ("acucar cafe", [1]),
        ("coffee cafe", []),
        ("caf", []),
        ("uber", [3]),
        ("don't", [2]),
        ("-coffee", [2]),
        ('"coffee', [2]),
        ("12345678", [4]),
        ("15h?", [0]),
    ],
)
async def test_messages_are_found_by_whole_words_without_accents_or_case(
    member: Member, said: list[Document], search: str, wanted: list[int]
) -> None:
    assert await texts(member, search=search) == [said[number]["text"] for number in wanted]


async def test_a_search_goes_on_behind_its_cursor(member: Member, said: list[Document]) -> None:
    first = await member.get("/api/messages", search="cafe", limit=1)
    second = await member.get("/api/messages", search="cafe", limit=1, cursor=first["next_cursor"])
    assert [message["id"] for message in first["data"] + second["data"]] == [said[0]["_id"], said[1]["_id"]]
    assert second["next_cursor"] is None


async def test_others_words_are_not_found(stage: Stage, stranger: Member, said: list[Document]) -> None:
    assert said
    assert await texts(stranger, search="cafe") == []


async def test_a_blank_search_is_no_search(member: Member, said: list[Document]) -> None:
    assert len(await texts(member, search=" ")) == len(said)


@pytest.mark.parametrize("search", ["?!", '"', "\\ -"])
async def test_a_search_without_a_word_is_refused(member: Member, search: str) -> None:
    answer = await member.http.get("/api/messages", params={"search": search})
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_to_search")


async def test_notes_are_searched_too(stage: Stage, member: Member, records: Callable[..., Document]) -> None:
    await stage.database.messages.insert_one(records(_id=new_id(), kind="note", text="buy sugar"))
    assert await texts(member, search="sugar", kind="note") == ["buy sugar"]
    assert await texts(member, search="sugar", kind="message") == []


async def test_what_waits_for_too_long_is_listed(
    stage: Stage, member: Member, records: Callable[..., Document]
) -> None:
    ours = {"direction": "outbound", "status": "queued"}
    waiting, moving = records(**ours, text="stuck", stuck_since=NOW), records(**ours, text="moving")
    await stage.database.messages.insert_many([waiting, moving])
    assert await texts(member, stuck=True) == ["stuck"]
    assert await texts(member, stuck=False) == ["moving"]
    assert (await member.get(f"/api/messages/{waiting['_id']}"))["data"]["stuck_since"] is not None


async def test_before_the_router_has_made_the_index_the_caller_is_told_to_wait(stage: Stage, member: Member) -> None:
    name = f"new_{new_id()[:8]}"
    database = stage.database.client[name]
    await database.messages.insert_one({"_id": new_id(), "organization_id": member.organization_id, "text": "cafe"})
    with pytest.raises(Problem) as refused:
        await found.messages(database, member.organization_id, PageRequest(10), MessageFilter(search="cafe"))
    await database.client.drop_database(name)
    assert (refused.value.status, refused.value.code) == (503, "search_not_ready")
