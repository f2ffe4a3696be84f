"""Answers name their message; edits, revokes and readable copies change it. On a real MongoDB."""

import random
from datetime import timedelta
from typing import Any

import pytest

from services.router.rules.revisions import MAX_EDITS
from shared.contracts.errors import Retry
from shared.contracts.events import BookingCreated, MessageReceived, MessageRecorded, MessageRevised
from shared.contracts.ids import derived_id
from shared.contracts.message import Message
from shared.contracts.records import MessageRecord, Party
from tests.integration.router.conftest import (
    ANNA,
    LID,
    ME,
    PHONE,
    START,
    Router,
    command,
    outcome,
    received,
)

BOB = Party(phone="4915187654321", lid="222")
GROUP = "120363041234567890@g.us"
FROM_PHONE: dict[str, Any] = {"from_me": True, "chat": ANNA}


def edit(
    wa_id: str, target: str, text: str | None = "corrected", sender: Party = ANNA, **fields: Any
) -> MessageReceived:
    return received(wa_id, sender, type="edit", text=text, quoted_wa_id=target, **fields)


def revoke(wa_id: str, target: str, sender: Party = ANNA, **fields: Any) -> MessageReceived:
    return received(wa_id, sender, type="revoke", text=None, quoted_wa_id=target, **fields)


def placeholder(wa_id: str, kind: str = "undecryptable", **fields: Any) -> MessageReceived:
    other_id = derived_id("one", "placeholder", wa_id)
    return received(wa_id, **{"type": kind, "text": None, **fields}).model_copy(update={"id": other_id})


async def record(router: Router, wa_id: str, **wanted: Any) -> MessageRecord:
    return await router.message((await router.only("messages", wa_id=wa_id, **wanted))["_id"])


# --- answers


@pytest.mark.parametrize("kind", ["text", "reaction", "image", "poll_update"])
async def test_what_is_about_a_message_names_it(router: Router, kind: str) -> None:
    await router.handle(received("A1"), received("A2", type=kind, quoted_wa_id="A1", minute=1))
    first, second = await record(router, "A1"), await record(router, "A2")
    assert (second.quoted_message_id, second.quoted_wa_id) == (first.id, "A1")
    event = router.of(MessageRecorded)[-1].message
    assert event.quoted_message_id == first.id


async def test_an_answer_to_a_message_of_ours_names_it(router: Router) -> None:
    await router.handle(command("m1"), outcome("m1", "W1"), received("A1", quoted_wa_id="W1", minute=2))
    assert (await record(router, "A1")).quoted_message_id == "m1"


async def test_an_answer_typed_on_the_phone_names_the_customers_message(router: Router) -> None:
    await router.handle(received("A1"), received("P1", ME, quoted_wa_id="A1", minute=1, **FROM_PHONE))
    assert (await record(router, "P1")).quoted_message_id == (await record(router, "A1")).id


async def test_answers_in_one_batch_name_their_messages(router: Router) -> None:
    await router.handle(received("A0"))
    await router.deliver_together(*(received(f"A{n}", quoted_wa_id=f"A{n - 1}", minute=n) for n in range(1, 9)))
    for n in range(1, 9):
        assert (await record(router, f"A{n}")).quoted_message_id == (await record(router, f"A{n - 1}")).id


async def test_an_answer_to_an_unknown_message_keeps_its_whatsapp_id(router: Router) -> None:
    await router.handle(received("A1", quoted_wa_id="LONG-AGO"))
    assert ((await record(router, "A1")).quoted_message_id, (await record(router, "A1")).quoted_wa_id) == (
        None,
        "LONG-AGO",
    )


async def test_an_answer_does_not_name_a_message_of_another_chat(router: Router) -> None:
    await router.handle(received("A1"), received("G1", group=GROUP))
    await router.handle(received("B1", BOB, quoted_wa_id="A1"), received("B2", BOB, quoted_wa_id="G1"))
    await router.handle(received("G2", BOB, group=GROUP, quoted_wa_id="G1"))
    assert (await record(router, "B1")).quoted_message_id is None
    assert (await record(router, "B2")).quoted_message_id is None
    assert (await record(router, "G2")).quoted_message_id == (await record(router, "G1")).id


# --- edits


async def test_an_edit_changes_the_text_and_keeps_the_old_one(router: Router) -> None:
    await router.handle(received("A1", text="wednesday?"), edit("A2", "A1", "thursday?", minute=1))
    found = await router.only("messages")
    assert (found["text"], found["original_text"], found["revision"]) == ("thursday?", "wednesday?", 1)
    (event,) = router.of(MessageRevised)
    assert (event.change, event.message.text, event.message.id) == ("edited", "thursday?", found["_id"])
    assert event.message.edited_at == START + timedelta(minutes=1)
    (conversation,) = await router.rows("conversations")
    assert conversation["last_message"]["text"] == "thursday?"


