"""A number is given up by one account and given to another: a new person under an old number."""

import itertools
from typing import Any

import pytest

from services.router.store import open_store
from shared.contracts.commands import SendText
from shared.contracts.events import ContactCreated, ContactUpdated, MessageReceived
from shared.contracts.records import Party
from shared.platform.mongo import Database
from tests.integration.router.conftest import Router, command, open_router, received

OLD, NEW = "4915112345678", "4915187654321"
CARLOS, MOVED, DORA = Party(phone=OLD, lid="111"), Party(phone=NEW, lid="111"), Party(phone=OLD, lid="222")


def said(wa_id: str, party: Party, minute: int, **fields: Any) -> MessageReceived:
    return received(wa_id, party, minute=minute, **fields)


async def people(router: Router) -> dict[str, tuple[str | None, list[str]]]:
    """By LID: the number shown, and the texts."""
    found = {}
    for contact in await router.rows("contacts"):
        written = await router.rows("messages", contact_id=contact["_id"])
        found[contact["lid"]] = (contact["phone_number"], sorted(str(item["wa_id"]) for item in written))
    return found


HISTORY = [said("C1", CARLOS, 0), said("C2", MOVED, 1), said("D1", DORA, 2)]
APART = {"111": (NEW, ["C1", "C2"]), "222": (OLD, ["D1"])}


async def test_the_new_owner_of_a_number_is_a_new_person(router: Router) -> None:
    for event in HISTORY:
        await router.deliver(event)
    assert await people(router) == APART
    assert len(await router.rows("conversations")) == len(await router.rows("bookings")) == 2
    carlos, dora = (event.contact for event in router.of(ContactCreated))
    assert (carlos.lid, dora.lid, dora.phone_number) == ("111", "222", OLD)
    assert [event.contact.id for event in router.of(ContactUpdated)] == [carlos.id, carlos.id]
    assert {len({event.id for event in router.of(ContactUpdated)}), len(router.of(ContactUpdated))} == {2}


async def test_it_stays_so_whatever_comes_again(router: Router) -> None:
    for event in [*HISTORY, *HISTORY]:
        await router.deliver(event)
    await router.deliver(said("D2", Party(phone=OLD), 3))
    await router.deliver(said("C3", Party(lid="111"), 4))
    await router.deliver(said("C4", Party(phone=NEW), 5))
    await router.deliver(said("D3", DORA, 6))
    assert await people(router) == {"111": (NEW, ["C1", "C2", "C3", "C4"]), "222": (OLD, ["D1", "D2", "D3"])}
    await router.handle(command("m1", to=OLD), command("m2", to=NEW))
    assert [sent.to.lid for sent in router.of(SendText)] == ["222", "111"]


async def test_a_message_from_before_the_change_that_comes_late_takes_the_number_back_from_nobody(
    router: Router,
) -> None:
    for event in HISTORY:
        await router.deliver(event)
    await router.deliver(said("C0", CARLOS, 0))
    await router.deliver(said("D2", DORA, 3))
    assert await people(router) == {"111": (NEW, ["C0", "C1", "C2"]), "222": (OLD, ["D1", "D2"])}


async def test_who_was_met_under_the_lid_first_takes_the_number_too(router: Router) -> None:
    await router.deliver(said("D0", Party(lid="222"), 0))
    for event in HISTORY:
        await router.deliver(event)
    assert await people(router) == {"111": (NEW, ["C1", "C2"]), "222": (OLD, ["D0", "D1"])}


async def test_a_known_person_takes_over_the_number_of_another_known_person(router: Router) -> None:
    """Eve gave up her number, and her new one is unknown; Carlos has the old one now."""
    eve = Party(phone=NEW, lid="333")
    await router.deliver(said("E1", eve, 0))
    await router.deliver(said("C1", CARLOS, 1))
    await router.deliver(said("C2", MOVED, 2))
    assert await people(router) == {"333": (None, ["E1"]), "111": (NEW, ["C1", "C2"])}
    *_, of_eve, of_carlos = router.of(ContactUpdated)
    assert (of_eve.contact.lid, of_eve.contact.phone_number) == ("333", None)
    assert (of_carlos.contact.lid, of_carlos.contact.phone_number) == ("111", NEW)
    await router.deliver(said("E2", Party(phone="4915100000000", lid="333"), 3))
    assert (await people(router))["333"] == ("4915100000000", ["E1", "E2"])


async def test_who_moves_back_to_his_old_number_has_it_again(router: Router) -> None:
    for event in HISTORY:
        await router.deliver(event)
    await router.deliver(said("D2", Party(phone="4915100000000", lid="222"), 3))
    await router.deliver(said("C3", CARLOS, 4))
    assert await people(router) == {"111": (OLD, ["C1", "C2", "C3"]), "222": ("4915100000000", ["D1", "D2"])}


async def test_the_same_person_who_registers_anew_has_a_new_lid(router: Router) -> None:
    """Nothing says that the old LID has another number."""
    await router.deliver(said("C1", CARLOS, 0))
    await router.deliver(said("C2", Party(phone=OLD, lid="112"), 1))
    assert await people(router) == {"112": (OLD, ["C1", "C2"])}


async def test_a_new_number_written_to_before_its_owner_tells_of_it_is_shown(router: Router) -> None:
    await router.deliver(said("C1", CARLOS, 0))
    await router.handle(command("m1", to=NEW))
    await router.deliver(said("C2", MOVED, 2))
    await router.deliver(said("D1", DORA, 3))
    assert {lid: number for lid, (number, _) in (await people(router)).items()} == {"111": NEW, "222": OLD}


async def test_two_spellings_of_one_number_are_no_move(router: Router) -> None:
    long, short = "5547999887766", "554799887766"
    await router.deliver(said("Z1", Party(phone=short, lid="5"), 0))
    contact = await router.only("contacts")
    await router.database["contacts"].update_one({"_id": contact["_id"]}, {"$push": {"aliases": f"phone:{long}"}})
    await router.deliver(said("Z2", Party(phone=long, lid="6"), 1))
    assert len(await router.rows("contacts")) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_two_replicas_and_every_order_after_the_change(router_database: Database, order: tuple[int, ...]) -> None:
    async with open_router(router_database) as router:
        for event in HISTORY[:2]:
            await router.deliver(event)
        later = [said("D1", DORA, 2), said("D2", Party(phone=OLD, lid="222"), 3), said("C3", MOVED, 4)]
        await router.deliver_together(*(later[place] for place in order))
        await open_store(router.database)
        assert await people(router) == {"111": (NEW, ["C1", "C2", "C3"]), "222": (OLD, ["D1", "D2"])}
