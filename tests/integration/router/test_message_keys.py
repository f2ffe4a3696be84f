"""The key of a message is its chat, sender, direction and WhatsApp id, which the sender's client chooses."""

import asyncio
import dataclasses
from typing import Any

import pytest

from services.router.rules.booking_status import booking_id
from services.router.store import messages, open_store
from services.router.store.message_wa_ids import one_of_wa_ids
from services.router.store.migrations.other_parties import add_other_parties
from shared.contracts.events import (
    BookingCreated,
    ConversationUpdated,
    MessageFailed,
    MessageRecorded,
    MessagesReadElsewhere,
)
from shared.contracts.ids import derived_id
from shared.contracts.records import Party
from shared.platform.mongo import Database, Document
from tests.integration.router.conftest import (
    ANNA,
    LID,
    ME,
    ONE,
    ORG,
    PHONE,
    START,
    Router,
    command,
    open_router,
    outcome,
    receipt,
    received,
    recorded_as,
)

EVE = Party(phone="4915188888888", lid="888")
GROUP = "1-2@g.us"


def failed() -> MessageFailed:
    common: dict[str, Any] = {"organization_id": ORG, "instance_id": ONE, "id": "failed", "at": START}
    return MessageFailed(message_id="m1", code="crash", detail="why", unconfirmed=True, **common)


def own(wa_id: str, chat: Party = ANNA, **fields: Any) -> Any:
    return received(wa_id, ME, chat=chat, from_me=True, **fields)


async def texts(router: Router) -> list[tuple[str, str]]:
    """Of all records: direction and text."""
    return sorted((item["direction"], item["text"]) for item in await router.rows("messages"))


@pytest.mark.parametrize("together", [True, False])
async def test_the_same_id_of_two_senders_is_two_messages(router: Router, together: bool) -> None:
    both = [received("X", ANNA, text="anna"), received("X", EVE, text="eve")]
    if together:
        await router.deliver_together(*both, *both)
    else:
        for event in [*both, *both]:
            await router.deliver(event)
    assert await texts(router) == [("inbound", "anna"), ("inbound", "eve")]
    assert {item["_id"] for item in await router.rows("messages")} == {recorded_as("X"), recorded_as("X", EVE)}
    assert len({event.id for event in router.of(MessageRecorded)}) == 2
    assert {event.booking.opened_by for event in router.of(BookingCreated)} == {
        recorded_as("X"),
        recorded_as("X", EVE),
    }
    assert len(await router.rows("conversations")) == 2


async def test_a_contact_may_use_the_id_of_a_message_of_ours(router: Router) -> None:
    await router.handle(received("A1"), command("m1"), outcome("m1", "W1"), own("P1", text="typed"))
    await router.deliver_together(received("W1", text="echo of the api"), received("P1", text="echo of the phone"))
    assert await texts(router) == [
        ("inbound", "echo of the api"),
        ("inbound", "echo of the phone"),
        ("inbound", "text A1"),
        ("outbound", "hello"),
        ("outbound", "typed"),
    ]
    await router.handle(receipt("read", "W1"))
    assert {item["direction"]: item["status"] for item in await router.rows("messages", wa_id="W1")} == {
        "inbound": "received",
        "outbound": "read",
    }


async def test_the_id_of_an_own_message_that_comes_before_whatsapp_accepted_ours(router: Router) -> None:
    await router.handle(received("A1"), command("m1"), received("W1", text="echo"), outcome("m1", "W1"))
    assert await texts(router) == [("inbound", "echo"), ("inbound", "text A1"), ("outbound", "hello")]
    assert (await router.message("m1")).wa_id == "W1"


async def test_a_direct_chat_a_group_and_each_of_its_members_have_ids_of_their_own(router: Router) -> None:
    await router.deliver_together(
        received("X", ANNA, text="direct"),
        received("X", ANNA, group=GROUP, text="anna in the group"),
        received("X", EVE, group=GROUP, text="eve in the group"),
        received("X", EVE, group="3-4@g.us", text="eve in another"),
        received("X", ME, from_me=True, group=GROUP, text="me in the group"),
        received("X", ME, from_me=True, group=GROUP, text="me in the group"),
    )
    assert await texts(router) == [
        ("inbound", "anna in the group"),
        ("inbound", "direct"),
        ("inbound", "eve in another"),
        ("inbound", "eve in the group"),
        ("outbound", "me in the group"),
    ]


