"""Names and fields of the socket events."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.realtime.payloads import camel, ephemeral_events_of, socket_events_of
from shared.contracts.ephemeral import ContactPresence, ContactTyping, TypingObserved
from shared.contracts.events import (
    BookingCreated,
    BookingUpdated,
    ConnectionChanged,
    ContactCreated,
    ContactUpdated,
    ConversationUpdated,
    MessageRecorded,
    MessageRevised,
    MessageSent,
    MessageStatusChanged,
    MessageStuck,
    PairingCodeIssued,
    QrIssued,
)
from shared.contracts.message import Event
from shared.contracts.message_parts import Media, Referral
from shared.contracts.records import (
    Booking,
    BookingStatus,
    ConnectionStatus,
    Contact,
    ConversationRecord,
    MessageRecord,
    MessageStatus,
)

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
COMMON: dict[str, Any] = {"organization_id": "acme", "instance_id": "one", "at": AT}


def wire(event: Event) -> dict[str, dict[str, Any]]:
    return dict(socket_events_of(event, 7))


def record(**fields: Any) -> MessageRecord:
    base = {
        "id": "m",
        "organization_id": "acme",
        "instance_id": "one",
        "wa_id": "W",
        "direction": "inbound",
        "origin": "contact",
        "contact_id": "c",
        "conversation_id": "v",
        "booking_id": "b",
        "from_address": "49151",
        "to_address": "49170",
        "text": "hi",
        "status": "received",
        "timestamp": AT,
    }
    return MessageRecord.model_validate(base | fields)


def test_an_answer_names_the_message_it_answers() -> None:
    found = wire(MessageRecorded(message=record(quoted_message_id="q", quoted_wa_id="Q"), **COMMON))
    for name in ("whatsapp:message", "new_message"):
        assert (found[name]["quotedMessageId"], found[name]["quotedWaId"]) == ("q", "Q")


def test_an_edit_and_a_deletion_tell_the_message_as_it_is_then() -> None:
    edited = record(text="new", edited_at=AT, revision=1)
    told = wire(MessageRevised(message=edited, change="edited", **COMMON))["message:updated"]
    assert (told["change"], told["content"], told["id"], told["revision"]) == ("edited", "new", "m", 1)
    assert told.keys() > wire(MessageRecorded(message=edited, **COMMON))["new_message"].keys()
    revoked = MessageRevised(message=record(revoked_at=AT), change="revoked", **COMMON)
    assert wire(revoked)["message:updated"]["revokedAt"] == "2026-01-02T03:04:05Z"
    note = MessageRevised(message=record(kind="note", edited_at=AT), change="edited", **COMMON)
    assert list(wire(note)) == ["note:updated"]


def test_a_message_that_arrived_has_two_events() -> None:
    ad = Referral(source_type="ad", source_id="1202")
    found = wire(MessageRecorded(message=record(media=Media(mime_type="image/png"), referral=ad), **COMMON))
    assert list(found) == ["whatsapp:message", "new_message"]
    arrived = found["whatsapp:message"]
    assert (arrived["messageId"], arrived["id"], arrived["from"], arrived["text"]) == ("W", "m", "49151", "hi")
    assert (arrived["contactId"], arrived["bookingId"], arrived["sequence"]) == ("c", "b", 7)
    assert arrived["media"]["mimeType"] == "image/png"
    assert arrived["referral"]["sourceId"] == found["new_message"]["referral"]["sourceId"] == "1202"
    said = found["new_message"]
    assert (said["content"], said["isOutgoing"], said["conversationId"], said["status"]) == (
        "hi",
        False,
        "v",
        "received",
    )


@pytest.mark.parametrize("origin", ["api", "phone"])
def test_a_message_of_ours_is_no_arrival(origin: str) -> None:
    found = wire(MessageRecorded(message=record(direction="outbound", origin=origin, status="sent"), **COMMON))
    assert list(found) == ["new_message"]
    assert found["new_message"]["isOutgoing"] is True


def test_a_note_is_told_under_its_own_name() -> None:
    assert list(wire(MessageRecorded(message=record(kind="note"), **COMMON))) == ["note:created"]


def test_a_qr_code_is_given_as_text_and_picture() -> None:
    event = QrIssued(qr="2@x", data_url="data:image/png;base64,", ascii="##", attempt=2, expires_at=AT, **COMMON)
    shown = wire(event)["whatsapp:qr"]
    assert (shown["qr"], shown["dataUrl"], shown["attempt"]) == ("2@x", "data:image/png;base64,", 2)
    assert datetime.fromisoformat(shown["expiresAt"]) == AT
    assert shown["instanceId"] == "one"


def test_a_pairing_code_names_the_number() -> None:
    event = PairingCodeIssued(code="ABCD-EFGH", phone_number="49151", expires_at=AT, **COMMON)
    assert wire(event)["whatsapp:pairing-code"]["pairingCode"] == "ABCDEFGH"


def state(status: ConnectionStatus, previous: ConnectionStatus | None = None, **fields: Any) -> dict[str, Any]:
    return wire(ConnectionChanged(status=status, previous=previous, **fields, **COMMON))


def test_going_online_has_the_events_of_two_dialects() -> None:
    found = state(ConnectionStatus.CONNECTED, phone_number="49151")
    assert list(found) == ["whatsapp:status", "whatsapp:connected", "whatsapp:ready"]
    assert (found["whatsapp:connected"]["phoneNumber"], found["whatsapp:connected"]["phone_number"]) == (
        "49151",
        "49151",
    )


@pytest.mark.parametrize("status", ["disconnected", "reconnecting", "logged_out", "restricted", "failed"])
def test_going_offline_says_why_and_whether_it_comes_back(status: str) -> None:
    found = state(ConnectionStatus(status), ConnectionStatus.CONNECTED, reason="r", detail="d", will_retry=True)
    assert list(found) == ["whatsapp:status", "whatsapp:disconnected"]
    told = found["whatsapp:disconnected"]
    assert (told["reason"], told["detail"], told["willRetry"]) == ("r", "d", True)


def test_a_state_on_the_way_is_only_a_status() -> None:
    assert list(state(ConnectionStatus.CONNECTING, ConnectionStatus.DISCONNECTED)) == ["whatsapp:status"]


def test_a_status_names_the_message() -> None:
    event = MessageStatusChanged(message_id="m", wa_id="W", status=MessageStatus.READ, client_id="k", **COMMON)
    told = wire(event)["message_status"]
    assert (told["messageId"], told["status"], told["clientId"]) == ("m", "read", "k")
    assert datetime.fromisoformat(told["timestamp"]) == AT


def test_contacts_and_bookings_are_told_as_records() -> None:
    contact = Contact(id="c", organization_id="acme", phone_number="49151", created_at=AT, updated_at=AT)
    booking = Booking(
        id="b",
        organization_id="acme",
        instance_id="one",
        contact_id="c",
        status=BookingStatus.PENDING,
        opened_by="m",
        created_at=AT,
        updated_at=AT,
    )
    assert wire(ContactCreated(contact=contact, **COMMON))["contact:created"]["phoneNumber"] == "49151"
    merged = wire(ContactUpdated(contact=contact, merged_ids=("x",), **COMMON))["contact:updated"]
    assert merged["mergedIds"] == ["x"]
    assert wire(BookingCreated(booking=booking, **COMMON))["booking:created"]["openedBy"] == "m"
    assert wire(BookingUpdated(booking=booking, **COMMON))["booking:updated"]["status"] == "pending"


def test_a_conversation_is_told_as_its_record() -> None:
    talk = ConversationRecord(
        id="v",
        organization_id="acme",
        instance_id="one",
        contact_id="c",
        unread_count=3,
        assigned_to="u",
        updated_at=AT,
    )
    told = wire(ConversationUpdated(conversation=talk, **COMMON))["conversation:updated"]
    assert (told["id"], told["unreadCount"], told["assignedTo"], told["status"]) == ("v", 3, "u", "open")


def test_a_stuck_message_is_named_with_its_status_and_since_when() -> None:
    event = MessageStuck(message_id="m", status=MessageStatus.QUEUED, since=AT, conversation_id="v", **COMMON)
    told = wire(event)["message:stuck"]
    assert (told["messageId"], told["status"], told["conversationId"]) == ("m", "queued", "v")
    assert datetime.fromisoformat(told["since"]) == AT


def test_what_only_services_need_is_not_told() -> None:
    assert socket_events_of(MessageSent(message_id="m", wa_id="W", timestamp=AT, **COMMON), 7) == []


def test_keys_become_camel_case_all_the_way_down() -> None:
    assert camel({"a_b_c": [{"d_e": 1}], "f": None}) == {"aBC": [{"dE": 1}], "f": None}


def test_what_is_only_live_has_no_sequence() -> None:
    whose = {"contact_id": "c", "conversation_id": "v", "from_address": "49151", **COMMON}
    ((name, typing),) = ephemeral_events_of(ContactTyping.model_validate({**whose, "state": "recording"}))
    assert (name, typing["state"], typing["isTyping"], typing["from"]) == ("typing", "recording", True, "49151")
    assert (typing["contactId"], typing["conversationId"], "sequence" in typing) == ("c", "v", False)
    assert ephemeral_events_of(ContactTyping.model_validate({**whose, "state": "paused"}))[0][1]["isTyping"] is False
    ((name, presence),) = ephemeral_events_of(
        ContactPresence.model_validate({**whose, "available": False, "last_seen": AT})
    )
    assert (name, presence["available"], datetime.fromisoformat(presence["lastSeen"])) == ("presence", False, AT)
    assert (
        ephemeral_events_of(TypingObserved.model_validate({**COMMON, "sender": {"phone": "1"}, "state": "paused"}))
        == []
    )
