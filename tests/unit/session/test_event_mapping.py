"""Maps the library's protobufs to our events. The protobuf classes are real; the native library is not loaded."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.session.worker.mapping.event_mapping import (
    IgnoredEvent,
    map_message,
    map_receipt,
    map_undecryptable,
    to_utc,
)
from services.session.worker.mapping.jids import UnmappableEvent
from shared.contracts.events import MessageReceived, MessagesReadElsewhere, ReceiptReceived
from shared.contracts.ids import derived_id
from shared.contracts.message_parts import Media
from shared.contracts.records import Party
from tests.unit.session.messages import BOB_LID, BOB_PHONE, INSTANCE, OWN_PHONE, e2e, jid, mapped, message, pb


def test_a_text_from_a_contact_has_both_addresses() -> None:
    ours = mapped(message())
    bob = Party(phone=BOB_PHONE, lid=BOB_LID)
    assert (ours.wa_id, ours.text, ours.type, ours.push_name) == ("3EB0AA", "hello", "text", "Bob")
    assert (ours.sender, ours.chat, ours.group, ours.from_me) == (bob, bob, None, False)
    assert ours.timestamp == datetime.fromtimestamp(1_790_000_000, UTC)
    assert ours.full_subject == "wa.event.message.received.acme.sales"


def test_a_redelivery_is_the_same_event() -> None:
    assert (
        mapped(message()).id
        == mapped(message()).id
        == derived_id("sales", "message", "inbound", "", f"lid:{BOB_LID}", "3EB0AA")
    )


def test_the_same_id_is_another_message_in_another_chat_from_another_sender_or_in_the_other_direction() -> None:
    """The sender's program chooses the id."""
    eve, group = jid("777", "lid"), {"Chat": jid("1-2", "g.us"), "IsGroup": True}
    sources = [
        {},
        {"Sender": eve, "Chat": eve, "SenderAlt": None},
        {"IsFromMe": True},
        {"IsFromMe": True, "Chat": eve},
        group,
        {**group, "Sender": eve, "SenderAlt": None},
        {**group, "Chat": jid("3-4", "g.us")},
        {**group, "IsFromMe": True},
    ]
    assert len({mapped(message(**source)).id for source in sources}) == len(sources)


def test_a_message_from_the_phone_number_and_from_the_lid_is_the_same_event() -> None:
    phone, lid = jid(BOB_PHONE, "s.whatsapp.net"), jid(BOB_LID, "lid")
    one = mapped(message(Sender=lid, Chat=lid, SenderAlt=phone))
    other = mapped(message(Sender=phone, Chat=phone, SenderAlt=lid))
    assert one.id == other.id


def test_a_contact_known_by_phone_only_has_no_lid() -> None:
    by_phone = jid(BOB_PHONE, "s.whatsapp.net")
    assert mapped(message(Chat=by_phone, Sender=by_phone, SenderAlt=pb.JID())).sender == Party(phone=BOB_PHONE)


def test_a_message_of_the_owner_has_the_contact_as_chat() -> None:
    event = message(
        IsFromMe=True,
        Sender=jid(OWN_PHONE, "s.whatsapp.net"),
        SenderAlt=pb.JID(),
        RecipientAlt=jid(BOB_PHONE, "s.whatsapp.net"),
    )
    ours = mapped(event)
    assert (ours.from_me, ours.sender, ours.chat) == (
        True,
        Party(phone=OWN_PHONE),
        Party(phone=BOB_PHONE, lid=BOB_LID),
    )


def test_a_group_message_has_a_group_instead_of_a_chat() -> None:
    ours = mapped(message(Chat=jid("120363041234567890", "g.us"), IsGroup=True))
    assert (ours.group, ours.chat) == ("120363041234567890@g.us", None)
    assert ours.sender == Party(phone=BOB_PHONE, lid=BOB_LID)


@pytest.mark.parametrize("server", ["broadcast", "newsletter"])
def test_status_posts_and_newsletters_are_ignored(server: str) -> None:
    assert map_message(message(Chat=jid("status", server)), INSTANCE) == IgnoredEvent(f"message-{server}")


def test_an_answer_has_the_id_of_the_quoted_message() -> None:
    body = e2e.Message(
        extendedTextMessage=e2e.ExtendedTextMessage(text="yes", contextInfo=e2e.ContextInfo(stanzaID="3EB0FF"))
    )
    ours = mapped(message(body))
    assert (ours.type, ours.text, ours.quoted_wa_id) == ("text", "yes", "3EB0FF")


