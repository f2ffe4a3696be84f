"""Two people who assign or close the same conversation: a command that expects another state changes nothing."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.router.store.conversation_state import MAX_CHECKED_COMMANDS
from shared.contracts.commands import AssignConversation, ChangeConversation, ExpectedAssignee
from shared.contracts.events import CommandRefused, ConversationUpdated
from shared.contracts.records import ConversationStatus, Seen
from tests.integration.router.conftest import ANNA, LID, ORG, PHONE, START, Router, arrival, received
from tests.integration.router.test_conversations import now, talk

USERS = ("u1", "u2", "u3")


@pytest.fixture
async def conversation_id(router: Router) -> str:
    for user_id in USERS:
        user = {"_id": user_id, "organization_id": ORG, "removed_at": None}
        await router.database["users"].replace_one({"_id": user_id}, user, upsert=True)
    return await talk(router, received("A1"))


def take(conversation_id: str, user_id: str | None, expected: str | None, **fields: Any) -> AssignConversation:
    given: dict[str, Any] = {"organization_id": ORG, "conversation_id": conversation_id, "user_id": user_id}
    return AssignConversation(expected_assignee=ExpectedAssignee(user_id=expected), **given | fields)


def close(conversation_id: str, status: str = "closed", expected: str = "open", **fields: Any) -> ChangeConversation:
    given: dict[str, Any] = {"organization_id": ORG, "conversation_id": conversation_id}
    return ChangeConversation(
        status=ConversationStatus(status),
        expected_status=ConversationStatus(expected),
        seen=Seen(order_key=arrival("A1")),
        **given | fields,
    )


def refusals(router: Router) -> list[tuple[int, str]]:
    return [(event.status, event.code) for event in router.of(CommandRefused)]


async def test_of_two_who_take_it_at_once_one_gets_it_and_the_other_sees_who(
    router: Router, conversation_id: str
) -> None:
    one, other = take(conversation_id, "u1", None), take(conversation_id, "u2", None)
    await asyncio.gather(router.deliver(one), router.deliver(other))
    [updated], [refused] = router.of(ConversationUpdated), router.of(CommandRefused)
    assert {updated.cause, refused.cause} == {one.id, other.id}
    assert updated.conversation.assigned_to == ("u1" if updated.cause == one.id else "u2")
    assert refusals(router) == [(409, "conversation_changed")]
    assert refused.extra["conversation"]["assigned_to"] == updated.conversation.assigned_to
    assert refused.extra["conversation"]["id"] == conversation_id
    assert (await now(router, conversation_id)).assigned_to == updated.conversation.assigned_to


async def test_of_two_who_close_it_at_once_one_does(router: Router, conversation_id: str) -> None:
    await asyncio.gather(*(router.deliver(close(conversation_id)) for _ in range(2)))
    assert [event.conversation.status for event in router.of(ConversationUpdated)] == ["closed"]
    assert refusals(router) == [(409, "conversation_changed")]
    await router.handle(close(conversation_id, "open", "closed"), close(conversation_id, "open", "closed"))
    assert (await now(router, conversation_id)).status == "open"
    assert refusals(router) == [(409, "conversation_changed")] * 2


async def test_a_conversation_without_a_stored_status_is_open(router: Router, conversation_id: str) -> None:
    await router.database["conversations"].update_one({}, {"$unset": {"status": 1}})
    await router.handle(close(conversation_id, "open", "closed"), close(conversation_id))
    assert refusals(router) == [(409, "conversation_changed")]
    assert (await now(router, conversation_id)).status == "closed"


async def test_a_command_that_comes_again_after_it_was_carried_out_succeeds_and_changes_nothing(
    router: Router, conversation_id: str
) -> None:
    first, then = take(conversation_id, "u1", None), take(conversation_id, "u2", "u1")
    shut = close(conversation_id)
    await router.handle(first, first, then, first, shut, close(conversation_id, "open", "closed"), shut)
    assert refusals(router) == []
    found = await now(router, conversation_id)
    assert (found.assigned_to, found.status) == ("u2", "open")
    causes = [event.cause for event in router.of(ConversationUpdated)]
    assert causes.count(first.id) == 3
    assert len({event.id for event in router.of(ConversationUpdated) if event.cause == first.id}) == 1


async def test_a_command_that_comes_again_when_its_expectation_is_true_once_more_changes_nothing(
    router: Router, conversation_id: str
) -> None:
    first = take(conversation_id, "u1", None)
    await router.handle(first, take(conversation_id, None, "u1"), first)
    assert (refusals(router), (await now(router, conversation_id)).assigned_to) == ([], None)


async def test_a_command_whose_expectation_is_true_wins_though_its_clock_is_behind(
    router: Router, conversation_id: str
) -> None:
    ahead = START + timedelta(days=400)
    plain = AssignConversation(organization_id=ORG, conversation_id=conversation_id, user_id="u1", at=ahead)
    await router.handle(plain, take(conversation_id, "u2", "u1", at=START))
    assert (await now(router, conversation_id)).assigned_to == "u2"
    await router.handle(plain)
    assert (await now(router, conversation_id)).assigned_to == "u2"


async def test_the_ids_that_a_conversation_keeps_are_bounded(router: Router, conversation_id: str) -> None:
    for _ in range(MAX_CHECKED_COMMANDS):
        await router.handle(take(conversation_id, "u1", None), take(conversation_id, None, "u1"))
    assert len((await router.only("conversations"))["checked_commands"]) == MAX_CHECKED_COMMANDS
    assert refusals(router) == []


async def test_ids_that_look_like_fields_are_stored_as_they_are(router: Router, conversation_id: str) -> None:
    odd = take(conversation_id, "u1", None, id="$order_key", by="$_id")
    await router.handle(odd, odd)
    stored = await router.only("conversations")
    assert stored["checked_commands"] == ["$order_key"]
    assert stored["assignment"]["by"] == "$_id"
    assert list(stored["assignment"]) == ["at", "id", "by", "to"]


async def test_another_organizations_conversation_is_not_found(router: Router, conversation_id: str) -> None:
    await router.handle(
        take(conversation_id, None, None, organization_id="other"), close(conversation_id, organization_id="other")
    )
    assert refusals(router) == [(404, "conversation_not_found")] * 2
    assert (await now(router, conversation_id)).status == "open"


async def test_what_was_decided_survives_a_merge(router: Router, conversation_id: str) -> None:
    await router.database["conversations"].delete_many({})
    await router.database["contacts"].delete_many({})
    await router.handle(received("A1", PHONE), received("A2", LID, minute=1))
    for stored in await router.rows("conversations"):
        await router.handle(take(stored["_id"], "u3", None))
    await router.handle(received("A3", ANNA, minute=2))
    assert (await now(router, str((await router.only("conversations"))["_id"]))).assigned_to == "u3"
