"""An answer names its message also when both are handled at the same moment, or in the wrong order."""

import asyncio
from typing import Any

import pytest

from shared.contracts.events import MessageRecorded, MessageRevised
from shared.contracts.message import Message
from shared.contracts.records import Party
from tests.integration.router.conftest import ANNA, LID, ME, PHONE, Router, command, outcome, received
from tests.integration.router.test_contact_merge import interrupted

GROUP = "120363041234567890@g.us"
BOB = Party(phone="4915187654321", lid="222")
ANSWER: dict[str, Any] = {"minute": 1, "quoted_wa_id": "A1"}
CHATS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "usual": ({}, {}),
    "with news": ({"push_name": "Anna"}, {"push_name": "Anna the second"}),
    "from the phone": ({"from_me": True, "sender": ME, "chat": ANNA}, {}),
    "in a group": ({"group": GROUP}, {"group": GROUP, "sender": BOB}),
    "a note": ({"sender": ME, "from_me": True, "chat": ME}, {"sender": ME, "from_me": True, "chat": ME}),
}
both_chats = pytest.mark.parametrize(("target", "answer"), CHATS.values(), ids=CHATS)


async def quoted(router: Router) -> bool:
    """The answer names its message, and what was published last of it says so."""
    answer, target = await router.only("messages", wa_id="A2"), await router.only("messages", wa_id="A1")
    event: list[MessageRecorded | MessageRevised] = [*router.of(MessageRecorded), *router.of(MessageRevised)]
    newest = max((one.message for one in event if one.message.id == answer["_id"]), key=lambda one: one.revision)
    return bool(answer["quoted_message_id"] == newest.quoted_message_id == target["_id"])


@both_chats
async def test_an_answer_that_is_handled_before_its_message(
    router: Router, target: dict[str, Any], answer: dict[str, Any]
) -> None:
    await router.handle(received("A0"))
    await router.handle(received("A2", **{**ANSWER, **answer}), received("A1", **target))
    assert await quoted(router)
    (event,) = router.of(MessageRevised)
    assert (event.change, event.message.revision) == ("quote_found", 1)


@both_chats
async def test_a_message_that_is_stored_just_before_its_answer_is(
    router: Router, target: dict[str, Any], answer: dict[str, Any]
) -> None:
    await router.handle(received("A0"))
    late = router
    for step in ("add", "insert_new"):
        late = interrupted(late, "messages", step, lambda: router.deliver(received("A1", **target)))
    await late.deliver(received("A2", **{**ANSWER, **answer}))
    assert await quoted(router)


@both_chats
async def test_an_answer_that_is_stored_just_before_its_message_is(
    router: Router, target: dict[str, Any], answer: dict[str, Any]
) -> None:
    await router.handle(received("A0"))
    late = router
    for step in ("add", "insert_new"):
        late = interrupted(late, "messages", step, lambda: router.deliver(received("A2", **{**ANSWER, **answer})))
    await late.deliver(received("A1", **target))
    assert await quoted(router)


async def test_replicas_that_handle_both_at_the_same_moment(router: Router) -> None:
    await router.handle(received("A0"))
    for turn in range(20):
        pair: list[Message] = [received(f"T{turn}"), received(f"Q{turn}", minute=1, quoted_wa_id=f"T{turn}")]
        await asyncio.gather(*(router.deliver(event) for event in pair))
        target, answer = (
            await router.only("messages", wa_id=f"T{turn}"),
            await router.only("messages", wa_id=f"Q{turn}"),
        )
        assert answer["quoted_message_id"] == target["_id"]


async def test_an_answer_to_a_send_whose_name_is_not_known_yet(router: Router) -> None:
    await router.handle(command("m1"), received("A2", minute=1, quoted_wa_id="W1"))
    assert (await router.only("messages", wa_id="A2"))["quoted_message_id"] is None
    await router.handle(outcome("m1", "W1"))
    assert (await router.only("messages", wa_id="A2"))["quoted_message_id"] == "m1"
    assert [event.message.quoted_message_id for event in router.of(MessageRevised)] == ["m1"]


@pytest.mark.parametrize("name", [None, "Anna the second"], ids=["usual", "with news"])
async def test_a_crash_before_it_is_told_is_made_good_by_the_redelivery(router: Router, name: str | None) -> None:
    await router.handle(received("A0"), received("A2", **ANSWER))

    async def crash() -> None:
        raise ConnectionError("before it is published")

    target = received("A1", push_name=name)
    late = interrupted(router, "revisions", "set_quoted_message", crash, after=True)
    await late.deliver(target)
    assert await quoted(router)
    await router.deliver(target)
    assert len({event.id for event in router.of(MessageRevised)}) == 1


async def test_an_answer_in_another_chat_with_the_same_name_stays_without(router: Router) -> None:
    await router.handle(received("A2", BOB, minute=1, quoted_wa_id="A1"), received("A1", ANNA))
    await router.handle(received("A3", BOB, minute=1, quoted_wa_id="A1", group=GROUP))
    assert {row["quoted_message_id"] for row in await router.rows("messages")} == {None}
    assert router.of(MessageRevised) == []


async def test_an_answer_under_the_other_address_of_a_known_person(router: Router) -> None:
    await router.handle(received("A0"), received("A2", LID, minute=1, quoted_wa_id="A1"), received("A1", PHONE))
    assert await quoted(router)


async def test_the_search_for_answers_uses_its_index(router: Router) -> None:
    wanted = {"instance_id": "one", "quoted_wa_id": {"$in": ["A1", "A2"]}, "$or": [{"quoted_message_id": None}]}
    plan = await router.database["messages"].find(wanted).explain()
    assert "about_another" in str(plan["queryPlanner"]["winningPlan"])
