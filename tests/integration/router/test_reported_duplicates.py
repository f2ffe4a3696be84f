"""Ways in which users of other gateways got two contacts or chats for one person."""

import dataclasses
import random
from collections.abc import Sequence

import pytest

from shared.contracts.commands import SendText
from shared.contracts.message import Message
from shared.contracts.queries import NumberOwner
from shared.contracts.records import Party
from tests.integration.router.conftest import ANNA, LID, ME, PHONE, Router, command, outcome, received

LONG, SHORT = "5562999887766", "556299887766"
REPORTED: dict[str, Sequence[Message]] = {
    "a call under the LID of a known person": [
        received("A1"),
        received("C1", LID, minute=1, type="missed_call", text=None),
    ],
    "a LID whose number is told later": [received("A1", LID), received("A2", LID, minute=1), received("A3", minute=2)],
    "written to by number, answers under the LID": [command("m1"), received("A1", LID, minute=1), received("A2")],
    "sends by number and by LID": [
        received("A1"),
        command("m1"),
        command("m2", to=f"{ANNA.lid}@lid"),
        outcome("m1", "W1"),
        outcome("m2", "W2"),
    ],
    "the owner's phone names the LID, the contact its number": [
        received("P1", ME, from_me=True, chat=LID),
        received("A1", PHONE, minute=1),
        received("A2", minute=2),
    ],
}


@pytest.mark.parametrize("events", REPORTED.values(), ids=REPORTED)
@pytest.mark.parametrize("seed", range(3), indirect=True)
async def test_one_person_is_one_contact_with_one_chat(router: Router, events: Sequence[Message], seed: int) -> None:
    again = list(events)
    random.Random(seed).shuffle(again)
    for event in [*events, *again]:
        await router.deliver(event)
    contact = await router.only("contacts")
    assert {message["contact_id"] for message in await router.rows("messages")} == {contact["_id"]}
    assert (await router.only("conversations"))["contact_id"] == contact["_id"]


async def test_a_person_known_by_a_lid_only_is_one_contact_that_can_be_answered(router: Router) -> None:
    await router.handle(received("A1", LID), received("A2", LID, minute=1))
    conversation = await router.only("conversations")
    await router.handle(command("m1", conversation_id=conversation["_id"]))
    (sent,) = router.of(SendText)
    assert (sent.to.lid, sent.to.phone) == (ANNA.lid, None)
    await router.only("contacts")


@pytest.mark.parametrize("party", [ME, Party(phone=ME.phone), Party(lid=ME.lid)], ids=str)
async def test_who_writes_to_himself_is_no_contact(router: Router, party: Party) -> None:
    await router.handle(received("N1", ME, from_me=True, chat=party), command("m1", to=str(ME.phone)))
    assert await router.rows("contacts") == []
    assert {message["kind"] for message in await router.rows("messages")} == {"note"}


async def test_a_number_saved_with_the_ninth_digit_writes_without_it(router: Router) -> None:
    async def whose_number(_organization_id: str, _instance_id: str, _number: str) -> NumberOwner:
        return NumberOwner(phone=SHORT)

    asking = dataclasses.replace(router, context=dataclasses.replace(router.context, find_number_owner=whose_number))
    await asking.handle(command("m1", to=LONG), received("A1", Party(phone=SHORT, lid="77"), minute=1))
    await asking.handle(received("A2", Party(lid="77"), minute=2), command("m2", to=SHORT))
    await asking.only("contacts")
    await asking.only("conversations")