async def test_an_edit_of_an_older_message_leaves_the_newest_one_shown(router: Router) -> None:
    await router.handle(received("A1"), received("A2", minute=1), edit("A3", "A1", minute=2))
    (conversation,) = await router.rows("conversations")
    assert conversation["last_message"]["text"] == "text A2"
    assert (await record(router, "A1")).text == "corrected"


async def test_an_edit_opens_no_booking_and_reads_nothing(router: Router) -> None:
    await router.handle(received("A1"), received("A2", minute=1))
    before = (await router.rows("conversations"), await router.rows("bookings"))
    await router.handle(edit("A3", "A1", minute=2))
    assert (await router.rows("conversations"), await router.rows("bookings")) == before


async def test_edits_and_a_revoke_in_any_order_end_alike(router: Router, seed: int) -> None:
    rng = random.Random(seed)
    changes = [edit(f"E{n}", "A1", f"text {n}", minute=n) for n in range(1, MAX_EDITS + 4)] + [revoke("R1", "A1")]
    await router.handle(received("A1", text="first"))
    rng.shuffle(changes)
    await router.handle(*changes, *rng.sample(changes, 5))
    found = await router.only("messages")
    assert (found["text"], found["original_text"]) == (f"text {MAX_EDITS + 3}", "first")
    assert [item["text"] for item in found["edits"]] == [f"text {n}" for n in range(4, MAX_EDITS + 4)]
    assert found["revoked_at"] == START


async def test_changes_at_the_same_moment_are_all_kept(router: Router) -> None:
    await router.handle(received("A1"))
    await router.deliver_together(
        *(edit(f"E{n}", "A1", f"text {n}", minute=n) for n in range(1, 9)), revoke("R1", "A1", minute=9)
    )
    found = await router.only("messages")
    assert ([item["text"] for item in found["edits"]], found["revision"]) == ([f"text {n}" for n in range(1, 9)], 9)
    assert found["revoked_at"]


async def test_a_message_and_its_edit_in_one_batch(router: Router) -> None:
    """Also by a new contact, and of a message sent from the phone."""
    batch = [received("A1"), edit("A2", "A1", "new person"), received("P1", ME, **FROM_PHONE)]
    await router.deliver_together(*batch, edit("P2", "P1", "from the phone", ME, **FROM_PHONE))
    assert (await record(router, "A1")).text == "new person"
    assert (await record(router, "P1")).text == "from the phone"
    assert len(await router.rows("messages")) == 2


async def test_the_owner_edits_on_the_phone_what_was_sent_through_the_api(router: Router) -> None:
    await router.handle(command("m1"), outcome("m1", "W1"), edit("P1", "W1", "at ten", ME, **FROM_PHONE))
    assert (await router.message("m1")).text == "at ten"
    assert len(await router.rows("messages")) == 1


@pytest.mark.parametrize("change", [edit, revoke])
async def test_the_owner_changes_a_note(router: Router, change: Any) -> None:
    own: dict[str, Any] = {"from_me": True, "chat": ME}
    await router.handle(received("N1", ME, **own), change("N2", "N1", sender=ME, **own))
    (event,) = router.of(MessageRevised)
    assert (event.message.kind, event.message.wa_id) == ("note", "N1")


async def test_an_edit_that_cannot_be_read_marks_the_message_and_leaves_its_text(router: Router) -> None:
    await router.handle(received("A1", text="first"), edit("A2", "A1", None, unreadable=True, minute=1))
    found = await record(router, "A1")
    assert (found.text, found.edit_unreadable, found.edited_at) == ("first", True, START + timedelta(minutes=1))
    assert router.of(MessageRevised)[-1].message == found
    await router.handle(edit("A3", "A1", "third", minute=2))
    assert ((await record(router, "A1")).text, (await record(router, "A1")).edit_unreadable) == ("third", False)
    await router.handle(edit("A4", "A1", None, unreadable=True, minute=3))
    assert ((await record(router, "A1")).text, (await record(router, "A1")).edit_unreadable) == ("third", True)


async def test_an_edit_that_cannot_be_read_of_an_unknown_message_leaves_nothing(router: Router) -> None:
    await router.handle(edit("A2", "LONG-AGO", None, unreadable=True, minute=-10))
    assert not await router.rows("messages")
    assert not await router.rows("contacts")


async def test_an_edit_that_overtook_its_message_waits_for_it(router: Router) -> None:
    late = edit("A2", "A1", "thursday?")
    with pytest.raises(Retry):
        await router.handle(late)
    assert not await router.rows("messages")
    await router.handle(received("A1"), late)
    assert (await record(router, "A1")).text == "thursday?"


