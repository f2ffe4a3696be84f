"""A repeated id is the same message; another command under it is refused and never taken for sent."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.commands import SendMessage, SendText
from shared.contracts.events import CommandRefused, MessageStatusChanged
from shared.contracts.ids import derived_id, new_id
from shared.contracts.records import MessageStatus, Party
from tests.integration.router.conftest import ANNA, ONE, ORG, START, Router, command, outcome, received

BOB = Party(phone="4915133333333")


def refusals(router: Router) -> list[tuple[int, str]]:
    return [(refused.status, refused.code) for refused in router.of(CommandRefused)]


def by(user: str, client_id: str = "mine", **fields: Any) -> SendMessage:
    """What a socket of this user asks for: a new id for every attempt."""
    return command(new_id(), client_id=client_id, by=user, **{"id": new_id(), **fields})


def sent(router: Router) -> set[tuple[str, str | None]]:
    """What was handed to WhatsApp: message ids and numbers. A repeated hand-over has the same id and is one."""
    return {(item.id, item.to.phone) for item in router.of(SendText)}


@pytest.mark.parametrize("fields", [{"to": BOB.phone}, {"to": "111@lid"}, {"text": "bye"}, {"instance_id": ONE}])
async def test_another_command_under_the_same_message_id_is_refused(router: Router, fields: dict[str, Any]) -> None:
    await router.handle(command(), outcome(), command(id="another", **fields))
    assert refusals(router) == [(422, "idempotency_conflict")]
    assert sent(router) == {(derived_id("m1", "send"), ANNA.phone)}
    assert [event.cause for event in router.of(MessageStatusChanged)] == ["sent-m1"]


async def test_the_same_recipient_in_another_spelling_is_the_same_message(router: Router) -> None:
    await router.handle(command(), command(id="again", to="\u202a+49 151 12345678\u202c"))
    assert refusals(router) == []
    assert len(sent(router)) == len(await router.rows("messages")) == 1


async def test_a_conversation_that_was_merged_meanwhile_is_the_same_as_it_was_asked_for(router: Router) -> None:
    await router.handle(received("L1", Party(lid=ANNA.lid)), received("P1", Party(phone=ANNA.phone)))
    rows = await router.rows("messages", wa_id="L1")
    asked = command(conversation_id=rows[0]["conversation_id"])
    await router.handle(asked, received("B1", ANNA), asked.model_copy(update={"id": "again"}))
    assert refusals(router) == []
    assert len(await router.rows("messages", direction="outbound")) == 1


async def test_the_id_of_a_message_that_came_in_is_refused(router: Router) -> None:
    """An attack: who guesses the id would learn that a text was sent, and that its text is the same."""
    await router.handle(received("A1"))
    theirs = await router.only("messages")
    await router.handle(command(theirs["_id"], text=theirs["text"]))
    assert refusals(router) == [(422, "idempotency_conflict")]


async def test_two_commands_at_once_under_one_message_id_send_one_text(router: Router) -> None:
    for number in range(10):
        asked = [command(f"m{number}", id=new_id(), to=to) for to in (ANNA.phone, BOB.phone)]
        await asyncio.gather(*(router.deliver(item) for item in asked))
    assert len(sent(router)) == len(await router.rows("messages")) == 10
    assert refusals(router) == [(422, "idempotency_conflict")] * 10


async def test_a_repetition_is_not_refused_while_the_first_command_is_being_accepted(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account loses its connection in between. The caller would take the text for not sent."""
    messages = router.context.store.messages
    add = messages.add
    repetitions: list[asyncio.Task[None]] = []

    async def add_late(*arguments: Any) -> Any:
        if not repetitions:
            await router.database["connections"].update_many({}, {"$set": {"status": "reconnecting"}})
            repetitions.append(asyncio.create_task(router.handle(command(id="again"))))
            await asyncio.wait(repetitions, timeout=0.3)  # the first command does not wait for it
        return await add(*arguments)

    monkeypatch.setattr(messages, "add", add_late)
    await router.handle(command())
    await asyncio.gather(*repetitions)
    assert refusals(router) == []
    assert len(sent(router)) == len(await router.rows("messages")) == 1


