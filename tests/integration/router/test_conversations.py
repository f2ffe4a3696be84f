"""What is unread, who takes care of it, what is closed: the same whatever comes twice or in another order."""

import random
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.commands import AssignConversation, ChangeConversation, MarkConversationRead
from shared.contracts.events import CommandRefused, ConversationUpdated
from shared.contracts.ids import derived_id
from shared.contracts.message import Message
from shared.contracts.records import ConversationRecord, ConversationStatus, Seen
from shared.platform.mongo import Database
from tests.integration.router.conftest import (
    ANNA,
    LID,
    ME,
    ORG,
    PHONE,
    START,
    Router,
    arrival,
    command,
    open_router,
    received,
)

FAR = timedelta(days=1)


def read(conversation_id: str, *wa_ids: str, minute: int = 0, name: str = "read") -> MarkConversationRead:
    """Everything before this minute, and of it up to the last of these messages."""
    seen = Seen(order_key=max((arrival(wa_id, minute) for wa_id in wa_ids), default=arrival("", minute) - 1))
    return MarkConversationRead(
        id=name, organization_id=ORG, at=START + FAR, conversation_id=conversation_id, seen=seen, by="u"
    )


def status(
    conversation_id: str, wanted: str, *wa_ids: str, minute: int = 0, at: int = 0, organization_id: str = ORG
) -> ChangeConversation:
    """Decided at the second `at`, knowing the messages up to this minute."""
    seen = Seen(order_key=max((arrival(wa_id, minute) for wa_id in wa_ids), default=arrival("", minute) - 1))
    return ChangeConversation(
        id=f"{wanted}-{at}",
        organization_id=organization_id,
        at=START + FAR + timedelta(seconds=at),
        seen=seen,
        conversation_id=conversation_id,
        status=ConversationStatus(wanted),
    )


def assign(conversation_id: str, user_id: str | None, *, at: int = 0) -> AssignConversation:
    return AssignConversation(
        id=f"assign-{at}-{user_id}",
        organization_id=ORG,
        at=START + FAR + timedelta(seconds=at),
        conversation_id=conversation_id,
        user_id=user_id,
    )


async def talk(router: Router, *messages: Message) -> str:
    """The id of the one conversation after these messages."""
    await router.handle(*messages)
    return str((await router.only("conversations"))["_id"])


async def now(router: Router, conversation_id: str) -> ConversationRecord:
    """As an event has it."""
    found = await router.context.store.conversations.apply(ORG, conversation_id, {})
    assert found
    return found


async def test_messages_of_contacts_are_unread_and_counted_once(router: Router) -> None:
    events = [received(f"A{n}", minute=n) for n in range(3)]
    conversation_id = await talk(router, *events, *events)
    assert (await now(router, conversation_id)).unread_count == 3
    assert (await router.only("conversations"))["unread"] is True


async def test_a_sent_message_marks_earlier_ones_as_read(router: Router) -> None:
    typed = received("B1", ME, chat=ANNA, from_me=True, minute=2)
    conversation_id = await talk(router, received("A1"), typed, received("A3", minute=3))
    await router.handle(typed)
    assert (await now(router, conversation_id)).unread_count == 1
    await router.handle(command("m1", conversation_id=conversation_id, at=START + timedelta(minutes=4)))
    assert (await now(router, conversation_id)).unread_count == 0


async def test_a_read_mark_covers_exactly_what_was_seen_even_within_a_second(router: Router) -> None:
    conversation_id = await talk(router, received("A1"), received("A2", minute=5))
    await router.handle(read(conversation_id, "A2", minute=5))
    assert router.of(ConversationUpdated)[0].conversation.unread_count == 0
    await router.handle(received("A3", minute=5), received("A2", minute=5))
    assert (await now(router, conversation_id)).unread_count == 1
    await router.handle(read(conversation_id, "A2", minute=5, name="again"))
    assert (await now(router, conversation_id)).unread_count == 1
    await router.handle(read(conversation_id, "A3", minute=5, name="third"))
    assert (await now(router, conversation_id)).unread_count == 0


async def test_an_older_read_mark_that_comes_again_takes_nothing_back(router: Router) -> None:
    conversation_id = await talk(router, received("A1"), received("A2", minute=1))
    await router.handle(read(conversation_id, "A2", minute=1), read(conversation_id, "A1"))
    assert (await now(router, conversation_id)).unread_count == 0
    assert [event.id for event in router.of(ConversationUpdated)] == [derived_id("read", "conversation")] * 2


