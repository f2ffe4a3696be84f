"""A user merges two contacts: once, whatever comes again or happens at the same moment; a split undoes it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.router.rules.contact_identity import conversation_id
from services.router.store import contact_merge
from shared.contracts.commands import MergeContacts, RenameContact, SplitContact
from shared.contracts.events import BookingUpdated, CommandRefused, ContactCreated, ContactUpdated
from shared.contracts.records import Party
from tests.integration.router.conftest import LID, ONE, ORG, START, Router, command, received
from tests.integration.router.test_contact_merge import in_the_transaction
from tests.integration.router.test_recent_contacts import replica_of

ANNA, BERT = Party(phone="4915112345678"), Party(phone="4915187654321")


def merge(contact_id: str, other_id: str, **fields: Any) -> MergeContacts:
    given: dict[str, Any] = {"organization_id": ORG, "id": f"merge {contact_id} {other_id}", "at": START}
    return MergeContacts(contact_id=contact_id, other_id=other_id, **given | fields)


def split(contact_id: str, merged_id: str) -> SplitContact:
    return SplitContact(id="split", at=START, organization_id=ORG, contact_id=contact_id, merged_id=merged_id)


async def contacts(router: Router, *parties: Party) -> list[str]:
    """The ids of contacts who wrote one after the other."""
    for minute, party in enumerate(parties):
        await router.handle(received(f"A{minute}1", party, minute=minute, push_name=f"name {minute}"))
    return [event.contact.id for event in router.of(ContactCreated)]


def refusals(router: Router) -> list[tuple[int, str]]:
    return [(event.status, event.code) for event in router.of(CommandRefused)]


async def test_everything_of_the_other_belongs_to_the_contact_and_comes_back(router: Router) -> None:
    lid_only, anna = await contacts(router, LID, ANNA)
    before = await router.state()
    await router.handle(merge(anna, lid_only))
    event = router.of(ContactUpdated)[-1]
    assert (event.contact.id, event.contact.phone_number, event.contact.lid) == (anna, ANNA.phone, LID.lid)
    assert event.merged_ids == (lid_only,)
    assert [row["_id"] for row in await router.rows("contacts")] == [anna]
    assert {row["contact_id"] for row in await router.rows("messages")} == {anna}
    assert [row["_id"] for row in await router.rows("conversations")] == [conversation_id(ONE, anna)]
    [cancelled] = router.of(BookingUpdated)
    assert cancelled.booking.status == "cancelled"
    await router.handle(received("L2", LID, minute=5))
    assert len(await router.rows("contacts")) == 1
    await router.handle(split(anna, lid_only))
    after = await router.state()
    assert [row["_id"] for row in after["contacts"]] == [row["_id"] for row in before["contacts"]]
    mine = {row["_id"]: row["contact_id"] for row in before["messages"]}
    assert {row["_id"]: row["contact_id"] for row in after["messages"]}.items() >= mine.items()
    assert sorted(row["contact_id"] for row in after["messages"]) == sorted([lid_only, lid_only, anna])
    assert [row["open"] for row in after["bookings"]] == [True, True]


async def test_a_command_that_comes_again_is_answered_and_merges_nothing_twice(router: Router) -> None:
    lid_only, anna = await contacts(router, LID, ANNA)
    await router.handle(merge(anna, lid_only), merge(anna, lid_only))
    assert {event.id for event in router.of(ContactUpdated)} == {router.of(ContactUpdated)[0].id}
    assert [event.merged_ids for event in router.of(ContactUpdated)] == [(lid_only,)] * 2
    await router.handle(split(anna, lid_only))
    await router.handle(merge(anna, lid_only))
    assert router.of(ContactUpdated)[-1].merged_ids == ()
    assert len(await router.rows("contacts")) == 2
    assert refusals(router) == []
    await router.handle(merge(anna, lid_only, id="another"))
    assert len(await router.rows("contacts")) == 1


async def test_contacts_that_were_split_and_merged_by_hand_are_not_split_by_messages(router: Router) -> None:
    lid_only, anna = await contacts(router, LID, ANNA)
    await router.handle(merge(anna, lid_only), split(anna, lid_only), merge(anna, lid_only, id="again"))
    for number in range(3):
        await router.deliver(received(f"B{number}", LID if number % 2 else ANNA, minute=9 + number))
    assert {row["contact_id"] for row in await router.rows("messages")} == {anna}
    assert (await router.only("contacts"))["apart_from"] == []


async def test_two_numbers_are_merged_only_when_the_user_insists(router: Router) -> None:
    anna, bert = await contacts(router, ANNA, BERT)
    await router.handle(merge(anna, bert))
    [refused] = router.of(CommandRefused)
    assert (refused.code, list(refused.extra["phone_numbers"])) == ("contacts_have_numbers", [ANNA.phone, BERT.phone])
    assert len(await router.rows("contacts")) == 2
    await router.handle(merge(anna, bert, id="insists", anyway=True))
    assert (await router.only("contacts"))["phone_number"] == ANNA.phone
    await router.handle(received("B1", BERT, minute=7))
    assert len(await router.rows("contacts")) == 1
    await router.handle(split(anna, bert))
    assert [row["phone_number"] for row in await router.rows("contacts", _id=bert)] == [BERT.phone]


async def test_a_text_goes_to_the_number_that_wrote_last(router: Router) -> None:
    parties = [Party(phone=one.phone, lid=lid) for one, lid in ((ANNA, "501"), (BERT, "502"))]
    anna, bert = await contacts(router, *parties)
    await router.handle(merge(anna, bert, anyway=True))
    thread = conversation_id(ONE, anna)
    for turn, party in enumerate([parties[1], parties[0], parties[1]]):
        await router.deliver(received(f"C{turn}", party, minute=10 + turn))
        await router.deliver(command(f"m{turn}", conversation_id=thread, at=START + timedelta(minutes=10 + turn)))
        assert (await router.message(f"m{turn}")).to_address == party.phone
    await router.handle(split(anna, bert))
    numbers = {row["_id"]: row["phone_number"] for row in await router.rows("contacts")}
    assert numbers == {anna: ANNA.phone, bert: BERT.phone}


async def test_two_forms_of_one_number_need_no_insisting(router: Router) -> None:
    one, other = await contacts(router, Party(phone="5511987654321"), Party(phone="551187654321"))
    await router.handle(merge(one, other))
    assert refusals(router) == []
    assert (await router.only("contacts"))["phone_number"] == "5511987654321"


async def test_a_name_that_a_user_gave_holds_in_the_merged_contact(router: Router) -> None:
    lid_only, anna = await contacts(router, LID, ANNA)
    await router.handle(RenameContact(organization_id=ORG, contact_id=lid_only, name="Anna S.", at=START))
    await router.handle(merge(anna, lid_only))
    assert (await router.only("contacts"))["name"] == "Anna S."
    await router.handle(split(anna, lid_only))
    names = {row["_id"]: row["name"] for row in await router.rows("contacts")}
    assert names == {anna: "name 1", lid_only: "Anna S."}


@pytest.mark.parametrize("which", ["itself", "nobody", "other nobody", "foreign"])
async def test_what_cannot_be_merged_is_refused(router: Router, which: str) -> None:
    [anna] = await contacts(router, ANNA)
    commands = {
        "itself": merge(anna, anna),
        "nobody": merge("nobody", anna),
        "other nobody": merge(anna, "nobody"),
        "foreign": merge(anna, anna, organization_id="other"),
    }
    await router.handle(commands[which])
    assert refusals(router) == [(422, "same_contact") if which == "itself" else (404, "contact_not_found")]
    assert len(await router.rows("contacts")) == 1


async def test_of_two_who_merge_in_opposite_directions_one_succeeds(router: Router) -> None:
    lid_only, anna = await contacts(router, LID, ANNA)
    await asyncio.gather(router.deliver(merge(anna, lid_only)), router.deliver(merge(lid_only, anna)))
    left = await router.only("contacts")
    assert {row["contact_id"] for row in await router.rows("messages")} == {left["_id"]}
    assert refusals(router) in ([], [(404, "contact_not_found")])
    assert [event.contact.id for event in router.of(ContactUpdated)] == [left["_id"]]


async def test_a_message_that_arrives_in_the_middle_belongs_to_the_contact_that_is_left(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    lid_only, anna = await contacts(router, LID, ANNA)
    other_router = await replica_of(router)

    async def meanwhile() -> None:
        await other_router.deliver(received("L7", LID, minute=8))

    in_the_transaction(monkeypatch, contact_merge, "_move_bookings", meanwhile)
    await router.deliver(merge(anna, lid_only))
    await router.deliver(received("L7", LID, minute=8))
    await router.deliver(command("m1", to=f"{LID.lid}@lid"))
    assert {row["contact_id"] for row in await router.rows("messages")} == {anna}
    assert len(await router.rows("conversations")) == 1