async def test_an_edit_of_a_message_from_before_the_account_was_linked_is_a_line_of_its_own(router: Router) -> None:
    await router.handle(edit("A2", "LONG-AGO", "thursday?", minute=-10))
    found = await record(router, "A2")
    assert (found.type, found.text, found.quoted_wa_id) == ("edit", "thursday?", "LONG-AGO")
    assert not await router.rows("bookings")


async def test_a_sender_known_by_another_address_meanwhile_still_changes_his_message(router: Router) -> None:
    await router.handle(received("A1", LID), received("A2", ANNA, minute=1))
    await router.handle(edit("A3", "A1", "by phone", PHONE, minute=2))
    assert (await record(router, "A1")).text == "by phone"


# --- revokes


async def test_a_revoke_marks_the_message_and_is_announced(router: Router) -> None:
    await router.handle(received("A1", text="my password is 1234"), revoke("A2", "A1", minute=1))
    found = await record(router, "A1")
    assert found.revoked_at == START + timedelta(minutes=1)
    (event,) = router.of(MessageRevised)
    assert (event.change, event.message) == ("revoked", found)
    (conversation,) = await router.rows("conversations")
    assert conversation["last_message"]["text"] is None
    assert conversation["last_message"]["revoked_at"] == found.revoked_at


async def test_a_repeated_change_is_the_same_event(router: Router) -> None:
    await router.handle(received("A1"), *[revoke("A2", "A1", minute=1)] * 3)
    assert len({event.id for event in router.of(MessageRevised)}) == 1
    assert (await record(router, "A1")).revision == 1


async def test_a_revoke_of_an_unknown_message_leaves_nothing(router: Router) -> None:
    await router.handle(revoke("A2", "LONG-AGO", minute=-10))
    assert not await router.rows("messages")
    assert not await router.rows("contacts")


async def test_a_revoke_without_a_target_leaves_nothing(router: Router) -> None:
    await router.handle(received("A1", type="revoke", text=None))
    assert not await router.rows("messages")


# --- attacks: only the author changes a message


@pytest.mark.parametrize("change", [edit, revoke])
@pytest.mark.parametrize(
    "target", ["a message of another customer", "one of ours", "one in a group", "one of another in the same group"]
)
async def test_nobody_changes_what_others_wrote(router: Router, change: Any, target: str) -> None:
    await router.handle(received("A1"), received("G1", group=GROUP), received("B0", BOB))
    await router.handle(command("m1", to=BOB.phone), outcome("m1", "W1"))
    before = await router.rows("messages")
    wa_id, fields = {
        "a message of another customer": ("A1", {}),
        "one of ours": ("W1", {}),
        "one in a group": ("G1", {}),
        "one of another in the same group": ("G1", {"group": GROUP}),
    }[target]
    await router.handle(change("B1", wa_id, sender=BOB, minute=-10, **fields))
    assert [item for item in await router.rows("messages") if item.get("wa_id") != "B1"] == before
    assert not router.of(MessageRevised)


async def test_in_a_group_the_author_changes_his_own_message(router: Router) -> None:
    await router.handle(received("G1", group=GROUP), edit("G2", "G1", "corrected", group=GROUP))
    assert (await record(router, "G1")).text == "corrected"


# --- what cannot be read


@pytest.mark.parametrize("kind", ["undecryptable", "unavailable"])
async def test_what_cannot_be_read_is_a_message_of_a_contact(router: Router, kind: str) -> None:
    await router.handle(placeholder("A1", kind))
    found = await record(router, "A1")
    assert (found.type, found.text, found.direction) == (kind, None, "inbound")
    assert found.contact_id == (await router.only("contacts"))["_id"]
    (conversation,) = await router.rows("conversations")
    assert (conversation["last_message"]["type"], conversation["unread"]) == (kind, True)
    assert not await router.rows("bookings")


async def test_a_readable_copy_takes_the_place_of_the_placeholder(router: Router) -> None:
    await router.handle(placeholder("A1"), received("A0", minute=1), received("A1", quoted_wa_id="A0"))
    assert len(await router.rows("messages")) == 2
    found = await record(router, "A1")
    assert (found.type, found.text, found.revision) == ("text", "text A1", 1)
    assert found.quoted_message_id == (await record(router, "A0")).id
    assert [event.message.text for event in router.of(MessageRecorded)] == [None, "text A0", "text A1"]


async def test_a_readable_copy_opens_the_booking(router: Router) -> None:
    await router.handle(placeholder("A1"), *[received("A1")] * 2)
    booking = await router.only("bookings")
    assert (booking["text"], booking["opened_by"]) == ("text A1", (await record(router, "A1")).id)
    assert (await record(router, "A1")).booking_id == booking["_id"]
    assert len({event.id for event in router.of(BookingCreated)}) == 1
    (conversation,) = await router.rows("conversations")
    assert conversation["last_message"]["text"] == "text A1"


