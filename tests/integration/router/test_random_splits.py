"""Contacts are split at exact moments while a message, a send or a booking of theirs is handled: no facts are left.

A fact is left behind when a conversation shows a message that is not in it, or a message belongs to a contact that
does not have its address.
"""

import pytest

from services.router.rules.contact_identity import conversation_id
from services.router.store import contact_split, split_late_writes
from shared.contracts.commands import SplitContact
from shared.contracts.errors import Retry
from shared.contracts.events import ContactCreated, MessageReceived
from shared.platform.mongo import Document
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
    received,
)
from tests.integration.router.test_contact_merge import in_the_transaction, interrupted


def split(stays: str, merged: str) -> SplitContact:
    return SplitContact(id="split", at=START, organization_id=ORG, contact_id=stays, merged_id=merged)


async def merged(router: Router) -> tuple[str, str]:
    """One contact that was two, met by phone and by LID; the older and the younger."""
    await router.handle(received("A1", PHONE), received("B1", LID, minute=1), received("AB", minute=2))
    older, younger = (item.contact.id for item in router.of(ContactCreated))
    return older, younger


async def check(router: Router) -> None:
    """Every message belongs to the contact with its address, and every conversation is what its messages make of it."""
    holders = {alias: contact["_id"] for contact in await router.rows("contacts") for alias in contact["aliases"]}
    by_conversation: dict[str, list[Document]] = {}
    for message in await router.rows("messages"):
        inbound = message["direction"] == "inbound"
        address = message["from_address" if inbound else "to_address"]
        alias = f"lid:{address.removesuffix('@lid')}" if address.endswith("@lid") else f"phone:{address}"
        assert message["contact_id"] == holders[alias], (message, holders)
        assert message["conversation_id"] == conversation_id(ONE, holders[alias])
        by_conversation.setdefault(message["conversation_id"], []).append(message)
    conversations = {item["_id"]: item for item in await router.rows("conversations")}
    assert set(conversations) == set(by_conversation)
    for key, messages in by_conversation.items():
        newest = max(messages, key=lambda message: (message["order_key"], message["_id"]))
        assert conversations[key]["last_message"]["id"] == newest["_id"]
        inbound = [message for message in messages if message["direction"] == "inbound"]
        last = max(inbound, key=lambda message: message["order_key"])["order_key"] if inbound else None
        assert conversations[key].get("inbound_key") == last
    await check_bookings(router, set(holders.values()))


async def check_bookings(router: Router, contacts: set[str]) -> None:
    open_ones = [item["contact_id"] for item in await router.rows("bookings", open=True)]
    assert len(open_ones) == len(set(open_ones))
    assert {item["contact_id"] for item in await router.rows("bookings")} <= contacts


