"""What strangers send is bounded where it enters: names, files, texts, ids, addresses, and how much there is of it."""

import base64
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.session.worker.journal.journal import Journal
from services.session.worker.journal.journal_writer import JournalWriter
from services.session.worker.journal.received_messages import ReceivedMessages
from services.session.worker.mapping.event_mapping import IgnoredEvent, InstanceIdentity, map_message, map_typing
from services.session.worker.mapping.jids import UnmappableEvent
from services.session.worker.mapping.journal_mapping import JournalMapper
from services.session.worker.preload import preload_protobufs
from shared.contracts.events import MessageReceived, MessagesReadElsewhere, ReceiptReceived
from shared.contracts.message_parts import Media
from shared.contracts.records import Contact, MessageRecord, Party
from shared.contracts.registry import MAX_MESSAGE_BYTES, parse_event
from tests.integration.router.conftest import START

preload_protobufs()
pb: Any = sys.modules["neonize.proto.Neonize_pb2"]
e2e: Any = sys.modules["waE2E.WAWebProtobufsE2E_pb2"]
INSTANCE = InstanceIdentity("acme", "sales")
HUGE = 900_000
LARGEST_EVENT = 500_000
"""Bytes of an event in JSON, half of what the stream takes."""
CONTROL = {chr(code) for code in (*range(9), 11, 12, *range(14, 32), *range(127, 160))}
DIRECTION = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def jid(user: str, server: str) -> Any:
    return pb.JID(User=user, Server=server, RawAgent=0, Device=0, Integrator=0, IsEmpty=False)


def event_of(body: Any, **more: Any) -> Any:
    event = pb.Message()
    event.Info.ID, event.Info.Pushname, event.Info.Timestamp = "3EB0AA", more.get("name", "Bob"), 1_790_000_000
    bob = jid(more.get("user", "4915112345678"), more.get("server", "s.whatsapp.net"))
    source = pb.MessageSource(Chat=more.get("chat", bob), Sender=bob, IsFromMe=False, IsGroup=False)
    event.Info.MessageSource.CopyFrom(source)
    event.Info.ID = more.get("wa_id", "3EB0AA")
    event.Message.CopyFrom(body)
    return event


def received(event: Any) -> MessageReceived:
    ours = map_message(event, INSTANCE)
    assert isinstance(ours, MessageReceived)
    return ours


AD_FIELDS = ("title", "body", "sourceID", "sourceURL", "sourceType", "ctwaClid")
BODIES = {
    "text": lambda s: e2e.Message(conversation=s),
    "extended text": lambda s: e2e.Message(
        extendedTextMessage=e2e.ExtendedTextMessage(text=s, contextInfo=e2e.ContextInfo(stanzaID=s))
    ),
    "file": lambda s: e2e.Message(
        documentMessage=e2e.DocumentMessage(fileName=s, mimetype=s, caption=s, fileLength=2**64 - 1)
    ),
    "image": lambda s: e2e.Message(imageMessage=e2e.ImageMessage(caption=s, mimetype=s)),
    "contact": lambda s: e2e.Message(contactMessage=e2e.ContactMessage(displayName=s)),
    "place": lambda s: e2e.Message(locationMessage=e2e.LocationMessage(name=s, degreesLatitude=float("nan"))),
    "poll": lambda s: e2e.Message(pollCreationMessage=e2e.PollCreationMessage(name=s)),
    "invite": lambda s: e2e.Message(groupInviteMessage=e2e.GroupInviteMessage(groupName=s)),
    "list": lambda s: e2e.Message(listResponseMessage=e2e.ListResponseMessage(title=s)),
    "reaction": lambda s: e2e.Message(reactionMessage=e2e.ReactionMessage(text=s)),
    "card": lambda s: e2e.Message(contactMessage=e2e.ContactMessage(displayName=s, vcard=f"TEL;waid=1:{s}\nTEL:1{s}")),
    "buttons": lambda s: e2e.Message(
        buttonsMessage=e2e.ButtonsMessage(
            contentText=s, buttons=[{"buttonText": {"displayText": s}, "buttonID": str(place)} for place in range(9)]
        )
    ),
    "form": lambda s: e2e.Message(
        interactiveResponseMessage={"nativeFlowResponseMessage": {"name": s, "paramsJSON": s, "version": 1}}
    ),
    "advertisement": lambda s: e2e.Message(
        extendedTextMessage={"text": s, "contextInfo": {"externalAdReply": dict.fromkeys(AD_FIELDS, s)}}
    ),
    "edit": lambda s: e2e.Message(
        protocolMessage=e2e.ProtocolMessage(type=14, editedMessage=e2e.Message(conversation=s))
    ),
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("letter", ["a", "\U0001f469\u200d\U0001f680", "e\u0301", "\U0001f1e9\U0001f1ea", "\x00", "\n"])
def test_whatever_is_huge_becomes_an_event_of_bounded_size(kind: str, letter: str) -> None:
    ours = received(event_of(BODIES[kind](letter * (HUGE // len(letter))), name=letter * 100_000))
    body = ours.model_dump_json()
    assert len(body.encode()) < LARGEST_EVENT < MAX_MESSAGE_BYTES
    assert len(ours.push_name or "") <= 256
    assert ours.media is None or len((ours.media.file_name or "") + (ours.media.mime_type or "")) <= 512
    assert MessageReceived.model_validate_json(body) == ours


def small_strings() -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="utf-8"), max_size=400)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kind=st.sampled_from(sorted(BODIES)), text=small_strings(), name=small_strings(), times=st.integers(1, 500))
def test_every_string_of_a_stranger_is_bounded_clean_and_stays_what_it_is(
    kind: str, text: str, name: str, times: int
) -> None:
    ours = received(event_of(BODIES[kind](text * times), name=name * times))
    names = [ours.push_name or "", ours.media.file_name or "" if ours.media else ""]
    for value in (*names, ours.text or ""):
        assert not CONTROL & set(value)
    for value in names:
        assert len(value) <= 256
        assert not DIRECTION & set(value)
        assert "\n" not in value
    assert len(ours.text or "") <= 65_536
    assert parse_event(ours.full_subject, ours.model_dump_json().encode()) == ours


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=3_000))
def test_no_bytes_stop_the_journal(raw: bytes) -> None:
    """The callback stores the bytes; whatever they are, the forwarder gets something to publish, or nothing."""
    for name in ("Message", "Receipt"):
        journal = Journal(Path(":memory:"))
        assert JournalWriter(journal).append(name, raw)
        (entry,) = journal.read_after(0, 1)
        for part in JournalMapper(INSTANCE, ReceivedMessages(journal)).entries_to_publish(entry):
            assert part.error or parse_event(part.subject, part.body.encode())
        journal.close()