@pytest.mark.parametrize(
    ("participant", "author"),
    [
        (f"{BOB_LID}@lid", Party(lid=BOB_LID)),
        (f"{OWN_PHONE}:7@s.whatsapp.net", Party(phone=OWN_PHONE)),
        ("120363041234567890@g.us", None),
        ("nobody", None),
        ("", None),
    ],
)
def test_an_answer_has_the_author_of_the_quoted_message(participant: str, author: Party | None) -> None:
    """The sender chooses the id, so a message of ours and one of the contact may have the same."""
    body = e2e.Message()
    wrapped = body.ephemeralMessage.message.extendedTextMessage
    wrapped.text, wrapped.contextInfo.stanzaID, wrapped.contextInfo.participant = "yes", "3EB0FF", participant
    assert mapped(message(body)).quoted_sender == author


def test_a_reaction_in_a_group_has_the_author_of_its_message() -> None:
    body = e2e.Message(reactionMessage=e2e.ReactionMessage(text="👍"))
    body.reactionMessage.key.ID, body.reactionMessage.key.participant = "3EB0FF", f"{OWN_PHONE}@s.whatsapp.net"
    assert mapped(message(body)).quoted_sender == Party(phone=OWN_PHONE)


def undecryptable(**fields: Any) -> Any:
    event = pb.UndecryptableMessage(DecryptFailMode="DECRYPT_FAIL_SHOW", IsUnavailable=False)
    event.Info.CopyFrom(message(**fields.pop("source", {})).Info)
    for name, value in fields.items():
        setattr(event, name, value)
    return event


def test_an_undecryptable_message_becomes_a_placeholder() -> None:
    ours = map_undecryptable(undecryptable(), INSTANCE)
    assert isinstance(ours, MessageReceived)
    assert (ours.type, ours.text, ours.wa_id) == ("undecryptable", None, "3EB0AA")
    assert ours.sender == ours.chat == Party(phone=BOB_PHONE, lid=BOB_LID)
    assert ours.id != mapped(message()).id, "the stream would drop the readable copy as a repeat"


def test_a_message_that_linked_devices_do_not_get_becomes_a_placeholder() -> None:
    ours = map_undecryptable(undecryptable(IsUnavailable=True), INSTANCE)
    assert isinstance(ours, MessageReceived)
    assert (ours.type, ours.text, ours.push_name) == ("unavailable", None, "Bob")


def test_an_undecryptable_message_that_no_client_shows_is_ignored() -> None:
    """A reaction, an edit or a vote that cannot be decrypted."""
    hidden = undecryptable(DecryptFailMode=pb.UndecryptableMessage.DECRYPT_FAIL_HIDE)
    assert map_undecryptable(hidden, INSTANCE) == IgnoredEvent("undecryptable-hidden")


def test_an_undecryptable_status_post_is_ignored() -> None:
    status = undecryptable(source={"Chat": jid("status", "broadcast")})
    assert map_undecryptable(status, INSTANCE) == IgnoredEvent("message-broadcast")


def test_a_picture_has_its_type_and_size() -> None:
    body = e2e.Message(imageMessage=e2e.ImageMessage(mimetype="image/png", fileLength=12, caption="look"))
    ours = mapped(message(body))
    assert (ours.type, ours.text, ours.media) == ("image", "look", Media(mime_type="image/png", size=12))


def test_a_voice_note_has_its_duration() -> None:
    body = e2e.Message(audioMessage=e2e.AudioMessage(mimetype="audio/ogg", fileLength=9, seconds=4))
    assert mapped(message(body)).media == Media(mime_type="audio/ogg", size=9, seconds=4)


def test_a_document_has_its_file_name() -> None:
    body = e2e.Message(documentMessage=e2e.DocumentMessage(mimetype="application/pdf", fileName="offer.pdf"))
    assert mapped(message(body)).media == Media(mime_type="application/pdf", file_name="offer.pdf")


def test_a_reaction_has_the_id_of_its_message() -> None:
    body = e2e.Message(reactionMessage=e2e.ReactionMessage(text="👍"))
    body.reactionMessage.key.ID = "3EB0FF"
    ours = mapped(message(body))
    assert (ours.type, ours.text, ours.quoted_wa_id) == ("reaction", "👍", "3EB0FF")


def test_an_edit_has_the_new_text_and_the_id_of_the_edited_message() -> None:
    body = e2e.Message(protocolMessage=e2e.ProtocolMessage(type=14))
    body.protocolMessage.key.ID = "3EB0FF"
    body.protocolMessage.editedMessage.conversation = "at ten"
    ours = mapped(message(body))
    assert (ours.type, ours.text, ours.quoted_wa_id) == ("edit", "at ten", "3EB0FF")


def test_a_wrapped_message_is_unwrapped() -> None:
    body = e2e.Message()
    body.ephemeralMessage.message.conversation = "vanishing"
    assert mapped(message(body)).text == "vanishing"


