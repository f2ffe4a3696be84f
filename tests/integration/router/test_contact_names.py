"""A name that a user gave a contact holds against names from WhatsApp, until the user takes it back."""

import asyncio
from datetime import timedelta
from typing import Any

from services.router.rules.contact_names import MAX_RENAMES
from shared.contracts.commands import ExpectedName, RenameContact, SplitContact
from shared.contracts.events import CommandRefused, ContactUpdated
from shared.contracts.records import Contact
from shared.platform.documents import from_document
from tests.integration.router.conftest import ANNA, LID, ORG, PHONE, START, Router, received
from tests.integration.router.test_recent_contacts import remembers, replica_of

LATER = START + timedelta(days=1)


def rename(contact_id: str, name: str | None, *, at: int = 0, **fields: Any) -> RenameContact:
    """Decided at the second `at`. `expected`: the name that the user saw."""
    if "expected" in fields:
        fields["expected"] = ExpectedName(name=fields["expected"])
    given: dict[str, Any] = {"organization_id": ORG, "at": LATER + timedelta(seconds=at), "id": f"{name} {at}"}
    return RenameContact(contact_id=contact_id, name=name, **given | fields)


async def known(router: Router, push_name: str | None = "ann", **fields: Any) -> str:
    """The id of a contact who has written."""
    await router.handle(received("A1", push_name=push_name, **fields))
    return str((await router.only("contacts"))["_id"])


async def shown(router: Router, contact_id: str) -> Contact:
    return from_document(Contact, await router.only("contacts", _id=contact_id))


def refusals(router: Router) -> list[tuple[int, str]]:
    return [(event.status, event.code) for event in router.of(CommandRefused)]


async def test_a_given_name_stays_when_the_contact_writes_under_others(router: Router) -> None:
    contact_id = await known(router)
    await router.handle(rename(contact_id, "Anna Schmidt"))
    [event] = router.of(ContactUpdated)
    assert (event.contact.name, event.contact.given_name, event.contact.whatsapp_name) == (
        "Anna Schmidt",
        "Anna Schmidt",
        "ann",
    )
    for minute, push_name in enumerate(("Annie", "Anna B.", "Annie"), start=1):
        await router.deliver(received(f"A{minute + 1}", push_name=push_name, minute=minute))
    contact = await shown(router, contact_id)
    assert (contact.name, contact.whatsapp_name) == ("Anna Schmidt", "Annie")
    assert (await router.only("contacts"))["sort_name"] == "anna schmidt"


async def test_the_name_from_whatsapp_returns_with_what_was_learnt_meanwhile(router: Router) -> None:
    contact_id = await known(router)
    await router.handle(rename(contact_id, "Anna"), received("A2", push_name="Annie", minute=1))
    await router.handle(rename(contact_id, None, at=1))
    contact = await shown(router, contact_id)
    assert (contact.name, contact.given_name, contact.whatsapp_name) == ("Annie", None, None)
    assert "annie" in (await router.only("contacts"))["search_parts"]
    await router.handle(received("A3", push_name="Ann B.", minute=2))
    assert (await shown(router, contact_id)).name == "Ann B."


async def test_a_given_name_that_equals_the_one_from_whatsapp_holds_too(router: Router) -> None:
    contact_id = await known(router, "Anna")
    await router.handle(rename(contact_id, "Anna"), received("A2", push_name="🌸", minute=1))
    await router.handle(received("A3", push_name="Annie", minute=2))
    contact = await shown(router, contact_id)
    assert (contact.name, contact.whatsapp_name) == ("Anna", "Annie")


async def test_a_contact_without_a_name_gets_one_and_loses_it(router: Router) -> None:
    contact_id = await known(router, None)
    await router.handle(rename(contact_id, "Anna", expected=None), rename(contact_id, None, at=1, expected="Anna"))
    assert (await shown(router, contact_id)).name is None
    assert refusals(router) == []


async def test_the_later_of_two_names_holds_whichever_comes_first_or_again(router: Router) -> None:
    contact_id = await known(router)
    first, then = rename(contact_id, "Anna"), rename(contact_id, "Bert", at=1)
    await router.handle(then, first, then, first)
    assert (await shown(router, contact_id)).name == "Bert"
    assert refusals(router) == []
    assert {event.contact.name for event in router.of(ContactUpdated)} == {"Bert"}


async def test_of_two_who_rename_at_once_one_does_and_the_other_sees_the_name(router: Router) -> None:
    contact_id = await known(router)
    commands = [rename(contact_id, name, expected="ann") for name in ("Anna", "Bert")]
    await asyncio.gather(*(router.deliver(command) for command in commands))
    [updated], [refused] = router.of(ContactUpdated), router.of(CommandRefused)
    assert refusals(router) == [(409, "contact_changed")]
    assert refused.extra["contact"]["name"] == updated.contact.name == (await shown(router, contact_id)).name
    assert {updated.cause, refused.cause} == {command.id for command in commands}


