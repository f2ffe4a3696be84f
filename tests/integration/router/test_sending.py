"""From the command to send to the last receipt."""

from datetime import timedelta

import pytest

from shared.contracts.commands import SendText
from shared.contracts.errors import Reject
from shared.contracts.events import MessageFailed, MessageRecorded, MessageStatusChanged
from shared.contracts.ids import new_id
from shared.contracts.records import MessageStatus, Party
from tests.integration.router.conftest import (
    ANNA,
    ME,
    ONE,
    ORG,
    START,
    Router,
    command,
    outcome,
    receipt,
    received,
)


def failed(*, unconfirmed: bool = False) -> MessageFailed:
    return MessageFailed(
        organization_id=ORG,
        instance_id=ONE,
        id=new_id(),
        at=START,
        message_id="m1",
        code="no_route",
        detail="why",
        unconfirmed=unconfirmed,
    )


def statuses(router: Router) -> list[str]:
    return [event.status.value for event in router.of(MessageStatusChanged)]


async def test_a_text_goes_from_queued_to_sent_to_delivered_to_read(router: Router) -> None:
    await router.handle(command(client_id="mine"))
    assert router.names() == ["ContactCreated", "MessageRecorded", "SendText"]
    recorded, sending = router.of(MessageRecorded)[0].message, router.of(SendText)[0]
    assert (recorded.status, recorded.direction, recorded.origin) == (MessageStatus.QUEUED, "outbound", "api")
    assert (recorded.from_address, recorded.to_address, recorded.client_id) == (ME.phone, ANNA.phone, "mine")
    assert (sending.message_id, sending.instance_id, sending.text) == ("m1", ONE, "hello")
    assert sending.to == Party(phone=ANNA.phone)
    await router.handle(outcome(), receipt("delivered"), receipt("read"))
    assert statuses(router) == ["sent", "delivered", "read"]
    assert {event.client_id for event in router.of(MessageStatusChanged)} == {"mine"}
    found = await router.only("messages")
    assert (found["status"], found["wa_id"]) == ("read", "W1")
    assert (await router.only("conversations"))["last_message"]["id"] == "m1"
    assert await router.rows("bookings") == []


async def test_a_text_into_a_conversation_goes_to_its_contact_and_joins_the_booking(router: Router) -> None:
    await router.handle(received("A1"))
    conversation, booking = await router.only("conversations"), await router.only("bookings")
    await router.handle(command(conversation_id=conversation["_id"]))
    message = await router.message("m1")
    assert (message.conversation_id, message.booking_id) == (conversation["_id"], booking["_id"])
    assert router.of(SendText)[0].to == ANNA


async def test_a_text_goes_out_under_the_number_of_the_phone_that_is_linked_now(router: Router) -> None:
    await router.handle(command("m1"))
    another = {"$set": {"phone_number": "4917099999999", "lid": "1"}}
    await router.database["connections"].update_one({"_id": ONE}, another)
    router.context.store.instances.on_number_linked(ORG, ONE, "4917099999999")  # by ConnectionChanged
    await router.handle(command("m2"))
    assert [(await router.message(i)).from_address for i in ("m1", "m2")] == [ME.phone, "4917099999999"]


async def test_a_text_to_the_owner_is_a_note(router: Router) -> None:
    await router.handle(command(to=ME.phone))
    message = await router.message("m1")
    assert (message.kind, message.contact_id, message.conversation_id) == ("note", None, None)
    assert router.names() == ["MessageRecorded", "SendText"]


async def test_receipts_before_the_outcome_count_once_the_message_is_named(router: Router) -> None:
    await router.handle(command(), receipt("delivered"), receipt("read"))
    assert statuses(router) == []
    await router.handle(outcome())
    assert statuses(router) == ["sent", "read"]
    assert (await router.message("m1")).status is MessageStatus.READ


async def test_one_receipt_for_several_messages_moves_them_all(router: Router) -> None:
    await router.handle(command("m1"), command("m2"), outcome("m1", "W1"), outcome("m2", "W2"))
    await router.handle(receipt("read", "W1", "W2", "W9"))
    assert [row["status"] for row in await router.rows("messages")] == ["read", "read"]


async def test_a_failure_is_told_with_its_reason(router: Router) -> None:
    await router.handle(command(), failed())
    message = await router.message("m1")
    assert (message.status, message.error) == (MessageStatus.FAILED, "no_route: why")
    assert router.of(MessageStatusChanged)[0].error == "no_route: why"
    assert router.of(MessageStatusChanged)[0].conversation_id == (await router.only("conversations"))["_id"]


