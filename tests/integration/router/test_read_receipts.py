"""Read receipts are sent once, for what a user has read, whatever is repeated."""

from datetime import timedelta

import pytest

from shared.contracts.commands import MarkConversationRead, MarkRead
from shared.contracts.errors import Reject, Retry
from shared.contracts.events import ConversationUpdated, MessagesReadElsewhere
from shared.contracts.records import Party, Seen
from tests.integration.router.conftest import (
    ANNA,
    LID,
    ONE,
    ORG,
    PHONE,
    START,
    Router,
    arrival,
    command,
    received,
    recorded_as,
)


async def thread(router: Router, *minutes: int) -> str:
    """Anna's conversation, with one message at each of these minutes."""
    for minute in minutes:
        await router.handle(received(f"W{minute}", minute=minute))
    return str((await router.only("conversations"))["_id"])


def read(conversation_id: str, minute: int, *wa_ids: str, name: str = "read") -> MarkConversationRead:
    seen = Seen(order_key=max((arrival(wa_id, minute) for wa_id in wa_ids), default=arrival("", minute) - 1))
    return MarkConversationRead(
        id=f"{name}-{minute}",
        organization_id=ORG,
        at=START + timedelta(days=1),
        conversation_id=conversation_id,
        seen=seen,
    )


def ticks(router: Router) -> list[tuple[str, ...]]:
    return [tuple(sorted(mark.wa_ids)) for mark in router.of(MarkRead)]


async def test_what_was_looked_at_gets_its_ticks_and_the_rest_does_not(router: Router) -> None:
    mine = await thread(router, 0, 1, 2)
    await router.handle(read(mine, 1, "W1"))
    assert ticks(router) == [("W0", "W1")]
    (mark,) = router.of(MarkRead)
    assert (mark.sender, mark.group, mark.instance_id, mark.cause) == (ANNA, None, ONE, "read-1")
    await router.handle(read(mine, 2, "W2"))
    assert ticks(router)[1:] == [("W2",)]


async def test_of_several_at_one_moment_those_that_were_seen(router: Router) -> None:
    mine = await thread(router, 0)
    await router.handle(received("W1", minute=0))
    await router.handle(read(mine, 0, "W0"))
    await router.handle(read(mine, 0, "W1", name="later"))
    assert ticks(router) == [("W0",), ("W1",)]


async def test_a_repeated_command_gives_no_ticks_twice(router: Router) -> None:
    mine = await thread(router, 0)
    for _ in range(2):
        await router.handle(read(mine, 5))
    await router.handle(read(mine, 6))
    assert ticks(router) == [("W0",)]


async def test_an_answer_marks_it_read_here_and_the_ticks_follow_when_somebody_looked(router: Router) -> None:
    mine = await thread(router, 0)
    await router.handle(command(conversation_id=mine))
    assert ticks(router) == []
    await router.handle(read(mine, 5))
    assert ticks(router) == [("W0",)]


async def test_no_more_than_a_hundred_at_once(router: Router) -> None:
    mine = await thread(router, *range(103))
    await router.handle(read(mine, 200))
    assert [len(each) for each in ticks(router)] == [100]
    assert not {"W0", "W1", "W2"} & set(ticks(router)[0])


async def test_a_message_in_a_group_gets_its_ticks_there(router: Router) -> None:
    mine = await thread(router, 0)
    await router.handle(received("G1", LID, minute=1, group="1-2@g.us"))
    stored = await router.message(recorded_as("G1", LID, minute=1, group="1-2@g.us"))
    await router.handle(read(mine, 5))
    groups = {mark.group: mark.wa_ids for mark in router.of(MarkRead)}
    assert groups == ({None: ("W0",), "1-2@g.us": ("G1",)} if stored.conversation_id == mine else {None: ("W0",)})


async def test_a_contact_without_a_phone_number_gets_them_by_lid(router: Router) -> None:
    await router.handle(received("W1", LID))
    mine = str((await router.only("conversations"))["_id"])
    await router.handle(read(mine, 5))
    assert [mark.sender for mark in router.of(MarkRead)] == [Party(lid=LID.lid)]
    assert str(PHONE.phone) not in str(router.of(MarkRead))


def elsewhere(*wa_ids: str, minute: int = 9) -> MessagesReadElsewhere:
    at = START + timedelta(minutes=minute)
    ids = {"organization_id": ORG, "instance_id": ONE, "id": f"elsewhere {wa_ids}", "at": at}
    return MessagesReadElsewhere.model_validate({**ids, "wa_ids": list(wa_ids), "timestamp": at})


async def test_what_the_owner_read_on_the_phone_is_read_here_and_has_its_ticks(router: Router) -> None:
    mine = await thread(router, 0, 1, 2)
    for _ in range(2):
        await router.handle(elsewhere("W1", "W0"))
    unread_counts = [event.conversation.unread_count for event in router.of(ConversationUpdated)]
    assert unread_counts == [1, 1]
    assert len({event.id for event in router.of(ConversationUpdated)}) == 1
    await router.handle(read(mine, 5))
    assert ticks(router) == [("W2",)]


async def test_what_was_read_before_it_is_known_is_waited_for_a_minute(router: Router) -> None:
    mine = await thread(router, 0)
    with pytest.raises(Retry):
        await router.handle(elsewhere("W0", "W1", minute=0))
    assert router.of(ConversationUpdated)[-1].conversation.unread_count == 0
    await router.handle(received("W1", minute=0), elsewhere("W0", "W1", minute=0))
    assert (await router.only("conversations", _id=mine))["unread"] is False
    await router.handle(elsewhere("from before the account was linked", minute=-2))


async def test_an_owner_of_another_organization_reads_nothing_here(router: Router) -> None:
    await thread(router, 0)
    with pytest.raises(Reject):
        await router.handle(elsewhere("W0").model_copy(update={"organization_id": "globex"}))
    assert (await router.only("conversations"))["unread"] is True


async def test_a_missed_call_that_was_looked_at_gets_no_ticks(router: Router) -> None:
    mine = await thread(router, 0)
    await router.handle(received("CALL1", type="missed_call", text="Missed voice call", minute=1))
    await router.handle(read(mine, 2))
    assert ticks(router) == [("W0",)]