@pytest.mark.parametrize("value", ["x" * 1_000, "12 34", "1@g.us", "1\x00", ".." * 40])
def test_an_address_that_is_none_is_refused(value: str) -> None:
    body = e2e.Message(conversation="hello")
    with pytest.raises((UnmappableEvent, ValueError)):
        map_message(event_of(body, user=value), INSTANCE)
    with pytest.raises((UnmappableEvent, ValueError)):
        map_message(event_of(body, chat=jid(value, "g.us")), INSTANCE)
    seen = pb.ChatPresence(MessageSource=pb.MessageSource(Chat=jid(value, "lid"), Sender=jid(value, "lid")))
    with pytest.raises((UnmappableEvent, ValueError)):
        assert isinstance(map_typing(seen, INSTANCE), IgnoredEvent)


def test_an_id_that_is_too_long_names_no_message() -> None:
    with pytest.raises(UnmappableEvent):
        map_message(event_of(e2e.Message(conversation="hello"), wa_id="A" * HUGE), INSTANCE)
    context = e2e.ContextInfo(stanzaID="A" * HUGE)
    quoting = e2e.Message(extendedTextMessage=e2e.ExtendedTextMessage(text="yes", contextInfo=context))
    assert received(event_of(quoting)).quoted_wa_id is None


@pytest.mark.parametrize("kind", [1, 3], ids=["receipt", "read elsewhere"])
def test_a_receipt_that_names_very_many_ids_is_split_and_none_is_lost(kind: int) -> None:
    ids = [f"3EB0{number:028X}" for number in range(30_000)]
    names = pb.Receipt.DESCRIPTOR.fields_by_name["Type"].enum_type.values_by_name
    wanted = "DELIVERED" if kind == 1 else "READ_SELF"
    bob = jid("4915112345678", "s.whatsapp.net")
    receipt = pb.Receipt(
        MessageSource=pb.MessageSource(Chat=bob, Sender=bob, IsFromMe=False, IsGroup=False),
        MessageIDs=ids,
        Timestamp=1_790_000_000,
        Type=names[wanted].number,
    )
    journal = Journal(Path(":memory:"))
    JournalWriter(journal).append("Receipt", receipt.SerializePartialToString())
    (entry,) = journal.read_after(0, 1)
    parts = [
        parse_event(part.subject, part.body.encode())
        for part in JournalMapper(INSTANCE, ReceivedMessages(journal)).entries_to_publish(entry)
    ]
    events = [part for part in parts if isinstance(part, ReceiptReceived | MessagesReadElsewhere)]
    assert [wa_id for event in events for wa_id in event.wa_ids] == ids
    assert max(len(event.model_dump_json()) for event in events) < 100_000
    assert len({event.id for event in events}) == len(events)


def test_what_was_stored_before_the_limits_is_shown_within_them() -> None:
    contact = Contact.model_validate(
        {"id": "c", "organization_id": "acme", "name": "N" * HUGE, "created_at": START, "updated_at": START}
    )
    media = Media.model_validate({"file_name": "f" * HUGE + ".pdf", "mime_type": "m" * HUGE, "size": 2**70})
    assert len(contact.name or "") == 256
    assert (media.file_name or "").endswith("….pdf")
    assert (len(media.file_name or ""), len(media.mime_type or ""), media.size) == (255, 128, None)
    message = {
        "id": "m",
        "organization_id": "acme",
        "instance_id": "one",
        "direction": "inbound",
        "origin": "contact",
        "from_address": "1",
        "to_address": "2",
        "text": "t" * HUGE,
        "status": "received",
        "timestamp": START,
    }
    assert len(MessageRecord.model_validate(message).text or "") == 65_536


def test_a_party_has_a_short_address() -> None:
    with pytest.raises(ValueError, match="at most 64"):
        Party(phone="1" * 1_000)


def test_bytes_that_are_no_event_are_bounded_in_the_dead_letters() -> None:
    journal = Journal(Path(":memory:"))
    JournalWriter(journal).append("Message", b"\xff" * 5_000_000)
    (entry,) = journal.read_after(0, 1)
    (part,) = JournalMapper(INSTANCE, ReceivedMessages(journal)).entries_to_publish(entry)
    assert part.error
    assert len(base64.b64decode(part.body)) < MAX_MESSAGE_BYTES