async def test_one_own_message_to_several_people_is_one_in_each_chat(router: Router) -> None:
    """Through a broadcast list all copies have one id."""
    phones = sorted([str(ANNA.phone), str(EVE.phone)])
    await router.handle(own("X", ANNA), own("X", EVE), own("X", ANNA))
    assert sorted(item["to_address"] for item in await router.rows("messages")) == phones
    await router.handle(receipt("read", "X", sender=EVE))
    states = {item["to_address"]: item["status"] for item in await router.rows("messages")}
    assert states == {ANNA.phone: "sent", EVE.phone: "read"}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("forms", [(LID, PHONE), (PHONE, LID), (ANNA, PHONE), (PHONE, ANNA), (LID, ANNA)])
async def test_a_message_that_comes_under_both_addresses_is_one(
    router: Router, forms: tuple[Party, Party], together: bool
) -> None:
    await router.handle(received("before", ANNA))
    copies = [received("X", party, id=f"event {place}") for place, party in enumerate(forms)]
    if together:
        await router.deliver_together(*copies)
    else:
        for copy in copies:
            await router.deliver(copy)
    message = await router.only("messages", wa_id="X")
    events = [event for event in router.of(MessageRecorded) if event.message.wa_id == "X"]
    assert {event.message.id for event in events} == {message["_id"]}
    assert len({event.id for event in events}) == 1
    assert len(await router.rows("bookings")) == len(await router.rows("contacts")) == 1


async def test_under_both_addresses_at_two_replicas_at_the_same_moment(router_database: Database) -> None:
    async with open_router(router_database) as router:
        await router.handle(received("before", ANNA))
        context = dataclasses.replace(router.context, store=await open_store(router.database))
        second = Router(context, router.database, router.published)
        for place in range(10):
            lid, phone = (received(f"X{place}", party, id=f"{party} {place}") for party in (LID, PHONE))
            await asyncio.gather(router.deliver(lid), second.deliver(phone))
        assert len(await router.rows("messages")) == 11
        assert len({event.message.id for event in router.of(MessageRecorded)}) == 11


async def test_a_receipt_of_somebody_else_does_not_count(router: Router) -> None:
    await router.handle(received("A1"), received("E1", EVE), command("m1"), outcome("m1", "W1"))
    for other in (EVE, Party(phone=EVE.phone), Party(lid=EVE.lid), Party(phone="4915177777777"), Party(lid="777")):
        await router.handle(receipt("read", "W1", sender=other))
        assert (await router.message("m1")).status == "sent"
    await router.handle(receipt("delivered", "W1", sender=LID))
    assert (await router.message("m1")).status == "delivered"


async def test_early_receipts_count_for_their_senders_message_only(router: Router) -> None:
    await router.handle(received("A1"), received("E1", EVE), command("m1"))
    await router.handle(receipt("read", "W1", sender=EVE), receipt("delivered", "W1", sender=LID))
    await router.handle(outcome("m1", "W1"))
    assert (await router.message("m1")).status == "delivered"


async def test_a_receipt_from_an_unknown_lid_counts(router: Router) -> None:
    """We wrote to a number first; WhatsApp answers with the LID."""
    await router.handle(command("m1"), outcome("m1", "W1"), receipt("read", "W1", sender=LID))
    assert (await router.message("m1")).status == "read"


async def test_a_receipt_without_a_sender_counts_as_before(router: Router) -> None:
    """Events of an earlier version."""
    await router.handle(received("A1"), command("m1"), outcome("m1", "W1"), receipt("read", "W1", sender=None))
    assert (await router.message("m1")).status == "read"


async def test_everybody_in_a_group_sends_receipts(router: Router) -> None:
    await router.handle(received("A1"), received("G1", ME, from_me=True, group=GROUP))
    await router.handle(receipt("read", "G1", sender=EVE))
    assert (await router.only("messages", wa_id="G1"))["status"] == "read"


def elsewhere(*wa_ids: str, **fields: Any) -> MessagesReadElsewhere:
    given: dict[str, Any] = {"organization_id": ORG, "instance_id": ONE, "id": f"e{wa_ids}{fields}", "at": START}
    return MessagesReadElsewhere.model_validate({**given, "wa_ids": list(wa_ids), "timestamp": START, **fields})


@pytest.mark.parametrize("chat", [ANNA, LID, PHONE])
async def test_messages_read_on_the_phone_are_read_in_that_chat_only(router: Router, chat: Party) -> None:
    await router.handle(received("X", ANNA), received("X", EVE), received("X", ANNA, group=GROUP))
    await router.handle(elsewhere("X", chat=chat))
    mine = (await router.only("messages", _id=recorded_as("X")))["conversation_id"]
    unread = {item["_id"]: item["unread"] for item in await router.rows("conversations")}
    assert unread.pop(mine) is False
    assert list(unread.values()) == [True]
    assert [event.conversation.id for event in router.of(ConversationUpdated)] == [mine]


