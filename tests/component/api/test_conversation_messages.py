"""The page around a message of a conversation, and from there the pages of older and newer messages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from shared.contracts.ids import new_id
from shared.messaging.rpc_client import rpc_request
from shared.platform.mongo import Document
from tests.component.api.conftest import Api, Member
from tests.component.api.test_conversations import talk
from tests.nats_messages import MESSAGES

COUNT = 9


@dataclass
class Thread:
    """A conversation; the ids of its messages, the newest first."""

    member: Member
    path: str
    ids: list[str]

    async def page(self, **query: Any) -> tuple[list[str], str | None, str | None]:
        answer = await self.member.get(self.path, **query)
        return [item["id"] for item in answer["data"]], answer["next_cursor"], answer["newer_cursor"]


@pytest.fixture
async def thread(api: Api, member: Member, records: Callable[..., Document]) -> Thread:
    """Always two messages have the same order key."""
    conversation = talk(member)
    text = [records(conversation_id=conversation["_id"], order_key=10**15 + age // 2) for age in range(COUNT)]
    await api.database.conversations.insert_one(conversation)
    await api.database.messages.insert_many(text)
    newest_first = sorted(text, key=lambda one: (one["order_key"], one["_id"]), reverse=True)
    return Thread(member, f"/api/conversations/{conversation['_id']}/messages", [one["_id"] for one in newest_first])


@pytest.mark.parametrize("place", range(COUNT))
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 50])
async def test_from_a_message_all_others_are_reached_once(thread: Thread, place: int, limit: int) -> None:
    found, older, newer = await thread.page(around=thread.ids[place], limit=limit)
    assert thread.ids[place] in found
    assert len(found) <= limit
    while newer:
        page, _, newer = await thread.page(cursor=newer, limit=limit)
        found = page + found
    while older:
        page, older, _ = await thread.page(cursor=older, limit=limit)
        found += page
    assert found == thread.ids


async def test_the_message_stands_in_the_middle(thread: Thread) -> None:
    found, older, newer = await thread.page(around=thread.ids[4], limit=5)
    assert found == thread.ids[2:7]
    assert older is not None
    assert newer is not None


async def test_the_newest_page_has_no_newer_one_and_every_other_has(thread: Thread) -> None:
    found, older, newer = await thread.page(limit=3)
    assert (found, newer) == (thread.ids[:3], None)
    found, _, newer = await thread.page(cursor=older, limit=3)
    assert found == thread.ids[3:6]
    found, older, newer = await thread.page(cursor=newer, limit=3)
    assert (found, newer) == (thread.ids[:3], None)
    assert (await thread.page(cursor=older, limit=3))[0] == thread.ids[3:6]


async def test_what_comes_later_is_on_the_page_of_newer_ones(
    api: Api, thread: Thread, records: Callable[..., Document]
) -> None:
    _, _, newer = await thread.page(around=thread.ids[1], limit=2)
    assert newer is None
    _, _, newer = await thread.page(around=thread.ids[1], limit=1)
    late = records(conversation_id=thread.path.split("/")[3], order_key=10**15 + COUNT)
    await api.database.messages.insert_one(late)
    assert (await thread.page(cursor=newer))[0] == [late["_id"], thread.ids[0]]


async def test_nothing_but_a_message_of_the_conversation_is_found_around(
    api: Api, member: Member, stranger: Member, thread: Thread, records: Callable[..., Document]
) -> None:
    elsewhere = records(conversation_id=new_id())
    theirs = records(organization_id=stranger.organization_id, conversation_id=new_id())
    lie = records(organization_id=stranger.organization_id, conversation_id=thread.path.split("/")[3])
    await api.database.messages.insert_many([elsewhere, theirs, lie])
    for around in (elsewhere["_id"], theirs["_id"], lie["_id"], "nothing", "", "~", "$ne", "\x00"):
        answer = await member.http.get(thread.path, params={"around": around})
        assert (answer.status_code, answer.json()["code"]) == (404, "message_not_found"), around
    answer = await stranger.http.get(thread.path, params={"around": theirs["_id"]})
    assert (answer.status_code, answer.json()["code"]) == (404, "conversation_not_found")


async def test_around_needs_no_cursor(thread: Thread) -> None:
    _, older, _ = await thread.page(limit=1)
    answer = await thread.member.http.get(thread.path, params={"around": thread.ids[0], "cursor": older})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_the_same_is_answered_on_nats(api: Api, thread: Thread) -> None:
    question = MESSAGES.ListConversationMessages(
        organization_id=thread.member.organization_id,
        conversation_id=thread.path.split("/")[3],
        around=thread.ids[3],
        limit=3,
    )
    answer = await rpc_request(api.nats, question)
    assert answer == await thread.member.get(thread.path, around=thread.ids[3], limit=3)
    newer = question.model_copy(update={"around": None, "cursor": answer["newer_cursor"]})
    assert [item["id"] for item in (await rpc_request(api.nats, newer))["data"]] == thread.ids[:2]