def test_a_location_has_its_name_and_coordinates() -> None:
    body = e2e.Message(locationMessage=e2e.LocationMessage(degreesLatitude=52.5, degreesLongitude=13.4, name="Office"))
    ours = mapped(message(body))
    assert (ours.type, ours.text) == ("location", "Office (52.5, 13.4)")


def test_a_kind_without_text_has_its_own_type() -> None:
    body = e2e.Message()
    body.eventInviteMessage.SetInParent()
    assert mapped(message(body)).type == "event_invite"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (lambda: e2e.Message(), "metadata"),
        (lambda: e2e.Message(senderKeyDistributionMessage=e2e.SenderKeyDistributionMessage(groupID="g")), "metadata"),
        (lambda: e2e.Message(protocolMessage=e2e.ProtocolMessage(type=0)), "revoke"),
    ],
)
def test_metadata_is_ignored(body: Any, kind: str) -> None:
    assert map_message(message(body()), INSTANCE) == IgnoredEvent(f"message-{kind}")


def test_an_address_that_is_no_person_cannot_be_mapped() -> None:
    other = jid("131", "interop")
    with pytest.raises(UnmappableEvent, match="interop"):
        map_message(message(Chat=other, Sender=other, SenderAlt=pb.JID()), INSTANCE)


def test_a_message_without_an_id_cannot_be_mapped() -> None:
    event = message()
    event.Info.ID = ""
    with pytest.raises(UnmappableEvent, match="id"):
        map_message(event, INSTANCE)


def receipt(kind: int, *, from_me: bool = False) -> Any:
    source = pb.MessageSource(
        Chat=jid(BOB_LID, "lid"),
        Sender=jid(BOB_LID, "lid"),
        SenderAlt=jid(BOB_PHONE, "s.whatsapp.net"),
        IsFromMe=from_me,
        IsGroup=False,
    )
    return pb.Receipt(MessageSource=source, MessageIDs=["A", "B"], Timestamp=1_790_000_000, Type=kind)


@pytest.mark.parametrize(("kind", "status"), [(1, "delivered"), (4, "read"), (6, "played")])
def test_receipts_of_contacts_have_the_status_of_our_messages(kind: int, status: str) -> None:
    ours = map_receipt(receipt(kind), INSTANCE)
    assert isinstance(ours, ReceiptReceived)
    assert (ours.wa_ids, ours.status, ours.sender) == (["A", "B"], status, Party(phone=BOB_PHONE, lid=BOB_LID))
    repeated = map_receipt(receipt(kind), INSTANCE)
    assert isinstance(repeated, ReceiptReceived)
    assert repeated.model_dump(exclude={"at"}) == ours.model_dump(exclude={"at"})


@pytest.mark.parametrize(("kind", "name"), [(2, "sender"), (3, "retry")])
def test_receipts_between_own_devices_are_ignored(kind: int, name: str) -> None:
    assert map_receipt(receipt(kind), INSTANCE) == IgnoredEvent(f"receipt-{name}")
    assert map_receipt(receipt(1, from_me=True), INSTANCE) == IgnoredEvent("receipt-delivered")


@pytest.mark.parametrize(("kind", "from_me"), [(4, True), (5, True), (5, False)])
def test_messages_that_the_owner_read_on_another_device_are_an_event_of_their_own(kind: int, from_me: bool) -> None:
    read = map_receipt(receipt(kind, from_me=from_me), INSTANCE)
    assert isinstance(read, MessagesReadElsewhere)
    assert read.wa_ids == ["A", "B"]
    assert (read.chat, read.group) == (None, None)  # the receipt names only the account itself
    repeated = map_receipt(receipt(kind, from_me=from_me), INSTANCE)
    assert isinstance(repeated, MessagesReadElsewhere)
    assert repeated.id == read.id


def test_messages_read_elsewhere_have_their_chat() -> None:
    read = receipt(5, from_me=True)
    read.MessageSource.Chat.CopyFrom(jid("777", "lid"))
    one = map_receipt(read, INSTANCE)
    read.MessageSource.Chat.CopyFrom(jid("1-2", "g.us"))
    other = map_receipt(read, INSTANCE)
    assert isinstance(one, MessagesReadElsewhere)
    assert isinstance(other, MessagesReadElsewhere)
    assert (one.chat, one.group) == (Party(lid="777"), None)
    assert (other.chat, other.group) == (None, "1-2@g.us")
    assert one.id != other.id


def test_timestamps_in_seconds_and_in_milliseconds_are_distinguished() -> None:
    assert to_utc(1_790_000_000) == to_utc(1_790_000_000_000)
