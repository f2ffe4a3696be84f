"""A Brazilian number with and without its ninth digit: WhatsApp says whether it is one person."""

import dataclasses

import pytest

from services.router.store import contact_merge
from services.router.store.migrations.blank_names import remove_blank_names
from shared.contracts.commands import SendText
from shared.contracts.queries import NumberOwner
from shared.contracts.records import Party
from tests.integration.router.conftest import ME, ONE, ORG, Router, add_account, command, received
from tests.integration.router.test_contact_merge import in_the_transaction

LONG, SHORT = "5547999887766", "554799887766"
ZE = Party(phone=SHORT, lid="333")


class Network:
    """Answers what the test says; `asked`: the numbers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.owners: dict[str, NumberOwner | None] = {LONG: NumberOwner(phone=SHORT), SHORT: NumberOwner(phone=SHORT)}

    async def whose_number(self, _organization_id: str, _instance_id: str, number: str) -> NumberOwner | None:
        self.asked.append(number)
        return self.owners[number]


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def asking(router: Router, network: Network) -> Router:
    return dataclasses.replace(
        router, context=dataclasses.replace(router.context, find_number_owner=network.whose_number)
    )


async def test_a_sender_is_written_to_under_either_variant(asking: Router, network: Network) -> None:
    await asking.handle(received("A1", Party(phone=SHORT)))
    await asking.handle(command("m1", to=f"+{LONG}"), command("m2", to=LONG), command("m3", to=SHORT))
    assert (await asking.only("contacts"))["phone_number"] == SHORT
    assert [sent.to.phone for sent in asking.of(SendText)] == [SHORT] * 3
    assert network.asked == [LONG]


async def test_a_recipient_is_recognised_when_they_reply(asking: Router, network: Network) -> None:
    await asking.handle(command("m1", to=LONG), received("A1", ZE))
    contact = await asking.only("contacts")
    assert (contact["phone_number"], contact["lid"]) == (SHORT, "333")
    assert sorted(contact["aliases"]) == sorted([*ZE.aliases, f"phone:{LONG}"])
    assert network.asked == [LONG]


async def test_an_unanswered_lookup_is_repeated_and_the_contacts_are_merged(asking: Router, network: Network) -> None:
    network.owners[LONG] = None
    await asking.handle(received("A1", Party(phone=SHORT)), command("m1", to=LONG), received("A2", ZE))
    assert len(await asking.rows("contacts")) == 2
    network.owners[LONG] = NumberOwner(phone=SHORT)
    await asking.handle(received("A3", ZE, minute=1))
    contact = await asking.only("contacts")
    assert (contact["phone_number"], contact["unasked"]) == (SHORT, False)
    asked = len(network.asked)
    await asking.handle(received("A4", ZE, minute=2), command("m2", to=LONG))
    assert len(network.asked) == asked


async def test_two_accounts_whose_numbers_are_variants_stay_two_contacts(asking: Router, network: Network) -> None:
    network.owners[LONG] = NumberOwner(phone=LONG, lid="444")
    await asking.handle(received("A1", Party(phone=SHORT)), received("B1", Party(phone=LONG)), command("m1", to=LONG))
    assert {contact["phone_number"] for contact in await asking.rows("contacts")} == {SHORT, LONG}


async def test_a_number_without_an_account_is_left_for_the_send_to_fail(asking: Router, network: Network) -> None:
    network.owners[LONG] = NumberOwner()
    await asking.handle(command("m1", to=LONG))
    assert [sent.to.phone for sent in asking.of(SendText)] == [LONG]


async def test_numbers_without_variants_are_not_looked_up(asking: Router, network: Network) -> None:
    await asking.handle(received("A1"), command("m1"), command("m2", to="+1 415 555 0123"))
    assert network.asked == []


async def test_the_owners_number_in_the_other_variant_is_still_a_note(asking: Router, network: Network) -> None:
    await asking.database["connections"].delete_many({})
    await asking.database["instances"].delete_many({})
    await add_account(asking.database, ONE, Party(phone=SHORT, lid=ME.lid))
    await asking.context.store.instances.profile(ORG, fresh=True)
    await asking.handle(command("m1", to=LONG))
    assert await asking.rows("contacts") == []
    assert (await asking.only("messages"))["kind"] == "note"
    assert [sent.to.phone for sent in asking.of(SendText)] == [SHORT]


async def test_the_migration_takes_names_that_show_nothing_and_no_others(router: Router) -> None:
    names = ["-", "\u3164", "🌸", "Ana", "李", None]
    contacts = router.database["contacts"]
    for place, name in enumerate(names):
        await router.handle(received(f"A{place}", Party(phone=f"49151123456{place:02}"), push_name="Bob"))
        await contacts.update_one({"phone_number": f"49151123456{place:02}"}, {"$set": {"name": name}})
    await remove_blank_names(router.database)
    await remove_blank_names(router.database)
    found = {row["phone_number"]: row["name"] for row in await router.rows("contacts")}
    assert [found[f"49151123456{place:02}"] for place in range(6)] == [None, None, None, "Ana", "李", None]
    await router.handle(received("B0", Party(phone="4915112345600"), push_name="Bea"))
    assert (await contacts.find_one({"phone_number": "4915112345600"}) or {})["name"] == "Bea"


async def test_a_message_that_a_merge_by_a_send_did_not_see_is_moved(
    asking: Router, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is older than what the conversation shows: showing it writes nothing the transaction could conflict with."""
    network.owners[LONG] = None
    await asking.handle(received("A1", Party(phone=SHORT), minute=-5), command("m1", to=LONG))

    async def late() -> None:
        """All that another handler changes in the database for a message that is older than those shown."""
        message = (await asking.message("m1")).model_copy(update={"id": "late"})
        await asking.context.store.messages.add(message, [f"phone:{LONG}"])

    in_the_transaction(monkeypatch, contact_merge, "_move", late)
    network.owners[LONG] = NumberOwner(phone=SHORT)
    await asking.deliver(command("m2", to=LONG))
    contact = await asking.only("contacts")
    assert {message["contact_id"] for message in await asking.rows("messages")} == {contact["_id"]}
    assert (await asking.only("messages", _id="late"))["moved_from"] not in (None, contact["_id"])
