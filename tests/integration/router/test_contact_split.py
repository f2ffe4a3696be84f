"""A merge that was wrong is undone by a person: everything is as if the two had never been one."""

from typing import Any

from services.router.rules.contact_identity import ContactObservation, conversation_id
from shared.contracts.commands import SplitContact
from shared.contracts.events import CommandRefused, ContactCreated, ContactUpdated
from shared.contracts.records import Party
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
    outcome,
    received,
)


def split(contact_id: str, merged_id: str, key: str = "split") -> SplitContact:
    return SplitContact(id=key, at=START, organization_id=ORG, contact_id=contact_id, merged_id=merged_id)


async def merged(router: Router) -> tuple[str, str]:
    """Two contacts with a message and a booking each, then a third message under both addresses; older and younger."""
    await router.handle(received("A1", PHONE), received("B1", LID, minute=1))
    older, younger = (item.contact.id for item in router.of(ContactCreated))
    await router.handle(received("AB", minute=2))
    assert (await router.only("contacts"))["_id"] == older
    return older, younger


async def places(router: Router) -> dict[str, Any]:
    return {message["wa_id"]: message["contact_id"] for message in await router.rows("messages")}


async def test_the_contact_comes_back_with_all_that_was_its_own(router: Router) -> None:
    older, younger = await merged(router)
    await router.handle(received("B2", LID, minute=3), received("A2", PHONE, minute=4))
    await router.deliver(split(older, younger))
    contacts = {contact["_id"]: contact for contact in await router.rows("contacts")}
    assert {key: contact["aliases"] for key, contact in contacts.items()} == {
        older: PHONE.aliases,
        younger: LID.aliases,
    }
    assert (contacts[older]["lid"], contacts[older]["merges"], contacts[younger]["phone_number"]) == (None, [], None)
    assert await places(router) == {"A1": older, "A2": older, "AB": older, "B1": younger, "B2": younger}
    for contact_id, wa_id in ((older, "A2"), (younger, "B2")):
        conversation = await router.only("conversations", contact_id=contact_id)
        assert conversation["_id"] == conversation_id(ONE, contact_id)
        assert conversation["last_message"]["text"] == f"text {wa_id}"
        booking = await router.only("bookings", contact_id=contact_id)
        assert (booking["status"], booking["open"]) == ("pending", True)
    reasons = [note.get("reason") for note in (await router.only("bookings", contact_id=younger))["history"]]
    assert reasons == [None, "contacts_merged", "contacts_split"]


async def test_a_conversation_that_comes_back_knows_the_last_message_of_its_last_second(router: Router) -> None:
    older, younger = await merged(router)
    for key in ("B2", "B3", "B4"):
        await router.handle(received(key, LID, minute=3))
    await router.deliver(split(older, younger))
    conversation = await router.only("conversations", contact_id=younger)
    assert conversation["inbound_key"] == conversation["order_key"] == arrival("B4", minute=3)
    assert conversation["last_message"]["text"] == "text B4"


async def test_who_wanted_to_move_messages_before_a_split_moves_none_after_it(router: Router) -> None:
    older, younger = await merged(router)
    await router.deliver(split(older, younger))
    seen = ContactObservation(ORG, ANNA, None, "late", START)
    await router.context.store.contacts.reassign(seen, younger, older)
    assert await places(router) == {"A1": older, "AB": older, "B1": younger}


async def test_both_contacts_are_published(router: Router) -> None:
    older, younger = await merged(router)
    router.published.clear()
    await router.handle(split(older, younger))
    assert [event.contact.id for event in router.of(ContactCreated)] == [younger]
    assert [event.contact.id for event in router.of(ContactUpdated)] == [older]


async def test_split_contacts_are_not_merged_again_by_a_message_with_both_addresses(router: Router) -> None:
    older, younger = await merged(router)
    await router.handle(split(older, younger))
    both = Party(phone=PHONE.phone, lid=LID.lid)
    await router.deliver(received("AB", minute=2))
    await router.deliver(received("X", both, minute=5))
    await router.deliver(received("Y", LID, minute=6))
    assert len(await router.rows("contacts")) == 2
    assert await places(router) == {"A1": older, "B1": younger, "AB": older, "X": older, "Y": younger}


async def test_a_third_address_reaches_who_it_belongs_to(router: Router) -> None:
    older, younger = await merged(router)
    await router.handle(split(older, younger))
    await router.deliver(received("Z", Party(phone="4915100000001", lid=LID.lid), minute=5))
    assert (await places(router))["Z"] == younger
    assert len(await router.rows("contacts")) == 2


async def test_the_same_command_again_changes_nothing(router: Router) -> None:
    older, younger = await merged(router)
    await router.handle(split(older, younger))
    before = await router.state()
    await router.handle(split(older, younger))
    assert await router.state() == before


async def test_messages_sent_since_the_merge_return_too(router: Router) -> None:
    older, younger = await merged(router)
    await router.handle(command("m1", to="111@lid"), outcome("m1", "W1"))
    await router.handle(split(older, younger))
    assert (await places(router))["W1"] in (older, younger)
    assert len(await router.rows("conversations")) == 2


async def test_of_three_the_last_one_returns_with_what_it_had_absorbed(router: Router) -> None:
    third = Party(phone="4915100000001")
    await router.handle(received("C", third), received("A", PHONE, minute=1), received("B", LID, minute=2))
    await router.handle(received("AB", minute=3))
    await router.deliver(received("ABC", Party(phone=third.phone, lid=LID.lid), minute=4))
    oldest = (await router.only("contacts"))["_id"]
    middle, youngest = (item.contact.id for item in router.of(ContactCreated)[1:])
    await router.deliver(split(oldest, middle))
    assert await places(router) == {"C": oldest, "ABC": oldest, "A": middle, "B": middle, "AB": middle}
    await router.deliver(split(middle, youngest, "again"))
    assert (await places(router))["B"] == youngest
    assert len(await router.rows("contacts")) == 3


async def test_contacts_that_were_never_merged_are_not_split(router: Router) -> None:
    older, _ = await merged(router)
    await router.handle(split(older, "nobody"), split("nobody", older, "other"))
    assert [event.code for event in router.of(CommandRefused)] == ["contact_not_merged", "contact_not_found"]