async def test_a_mark_without_a_place_covers_everything_before_the_command(router: Router) -> None:
    conversation_id = await talk(router, received("A1"))
    await router.handle(MarkConversationRead(organization_id=ORG, conversation_id=conversation_id))
    assert (await now(router, conversation_id)).unread_count == 0


async def test_a_new_message_reopens_a_closed_conversation_and_publishes_it(router: Router) -> None:
    conversation_id = await talk(router, received("A1"))
    await router.handle(status(conversation_id, "closed", "A1"))
    new = received("A2", minute=1)
    await router.handle(received("A1"))
    assert [event.conversation.status for event in router.of(ConversationUpdated)] == ["closed"]
    await router.handle(new, new)
    events = router.of(ConversationUpdated)[1:]
    assert [(event.cause, event.conversation.status) for event in events] == [(new.id, "open")] * 2
    assert len({event.id for event in events}) == 1


async def test_an_own_message_leaves_it_closed(router: Router) -> None:
    conversation_id = await talk(router, received("A1"))
    await router.handle(status(conversation_id, "closed", "A1"))
    await router.handle(command("m1", conversation_id=conversation_id, at=START + timedelta(minutes=4)))
    assert (await now(router, conversation_id)).status == "closed"


async def test_a_close_that_comes_again_after_a_reopening_changes_nothing(router: Router) -> None:
    conversation_id = await talk(router, received("A1"))
    close, reopen = status(conversation_id, "closed", "A1"), status(conversation_id, "open", at=1)
    await router.handle(close, reopen, close)
    assert (await now(router, conversation_id)).status == "open"


async def test_a_message_the_closer_did_not_know_keeps_it_open(router: Router) -> None:
    conversation_id = await talk(router, received("A1"), received("A2", minute=1))
    await router.handle(status(conversation_id, "closed", "A1"))
    assert (await now(router, conversation_id)).status == "open"


async def test_a_conversation_is_assigned_and_given_back(router: Router) -> None:
    user = {"_id": "u1", "organization_id": ORG, "removed_at": None}
    await router.database["users"].replace_one({"_id": "u1"}, user, upsert=True)
    conversation_id = await talk(router, received("A1"))
    await router.handle(assign(conversation_id, "u1", at=1), assign(conversation_id, None))
    assert (await now(router, conversation_id)).assigned_to == "u1"
    await router.handle(assign(conversation_id, None, at=2))
    assert (await now(router, conversation_id)).assigned_to is None


async def test_a_user_of_another_organization_cannot_be_assigned(router: Router) -> None:
    stranger = {"_id": "u2", "organization_id": "other", "removed_at": None}
    await router.database["users"].replace_one({"_id": "u2"}, stranger, upsert=True)
    conversation_id = await talk(router, received("A1"))
    await router.handle(assign(conversation_id, "u2"))
    refused = router.of(CommandRefused)[0]
    assert (refused.status, refused.code) == (422, "assignee_unknown")
    assert (await now(router, conversation_id)).assigned_to is None


async def test_another_organizations_conversation_is_not_found(router: Router) -> None:
    conversation_id = await talk(router, received("A1"))
    await router.handle(status(conversation_id, "closed", "A1", organization_id="other"))
    assert [event.code for event in router.of(CommandRefused)] == ["conversation_not_found"]
    assert (await now(router, conversation_id)).status == "open"


async def test_unread_marks_survive_a_merge(router: Router) -> None:
    await router.handle(received("A1", PHONE), received("A2", LID, minute=1), received("A3", ANNA, minute=2))
    assert (await now(router, str((await router.only("conversations"))["_id"]))).unread_count == 3


@pytest.mark.parametrize("seed", range(6), indirect=True)
async def test_any_order_with_repeats_ends_the_same(router_database: Database, seed: int) -> None:
    chance = random.Random(seed)

    async def end_of(shuffled: bool) -> dict[str, Any]:
        async with open_router(router_database) as router:
            conversation_id = await talk(router, received("A0"))
            history: list[Message] = [
                *(received(f"A{n}", minute=n // 2) for n in range(1, 9)),
                received("B1", ME, chat=ANNA, from_me=True, minute=2),
                read(conversation_id, "A5", minute=2),
                read(conversation_id, "A6", minute=3, name="other"),
                status(conversation_id, "closed", "A6", minute=3),
                status(conversation_id, "open", minute=1, at=-1),
            ]
            if shuffled:
                history += chance.choices(history, k=8)
                chance.shuffle(history)
            for event in history:
                await router.deliver(event)
            assert (await now(router, conversation_id)).unread_count == 2
            return {k: v for k, v in (await router.only("conversations")).items() if k != "reopened_by"}

    assert await end_of(shuffled=True) == await end_of(shuffled=False)