STEPS = (
    ("contacts", "match_all"),
    ("contacts", "resolve"),
    ("messages", "insert_new"),
    ("messages", "by_key"),
    ("messages", "add"),
    ("conversations", "add_messages"),
    ("conversations", "add_message"),
    ("contacts", "exist"),
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", [None, "Anna the second"], ids=["usual", "with news"])
@pytest.mark.parametrize(("part", "step"), STEPS)
async def test_a_message_handled_while_the_split_happens_follows(
    router: Router, part: str, step: str, name: str | None, after: bool
) -> None:
    older, younger = await merged(router)
    late = interrupted(router, part, step, lambda: router.deliver(split(older, younger)), after=after)
    await late.deliver(received("B2", LID, minute=3, push_name=name))
    await router.deliver(split(older, younger))
    await check(router)


@pytest.mark.parametrize(
    ("part", "step"), [("messages", "add"), ("conversations", "add_message"), ("contacts", "exists")]
)
async def test_a_send_handled_while_the_split_happens_follows(router: Router, part: str, step: str) -> None:
    older, younger = await merged(router)
    late = interrupted(router, part, step, lambda: router.deliver(split(older, younger)))
    await late.deliver(command("m1", to=f"{ANNA.lid}@lid"))
    await router.deliver(split(older, younger))
    await check(router)


@pytest.mark.parametrize("step", ["add", "exist"])
async def test_a_booking_opened_while_the_split_happens_follows(router: Router, step: str) -> None:
    older, younger = await merged(router)
    await router.database["bookings"].update_many({}, {"$set": {"status": "completed", "open": False}})
    part = "messages" if step == "add" else "contacts"
    late = interrupted(router, part, step, lambda: router.deliver(split(older, younger)))
    await late.deliver(received("B2", LID, minute=3))
    await check(router)
    assert (await router.only("bookings", open=True))["contact_id"] == younger


LATE = {
    "inbound": received("B2", LID, minute=3),
    "to the LID": received("B2", ME, minute=3, from_me=True, chat=LID),
}


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
async def test_a_message_the_transaction_of_the_split_does_not_see_follows(
    router: Router, monkeypatch: pytest.MonkeyPatch, late: MessageReceived
) -> None:
    """It arrived before what the conversation shows, so showing it writes nothing the transaction could conflict with;
    all of its handling is over before the commit."""
    older, younger = await merged(router)
    await router.handle(received("A9", ME, minute=8, from_me=True, chat=PHONE), received("A8", PHONE, minute=9))
    in_the_transaction(monkeypatch, contact_split._SplitTransaction, "_return_messages", lambda: router.deliver(late))
    await router.deliver(split(older, younger))
    await check(router)
    assert (await router.only("messages", wa_id="B2"))["contact_id"] == younger


async def test_a_crash_behind_the_transaction_of_the_split_leaves_nothing_behind(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, younger = await merged(router)
    await router.handle(received("A8", PHONE, minute=9))
    late = LATE["inbound"]
    in_the_transaction(monkeypatch, contact_split._SplitTransaction, "_return_messages", lambda: router.deliver(late))

    async def crash() -> None:
        raise ConnectionError("behind the transaction")

    await interrupted(router, "split_repair", "repair", crash).deliver(split(older, younger))
    await check(router)


async def test_a_message_the_transaction_that_moves_another_does_not_see_is_shown(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The conversation knows the facts of the message that is moved away, and those of the other are older."""
    older, younger = await merged(router)
    stays = received("A3", ME, minute=3, from_me=True, chat=PHONE)

    async def meanwhile() -> None:
        await router.deliver(split(older, younger))
        in_the_transaction(monkeypatch, split_late_writes._RepairTransaction, "_move", lambda: router.deliver(stays))

    late = interrupted(router, "messages", "add", meanwhile)
    await late.deliver(received("B9", ME, minute=9, from_me=True, chat=LID))
    await check(router)
    assert (await router.only("conversations", contact_id=older))["last_message"]["text"] == "text A3"


@pytest.mark.parametrize("kind", ["edit", "revoke"])
@pytest.mark.parametrize(("part", "step"), [("revisions", "apply"), ("conversations", "update_last_message")])
async def test_a_message_changed_while_the_split_moves_it_is_shown_where_it_is(
    router: Router, part: str, step: str, kind: str
) -> None:
    older, younger = await merged(router)
    await router.handle(received("B2", LID, minute=3))
    late = interrupted(router, part, step, lambda: router.deliver(split(older, younger)))
    await late.deliver(received("B3", LID, minute=4, type=kind, text="changed", quoted_wa_id="B2"))
    await check(router)
    shown = (await router.only("conversations", contact_id=younger))["last_message"]
    assert (shown["revision"], shown["text"]) == (1, "changed" if kind == "edit" else None)


async def test_a_message_that_is_changed_before_it_is_shown_is_shown_as_it_is_then(router: Router) -> None:
    await router.handle(received("B1", LID))
    changed = received("B3", LID, minute=2, type="edit", text="changed", quoted_wa_id="B2")
    with pytest.raises(Retry):
        await interrupted(router, "conversations", "add_messages", lambda: router.handle(changed)).handle(
            received("B2", LID, minute=1)
        )
    await router.deliver(received("B2", LID, minute=1))
    await router.deliver(changed)
    await check(router)
    assert (await router.only("conversations"))["last_message"]["text"] == "changed"