async def test_a_client_id_counts_per_user(router: Router) -> None:
    await router.handle(by("anna"), by("bert", to=BOB.phone))
    assert {to for _, to in sent(router)} == {ANNA.phone, BOB.phone}
    assert refusals(router) == []


async def test_a_client_id_of_a_user_for_another_message_is_refused(router: Router) -> None:
    await router.handle(by("anna"), by("anna", to=BOB.phone), by("anna", text="bye"))
    assert refusals(router) == [(422, "idempotency_conflict")] * 2
    assert {to for _, to in sent(router)} == {ANNA.phone}


async def test_a_repeated_client_id_is_answered_with_the_first_message(router: Router) -> None:
    first, again = by("anna"), by("anna")
    await router.handle(first, outcome(first.message_id), again)
    answer = router.of(MessageStatusChanged)[-1]
    assert (answer.cause, answer.message_id, answer.status) == (again.id, first.message_id, MessageStatus.SENT)
    assert len(sent(router)) == len(await router.rows("messages")) == 1


async def test_a_client_id_of_yesterday_is_a_new_message(router: Router) -> None:
    """Front ends count their messages anew after a reload: the same id, and perhaps the same text."""
    today = by("anna", at=START + timedelta(hours=25))
    await router.handle(by("anna"), today, by("anna", at=today.at + timedelta(hours=1)))
    assert len(sent(router)) == len(await router.rows("messages")) == 2
    assert today.message_id in {row["_id"] for row in await router.rows("messages")}


async def test_one_client_id_at_several_routers_at_once_is_one_message(router: Router) -> None:
    for number in range(10):
        late = START + timedelta(days=2 * number)  # over the claim of the round before, which is too old
        await asyncio.gather(*(router.deliver(by("anna", at=late)) for _ in range(5)))
    assert len(sent(router)) == len(await router.rows("messages")) == 10


async def test_a_client_id_is_free_again_when_nothing_was_recorded(router: Router) -> None:
    await router.database["connections"].update_many({}, {"$set": {"status": "reconnecting"}})
    await router.handle(by("anna"))
    await router.database["connections"].update_many({}, {"$set": {"status": "connected"}})
    await router.handle(by("anna", text="in other words"))
    assert refusals(router) == [(409, "instance_not_connected")]
    assert (await router.only("messages"))["text"] == "in other words"


async def test_a_message_of_the_version_before_is_known_by_text_and_recipient(router: Router) -> None:
    await router.handle(command())
    await router.database["messages"].update_many({}, {"$unset": {"fingerprint": ""}})
    await router.handle(command(id="again"), command(id="other", to=BOB.phone), command(id="bye", text="bye"))
    assert refusals(router) == [(422, "idempotency_conflict")] * 2
    assert {to for _, to in sent(router)} == {ANNA.phone}


async def test_a_socket_that_repeats_its_send_while_switchboard_is_updated_means_the_first_message(
    router: Router,
) -> None:
    """The version before derived the message's id from organization and client id, and named no user."""
    former = command(derived_id(ORG, "socket", "mine"), client_id="mine")
    await router.handle(former)
    await router.database["messages"].update_many({}, {"$unset": {"fingerprint": ""}})
    await router.handle(by("anna"), by("bert", to=BOB.phone))
    assert len(await router.rows("messages")) == 2
    assert refusals(router) == []
    assert {to for _, to in sent(router)} == {ANNA.phone, BOB.phone}


async def test_nobody_outside_sees_the_fingerprint(router: Router) -> None:
    await router.handle(command())
    assert (await router.only("messages"))["fingerprint"]
    assert not [item for item in router.published if "fingerprint" in item.model_dump_json()]
