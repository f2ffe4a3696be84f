"""With whom a message is exchanged: people, bots, broadcast lists; what the sender is called, and when it was."""

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
    ACCOUNT,
    BOB_LID,
    BOB_PHONE,
    OWN_LID,
    OWN_PHONE,
    jid,
    message,
    pb,
    received,
)

BOB = Party(phone=BOB_PHONE, lid=BOB_LID)
LIST = jid("1790000000", "broadcast")
ROBOTS = [("867051314767696", "bot"), ("13135550002", "s.whatsapp.net"), ("13165550042", "s.whatsapp.net")]


def own(**source: Any) -> Any:
    given = {
        "IsFromMe": True,
        "Sender": jid(OWN_LID, "lid"),
        "SenderAlt": jid(OWN_PHONE, "s.whatsapp.net"),
        **source,
    }
    return message(**given)


@pytest.mark.parametrize(("user", "server"), ROBOTS)
def test_what_bots_write_and_what_the_owner_asks_them_is_ignored(user: str, server: str) -> None:
    bot = jid(user, server)
    by_bot = message(Chat=bot, Sender=bot, SenderAlt=pb.JID())
    in_group = message(Chat=jid("120363041234567890", "g.us"), IsGroup=True, Sender=bot, SenderAlt=pb.JID())
    for event in (by_bot, in_group, own(Chat=bot)):
        assert map_messages(event, ACCOUNT) == IgnoredEvent("message-bot")


@pytest.mark.parametrize(("user", "server"), ROBOTS)
def test_receipts_typing_and_presence_of_bots_are_no_errors(user: str, server: str) -> None:
    source = pb.MessageSource(Chat=jid(user, server), Sender=jid(user, server), IsFromMe=False, IsGroup=False)
    receipt = pb.Receipt(MessageSource=source, MessageIDs=["A"], Timestamp=1_790_000_000, Type=1)
    assert map_receipt(receipt, ACCOUNT) == IgnoredEvent("receipt-bot")
    assert map_typing(pb.ChatPresence(MessageSource=source), ACCOUNT) == IgnoredEvent("typing-bot")
    presence = pb.Presence(From=jid(user, server), Unavailable=False, LastSeen=0)
    assert map_presence(presence, ACCOUNT) == IgnoredEvent("presence-bot")


@pytest.mark.parametrize("number", ["13135551234567", "1313555123", "131655500123", "4913135551234"])
def test_numbers_that_look_like_those_of_bots_are_people(number: str) -> None:
    person = jid(number, "s.whatsapp.net")
    assert received(message(Chat=person, Sender=person, SenderAlt=pb.JID())).sender == Party(phone=number)


def test_announcements_of_whatsapp_are_ignored() -> None:
    service = jid("0", "s.whatsapp.net")
    assert map_messages(message(Chat=service, Sender=service, SenderAlt=pb.JID()), ACCOUNT) == IgnoredEvent(
        "message-service"
    )


def test_what_comes_through_a_broadcast_list_belongs_to_the_chat_with_its_sender() -> None:
    ours = received(message(Chat=LIST))
    assert (ours.sender, ours.chat, ours.group, ours.from_me) == (BOB, BOB, None, False)


def test_what_the_owner_writes_to_a_list_belongs_to_the_chat_with_each_recipient() -> None:
    recipients = [
        pb.BroadcastRecipient(LID=jid(BOB_LID, "lid"), PN=jid(BOB_PHONE, "s.whatsapp.net")),
        pb.BroadcastRecipient(LID=pb.JID(), PN=jid("4915100000001", "s.whatsapp.net")),
        pb.BroadcastRecipient(LID=pb.JID(), PN=pb.JID()),
    ]
    event = own(Chat=LIST, BroadcastRecipients=recipients)
    copies = map_messages(event, ACCOUNT)
    assert not isinstance(copies, IgnoredEvent)
    assert [copy.chat for copy in copies] == [BOB, Party(phone="4915100000001")]
    assert all((copy.from_me, copy.group, copy.wa_id) == (True, None, "3EB0AA") for copy in copies)
    assert len({copy.id for copy in copies}) == 2
    again = map_messages(event, ACCOUNT)
    assert not isinstance(again, IgnoredEvent)
    assert [copy.id for copy in again] == [copy.id for copy in copies]


def test_a_list_of_the_owner_without_known_recipients_is_counted() -> None:
    assert map_messages(own(Chat=LIST), ACCOUNT) == IgnoredEvent("message-broadcast-list")


@pytest.mark.parametrize("user", ["status", "location", "", "١٢٣"])
def test_only_a_list_of_somebody_is_a_chat(user: str) -> None:
    assert map_messages(message(Chat=jid(user, "broadcast")), ACCOUNT) == IgnoredEvent("message-broadcast")


@pytest.mark.parametrize(
    "name", ["", "-", "   ", "\u200e", "\u3164\u3164", "...", "🌸", "\u2800", "\u0301", "\U000e0041"]
)
def test_a_name_that_shows_nothing_is_none(name: str) -> None:
    assert received(message(name=name)).push_name is None


@pytest.mark.parametrize("name", ["Ana", "李", "अनु", "7", "O", "🌸 Ana", "ㅎㅎ"])
def test_a_name_with_a_letter_or_digit_stays(name: str) -> None:
    assert received(message(name=name)).push_name == name


@pytest.mark.parametrize("name", ["", "-"])
def test_a_business_is_called_by_its_verified_name_when_it_has_no_other(name: str) -> None:
    event = message(name=name)
    event.Info.VerifiedName.Details.verifiedName = "Padaria Sol"
    assert received(event).push_name == "Padaria Sol"
    event.Info.Pushname = "Sol"
    assert received(event).push_name == "Sol"


@pytest.mark.parametrize("timestamp", [0, 1, -1, -62_135_596_800, 4_102_444_800, 2**62, -(2**63), 2**63 - 1])
def test_a_time_that_cannot_be_true_is_that_of_arrival(timestamp: int) -> None:
    before = utc_now()
    assert before <= received(message(timestamp=timestamp)).timestamp <= utc_now()


def test_a_time_that_can_be_true_stays() -> None:
    soon = (utc_now() + timedelta(minutes=2)).replace(microsecond=0)
    assert received(message(timestamp=int(soon.timestamp()))).timestamp == soon
    assert received(message(timestamp=1_400_000_000)).timestamp == datetime.fromtimestamp(1_400_000_000, UTC)