async def test_read_marks_of_an_earlier_version_name_no_chat(router: Router) -> None:
    await router.handle(received("X", ANNA), elsewhere("X"))
    assert (await router.only("conversations"))["unread"] is False


OLD_ID = derived_id(ONE, "X")


async def made_by_an_earlier_version(router: Router, **fields: Any) -> Document:
    """One record with its old id and without the addresses of its key."""
    document = await router.only("messages", wa_id="X")
    await router.database["messages"].delete_one({"_id": document["_id"]})
    await router.database["bookings"].update_many({"opened_by": document["_id"]}, {"$set": {"opened_by": OLD_ID}})
    del document["other_party"]
    old = {**document, "_id": OLD_ID, **fields}
    await router.database["messages"].insert_one(old)
    return old


@pytest.mark.parametrize("migrated", [True, False])
async def test_a_message_of_an_earlier_version_comes_again(router: Router, migrated: bool) -> None:
    """Not migrated: written by a replica of the earlier version that ended after the migration."""
    await router.handle(received("X"))
    before = await made_by_an_earlier_version(router)
    if migrated:
        await add_other_parties(router.database)
    event = received("X", id=derived_id(ONE, "message", "X"))
    await router.deliver(event)
    after = await router.only("messages")
    assert after["_id"] == OLD_ID != booking_id(OLD_ID)
    assert {name: after[name] for name in before} == before
    await router.deliver_together(received("X", EVE))
    assert len(await router.rows("messages")) == 2


async def test_the_migration_names_the_other_party_as_the_records_do(router: Router) -> None:
    hidden = Party(lid="555")
    await router.handle(
        received("in", ANNA),
        received("hidden", hidden),
        received("in group", EVE, group=GROUP),
        own("out", hidden),
        received("out group", ME, from_me=True, group=GROUP),
        own("note", ME),
        command("m1"),
    )
    await router.database["messages"].update_many({}, {"$unset": {"other_party": True}})
    for _ in range(2):
        await add_other_parties(router.database)
    found = {item["text"]: item["other_party"] for item in await router.rows("messages")}
    assert found == {
        "text in": [f"phone:{ANNA.phone}"],
        "text hidden": ["lid:555"],
        "text in group": [f"phone:{EVE.phone}"],
        "text out": ["lid:555"],
        "text out group": ["me"],
        "text note": [f"phone:{ME.phone}"],
        "hello": [f"phone:{ANNA.phone}"],
    }


async def test_the_old_index_gives_way_after_the_data_was_migrated(router: Router) -> None:
    collection = router.database["messages"]
    await router.handle(received("X"))
    await made_by_an_earlier_version(router)
    await collection.drop_index("once_per_chat_and_sender")
    once: dict[str, Any] = {"unique": True, "partialFilterExpression": {"wa_id": {"$type": "string"}}}
    await collection.create_index([("instance_id", 1), ("wa_id", 1)], name="once", **once)
    await router.database["router_migrations"].delete_many({})
    await open_store(router.database)
    assert set(messages.RETIRED).isdisjoint(await collection.index_information())
    assert (await router.only("messages"))["other_party"] == [f"phone:{ANNA.phone}"]
    await router.deliver(received("X", EVE))
    assert len(await router.rows("messages")) == 2


async def test_a_guessed_id_is_given_back_within_its_chat_only(router: Router) -> None:
    await router.handle(received("A1"), command("m1"), failed(), receipt("delivered", "W2"))
    assert (await router.message("m1")).wa_id == "W2"
    await router.handle(own("W2", EVE), received("W2"))
    assert ((await router.message("m1")).wa_id, (await router.message("m1")).status) == ("W2", "delivered")
    await router.handle(own("W2", ANNA))
    assert ((await router.message("m1")).wa_id, (await router.message("m1")).status) == (None, "unconfirmed")


async def test_the_index_of_contacts_that_no_query_uses_is_dropped(router: Router) -> None:
    collection = router.database["contacts"]
    await collection.create_index([("organization_id", 1), ("updated_at", -1), ("_id", -1)], name="newest_first")
    await router.database["router_migrations"].delete_many({})
    await open_store(router.database)
    assert "newest_first" not in await collection.index_information()


async def test_messages_are_found_by_their_whatsapp_ids_with_the_index(router: Router) -> None:
    for number in range(20):
        await router.handle(received(f"X{number}"))
    instance_id = (await router.rows("messages"))[0]["instance_id"]
    wanted = {"instance_id": instance_id, "wa_id": one_of_wa_ids(["X1", "Y"])}
    explained = await router.database["messages"].find(wanted).explain()
    assert "'indexName': 'once_per_chat_and_sender'" in str(explained["queryPlanner"]["winningPlan"])
    assert explained["executionStats"]["totalDocsExamined"] == 1