async def test_a_receipt_beats_a_failure(router: Router) -> None:
    await router.handle(command(), outcome(), failed(), receipt("delivered"), failed())
    message = await router.message("m1")
    assert (message.status, message.error) == (MessageStatus.DELIVERED, None)


async def test_an_unconfirmed_message_is_recognised_by_the_receivers_receipt(router: Router) -> None:
    await router.handle(command(), failed(unconfirmed=True))
    assert (await router.message("m1")).status is MessageStatus.UNCONFIRMED
    await router.handle(receipt("delivered", "W7"))
    message = await router.message("m1")
    assert (message.status, message.wa_id) == (MessageStatus.DELIVERED, "W7")
    assert statuses(router) == ["unconfirmed", "delivered"]


async def test_of_two_unconfirmed_messages_none_is_guessed(router: Router) -> None:
    await router.handle(command("m1"), command("m2"), failed(unconfirmed=True))
    await router.handle(failed(unconfirmed=True).model_copy(update={"message_id": "m2"}), receipt("delivered", "W7"))
    assert {row["status"] for row in await router.rows("messages")} == {"unconfirmed"}


async def test_a_receipt_that_may_mean_a_queued_message_is_not_guessed_about(router: Router) -> None:
    await router.handle(command("m1"), failed(unconfirmed=True), command("m2"), receipt("delivered", "W2"))
    assert (await router.message("m1")).status is MessageStatus.UNCONFIRMED
    await router.handle(outcome("m2", "W2"))
    assert (await router.message("m2")).status is MessageStatus.DELIVERED


async def test_a_wrongly_recognised_message_gives_the_id_back_to_its_owner(router: Router) -> None:
    await router.handle(command("m1"), failed(unconfirmed=True), receipt("delivered", "W2"))
    await router.handle(received("W2", ME, chat=ANNA, from_me=True))
    typed = await router.only("messages", wa_id="W2")
    assert (typed["origin"], typed["status"]) == ("phone", "delivered")
    guessed = await router.message("m1")
    assert (guessed.status, guessed.wa_id) == (MessageStatus.UNCONFIRMED, None)

    await router.handle(receipt("delivered", "W3"), command("m3"), outcome("m3", "W3"))
    third = await router.message("m3")
    assert (third.status, third.wa_id) == (MessageStatus.DELIVERED, "W3")
    assert (await router.message("m1")).status is MessageStatus.UNCONFIRMED


async def test_the_same_message_id_is_recorded_and_sent_once(router: Router) -> None:
    await router.handle(command(), command(), command(id="asked-again"))
    assert len(await router.rows("messages")) == 1
    assert len({item.id for item in router.of(SendText)}) == 1
    await router.handle(outcome(), command(id="and-again", at=START + timedelta(hours=1)))
    answer = router.of(MessageStatusChanged)[-1]
    assert (answer.status, answer.cause) == (MessageStatus.SENT, "and-again")
    assert router.names()[-1] == "MessageStatusChanged"


async def test_an_outcome_of_an_unknown_message_is_rejected(router: Router) -> None:
    for event in (outcome("nothing"), failed()):
        with pytest.raises(Reject):
            await router.handle(event)


@pytest.mark.parametrize("to", ["\u202a+49 151 12345678\u202c", "https://wa.me/4915112345678", "+٤٩١٥١١٢٣٤٥٦٧٨"])
async def test_a_number_is_understood_as_people_copy_it(router: Router, to: str) -> None:
    await router.handle(command(to=to))
    assert router.of(SendText)[0].to == Party(phone=ANNA.phone)


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (None, timedelta(hours=1)),
        (timedelta(minutes=5), timedelta(minutes=5)),
        (timedelta(days=300), timedelta(days=1)),
        (timedelta(seconds=-5), timedelta(seconds=-5)),
    ],
    ids=str,
)
async def test_a_text_carries_how_long_it_may_wait(router: Router, asked: timedelta | None, kept: timedelta) -> None:
    await router.handle(command(expires_at=asked and START + asked))
    assert router.of(SendText)[0].expires_at == START + kept


async def test_a_repetition_does_not_prolong_what_waits(router: Router) -> None:
    """Else a client that repeats its send would prolong a text that is outdated."""
    later = START + timedelta(minutes=50)
    await router.handle(command(), command(id="again", at=later, expires_at=later + timedelta(hours=1)))
    assert [item.expires_at for item in router.of(SendText)] == [START + timedelta(hours=1)] * 2