@pytest.mark.parametrize("together", [False, True])
async def test_a_placeholder_that_comes_late_changes_nothing(router: Router, together: bool) -> None:
    both: list[Any] = [received("A1"), placeholder("A1")]
    await (router.deliver_together(*both) if together else router.handle(*both))
    assert (await record(router, "A1")).text == "text A1"
    if not together:
        assert [event.message.type for event in router.of(MessageRecorded)] == ["text"]


async def test_the_facts_about_a_message_in_any_order_end_alike(router: Router, seed: int) -> None:
    """A placeholder, the readable copy, two edits, an answer and a revoke."""
    rng = random.Random(seed)
    facts: list[Message] = [
        placeholder("A1"),
        received("A1", text="first"),
        edit("E1", "A1", "second", minute=1),
        edit("E2", "A1", "third", minute=2),
        revoke("R1", "A1", minute=3),
    ]
    rng.shuffle(facts)
    left = [received("A0"), *facts]
    while left:
        again = []
        for fact in left:
            try:
                await router.handle(fact)
            except Retry:
                again.append(fact)
        left = again
    found = await router.only("messages", wa_id="A1")
    assert (found["type"], found["text"], found["original_text"]) == ("text", "third", "first")
    assert (found["edited_at"], found["revoked_at"]) == (START + timedelta(minutes=2), START + timedelta(minutes=3))
    assert len(await router.rows("messages")) == 2


async def test_what_cannot_be_read_in_a_group_is_kept_too(router: Router) -> None:
    await router.handle(placeholder("G1", group=GROUP, chat=None))
    assert (await record(router, "G1")).group == GROUP
    await router.handle(received("G1", group=GROUP))
    assert (await record(router, "G1")).text == "text G1"


# --- admins of groups

EVE = Party(phone="4915155555555", lid="555")
BY_ADMIN: dict[str, Any] = {"group": GROUP, "by_admin": True}


@pytest.mark.parametrize("named", [None, BOB, Party(lid="222"), Party(phone=BOB.phone)], ids=str)
async def test_the_admin_of_a_group_deletes_what_another_wrote(router: Router, named: Party | None) -> None:
    await router.handle(received("G1", BOB, group=GROUP), revoke("G2", "G1", EVE, quoted_sender=named, **BY_ADMIN))
    message = await router.only("messages")
    assert (message["wa_id"], message["revoked_by"], message["revision"]) == ("G1", EVE.phone, 1)
    assert message["revoked_at"] is not None
    (event,) = router.of(MessageRevised)
    assert (event.change, event.message.revoked_by) == ("revoked", EVE.phone)


async def test_the_owner_deletes_on_the_phone_what_a_member_of_his_group_wrote(router: Router) -> None:
    deleted = revoke("G2", "G1", ME, from_me=True, quoted_sender=Party(lid="222"), **BY_ADMIN)
    await router.handle(received("G1", BOB, group=GROUP), deleted)
    assert (await router.only("messages"))["revoked_by"] == ME.phone


async def test_an_admin_deletes_what_the_owner_wrote_on_the_phone(router: Router) -> None:
    written = received("G1", ME, from_me=True, group=GROUP)
    await router.handle(written, revoke("G2", "G1", EVE, quoted_sender=Party(lid=ME.lid), **BY_ADMIN))
    assert (await router.only("messages"))["revoked_by"] == EVE.phone


async def test_an_admin_who_deletes_his_own_message_is_its_author(router: Router) -> None:
    await router.handle(received("G1", EVE, group=GROUP), revoke("G2", "G1", EVE, quoted_sender=EVE, **BY_ADMIN))
    message = await router.only("messages")
    assert (message["revoked_by"], message["revoked_at"] is None) == (None, False)


async def test_of_two_messages_with_one_id_the_admin_deletes_the_one_of_the_author_he_names(router: Router) -> None:
    await router.handle(received("G1", BOB, group=GROUP), received("G1", ANNA, group=GROUP))
    await router.handle(revoke("G2", "G1", EVE, quoted_sender=Party(phone=ANNA.phone), **BY_ADMIN))
    deleted = [row["from_address"] for row in await router.rows("messages") if row["revoked_at"]]
    assert deleted == [ANNA.phone]


@pytest.mark.parametrize(
    "fields",
    [{"by_admin": False}, {"group": "120363049999999999@g.us"}, {"quoted_sender": Party(phone="4911")}],
    ids=str,
)
async def test_nobody_else_deletes_what_another_wrote(router: Router, fields: dict[str, Any]) -> None:
    """No admin, in another group, or of another author: phones go on showing the message."""
    deleted = revoke("G2", "G1", EVE, minute=-5, **{**BY_ADMIN, "quoted_sender": BOB, **fields})
    await router.handle(received("G1", BOB, group=GROUP), deleted)
    assert (await router.only("messages"))["revoked_at"] is None