async def test_a_command_that_was_carried_out_succeeds_again_and_changes_nothing(router: Router) -> None:
    contact_id = await known(router)
    first = rename(contact_id, "Anna", expected="ann")
    await router.handle(first, first, rename(contact_id, "Bert", at=1, expected="Anna"), first)
    assert (refusals(router), (await shown(router, contact_id)).name) == ([], "Bert")
    assert len({event.id for event in router.of(ContactUpdated) if event.cause == first.id}) == 1
    back = rename(contact_id, "ann", at=2, expected="Bert")
    await router.handle(back, first)
    assert (await shown(router, contact_id)).name == "ann"


async def test_an_expected_name_decides_though_the_clock_of_the_issuer_is_behind(router: Router) -> None:
    contact_id = await known(router)
    await router.handle(rename(contact_id, "Anna", at=1_000_000), rename(contact_id, "Bert", expected="Anna"))
    assert (await shown(router, contact_id)).name == "Bert"


async def test_the_commands_that_a_contact_keeps_are_bounded(router: Router) -> None:
    contact_id = await known(router)
    for number in range(MAX_RENAMES + 3):
        await router.handle(rename(contact_id, f"Anna {number}", at=number))
    assert len((await router.only("contacts"))["renames"]) == MAX_RENAMES


async def test_a_name_given_beside_messages_under_other_names_holds(router: Router) -> None:
    contact_id = await known(router)
    for turn in range(20):
        await asyncio.gather(
            router.deliver(received(f"A{turn}5", push_name=f"push {turn}", minute=turn + 1)),
            router.deliver(rename(contact_id, f"name {turn}", at=turn)),
        )
        contact = await shown(router, contact_id)
        assert (contact.name, contact.whatsapp_name) == (f"name {turn}", f"push {turn}")


async def test_a_router_that_remembers_the_contact_keeps_the_name_that_another_gave(router: Router) -> None:
    """The event about the name does not arrive."""
    contact_id = await known(router)
    await router.handle(received("A2", push_name="ann", minute=1))
    assert remembers(router)
    await (await replica_of(router)).handle(rename(contact_id, "Anna"))
    assert remembers(router)
    await router.deliver_together(received("A3", push_name="ann", minute=2))
    await router.deliver_together(received("A4", push_name="Annie", minute=3))
    contact = await shown(router, contact_id)
    assert (contact.name, contact.whatsapp_name) == ("Anna", "Annie")


async def test_a_merge_keeps_the_given_name_and_a_split_returns_it(router: Router) -> None:
    await router.handle(received("A1", PHONE, push_name="phone"), received("A2", LID, push_name="lid", minute=1))
    older, younger = [row["_id"] for row in sorted(await router.rows("contacts"), key=lambda row: row["created_at"])]
    await router.handle(rename(younger, "Anna"), received("A3", ANNA, push_name="both", minute=2))
    merged = await shown(router, older)
    assert (merged.name, merged.given_name, merged.whatsapp_name) == ("Anna", "Anna", "both")
    await router.handle(SplitContact(id="split", at=LATER, organization_id=ORG, contact_id=older, merged_id=younger))
    stayed, back = await shown(router, older), await shown(router, younger)
    assert (stayed.given_name, stayed.whatsapp_name, back.name, back.given_name) == (None, None, "Anna", "Anna")
    assert stayed.name != "Anna"


async def test_the_later_given_name_of_two_merged_contacts_holds_and_each_gets_its_own_back(router: Router) -> None:
    await router.handle(received("A1", PHONE, push_name="phone"), received("A2", LID, push_name="lid", minute=1))
    older, younger = [row["_id"] for row in sorted(await router.rows("contacts"), key=lambda row: row["created_at"])]
    await router.handle(rename(older, "Old"), rename(younger, "Young", at=1), received("A3", ANNA, minute=2))
    assert (await shown(router, older)).name == "Young"
    await router.handle(SplitContact(id="s", at=LATER, organization_id=ORG, contact_id=older, merged_id=younger))
    assert [(await shown(router, one)).name for one in (older, younger)] == ["Old", "Young"]


async def test_a_name_given_after_a_merge_stays_with_the_contact_that_stays(router: Router) -> None:
    await router.handle(received("A1", PHONE, push_name="phone"), received("A2", LID, push_name="lid", minute=1))
    older, younger = [row["_id"] for row in sorted(await router.rows("contacts"), key=lambda row: row["created_at"])]
    await router.handle(rename(younger, "Young"), received("A3", ANNA, minute=2), rename(older, "Both", at=1))
    await router.handle(SplitContact(id="s", at=LATER, organization_id=ORG, contact_id=older, merged_id=younger))
    assert [(await shown(router, one)).name for one in (older, younger)] == ["Both", "Young"]


async def test_an_unknown_contact_and_one_of_another_organization_are_not_found(router: Router) -> None:
    contact_id = await known(router)
    await router.handle(rename("nobody", "x"), rename(contact_id, "x", organization_id="other"))
    assert refusals(router) == [(404, "contact_not_found")] * 2
    assert (await shown(router, contact_id)).name == "ann"
