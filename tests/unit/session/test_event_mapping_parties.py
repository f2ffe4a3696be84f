"""Maps parties (people, bots, broadcast lists), names of senders and timestamps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.session.worker.mapping.event_mapping import (
    IgnoredEvent,
    map_messages,
    map_presence,
    map_receipt,
    map_typing,
)
from shared.contracts.message import utc_now
from shared.contracts.records import Party
from tests.unit.session.messages import (
    BOB_LID,
    BOB_PHONE,
    INSTANCE,
    OWN_LID,
    OWN_PHONE,
    jid,
    mapped,
    message,
    pb,
)

BOB = Party(phone=BOB_PHONE, lid=BOB_LID)
LIST = jid("1790000000", "broadcast")
BOTS = [("867051314767696", "bot"), ("13135550002", "s.whatsapp.net"), ("13165550042", "s.whatsapp.net")]


def own(**source: Any) -> Any:
    defaults = {
        "IsFromMe": True,
        "Sender": jid(OWN_LID, "lid"),
        "SenderAlt": jid(OWN_PHONE, "s.whatsapp.net"),
        **source,
    }
    return message(**defaults)


@pytest.mark.parametrize(("user", "server"), BOTS)
def test_messages_of_bots_and_to_bots_are_ignored(user: str, server: str) -> None:
    bot = jid(user, server)
    by_bot = message(Chat=bot, Sender=bot, SenderAlt=pb.JID())
    in_group = message(Chat=jid("120363041234567890", "g.us"), IsGroup=True, Sender=bot, SenderAlt=pb.JID())
    for event in (by_bot, in_group, own(Chat=bot)):
        assert map_messages(event, INSTANCE) == IgnoredEvent("message-bot")


@pytest.mark.parametrize(("user", "server"), BOTS)
def test_receipts_typing_and_presence_of_bots_are_ignored(user: str, server: str) -> None:
    source = pb.MessageSource(Chat=jid(user, server), Sender=jid(user, server), IsFromMe=False, IsGroup=False)
    receipt = pb.Receipt(MessageSource=source, MessageIDs=["A"], Timestamp=1_790_000_000, Type=1)
    assert map_receipt(receipt, INSTANCE) == IgnoredEvent("receipt-bot")
    assert map_typing(pb.ChatPresence(MessageSource=source), INSTANCE) == IgnoredEvent("typing-bot")
    presence = pb.Presence(From=jid(user, server), Unavailable=False, LastSeen=0)
    assert map_presence(presence, INSTANCE) == IgnoredEvent("presence-bot")


@pytest.mark.parametrize("number", ["13135551234567", "1313555123", "131655500123", "4913135551234"])
def test_numbers_that_look_like_those_of_bots_are_people(number: str) -> None:
    person = jid(number, "s.whatsapp.net")
    assert mapped(message(Chat=person, Sender=person, SenderAlt=pb.JID())).sender == Party(phone=number)


def test_announcements_of_whatsapp_are_ignored() -> None:
    service = jid("0", "s.whatsapp.net")
    assert map_messages(message(Chat=service, Sender=service, SenderAlt=pb.JID()), INSTANCE) == IgnoredEvent(
        "message-service"
    )


def test_a_message_through_a_broadcast_list_is_in_the_chat_with_its_sender() -> None:
    ours = mapped(message(Chat=LIST))
    assert (ours.sender, ours.chat, ours.group, ours.from_me) == (BOB, BOB, None, False)


def test_a_message_of_the_owner_to_a_broadcast_list_is_in_the_chat_with_each_recipient() -> None:
    recipients = [
        pb.BroadcastRecipient(LID=jid(BOB_LID, "lid"), PN=jid(BOB_PHONE, "s.whatsapp.net")),
        pb.BroadcastRecipient(LID=pb.JID(), PN=jid("4915100000001", "s.whatsapp.net")),
        pb.BroadcastRecipient(LID=pb.JID(), PN=pb.JID()),
    ]
    event = own(Chat=LIST, BroadcastRecipients=recipients)
    copies = map_messages(event, INSTANCE)
    assert not isinstance(copies, IgnoredEvent)
    assert [copy.chat for copy in copies] == [BOB, Party(phone="4915100000001")]
    assert all((copy.from_me, copy.group, copy.wa_id) == (True, None, "3EB0AA") for copy in copies)
    assert len({copy.id for copy in copies}) == 2
    repeated = map_messages(event, INSTANCE)
    assert not isinstance(repeated, IgnoredEvent)
    assert [copy.id for copy in repeated] == [copy.id for copy in copies]


def test_a_broadcast_list_without_known_recipients_is_ignored() -> None:
    assert map_messages(own(Chat=LIST), INSTANCE) == IgnoredEvent("message-broadcast-list")


@pytest.mark.parametrize("user", ["status", "location", "", "١٢٣"])
def test_other_broadcasts_are_ignored(user: str) -> None:
    assert map_messages(message(Chat=jid(user, "broadcast")), INSTANCE) == IgnoredEvent("message-broadcast")


@pytest.mark.parametrize(
    "name", ["", "-", "   ", "\u200e", "\u3164\u3164", "...", "🌸", "\u2800", "\u0301", "\U000e0041"]
)
def test_a_name_without_a_letter_or_digit_is_none(name: str) -> None:
    assert mapped(message(name=name)).push_name is None


@pytest.mark.parametrize("name", ["Ana", "李", "अनु", "7", "O", "🌸 Ana", "ㅎㅎ"])
def test_a_name_with_a_letter_or_digit_is_used(name: str) -> None:
    assert mapped(message(name=name)).push_name == name


@pytest.mark.parametrize("name", ["", "-"])
def test_a_business_without_a_push_name_has_its_verified_name(name: str) -> None:
    event = message(name=name)
    event.Info.VerifiedName.Details.verifiedName = "Padaria Sol"
    assert mapped(event).push_name == "Padaria Sol"
    event.Info.Pushname = "Sol"
    assert mapped(event).push_name == "Sol"


@pytest.mark.parametrize("timestamp", [0, 1, -1, -62_135_596_800, 4_102_444_800, 2**62, -(2**63), 2**63 - 1])
def test_an_impossible_timestamp_is_replaced_by_the_present_time(timestamp: int) -> None:
    before = utc_now()
    assert before <= mapped(message(timestamp=timestamp)).timestamp <= utc_now()


def test_a_possible_timestamp_is_used() -> None:
    soon = (utc_now() + timedelta(minutes=2)).replace(microsecond=0)
    assert mapped(message(timestamp=int(soon.timestamp()))).timestamp == soon
    assert mapped(message(timestamp=1_400_000_000)).timestamp == datetime.fromtimestamp(1_400_000_000, UTC)
