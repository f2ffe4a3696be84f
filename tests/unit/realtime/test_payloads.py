"""Names and fields of the socket events."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.realtime.payloads import author_of, camel, ephemeral_events_of, socket_events_of
from shared.contracts.ephemeral import ColleagueTyping, ColleagueViewing, ContactPresence, ContactTyping, TypingObserved
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


def events_of(event: Event) -> dict[str, dict[str, Any]]:
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


def test_a_reply_names_the_quoted_message() -> None:
    events = events_of(MessageRecorded(message=record(quoted_message_id="q", quoted_wa_id="Q"), **COMMON))
    for name in ("whatsapp:message", "new_message"):
        assert (events[name]["quotedMessageId"], events[name]["quotedWaId"]) == ("q", "Q")


def test_an_edit_and_a_deletion_contain_the_whole_message() -> None:
    edited = record(text="new", edited_at=AT, revision=1)
    payload = events_of(MessageRevised(message=edited, change="edited", **COMMON))["message:updated"]
    assert (payload["change"], payload["content"], payload["id"], payload["revision"]) == ("edited", "new", "m", 1)
    assert payload.keys() > events_of(MessageRecorded(message=edited, **COMMON))["new_message"].keys()
    revoked = MessageRevised(message=record(revoked_at=AT), change="revoked", **COMMON)
    assert events_of(revoked)["message:updated"]["revokedAt"] == "2026-01-02T03:04:05Z"
    note = MessageRevised(message=record(kind="note", edited_at=AT), change="edited", **COMMON)
    assert list(events_of(note)) == ["note:updated"]


def test_an_inbound_message_has_two_events() -> None:
    ad = Referral(source_type="ad", source_id="1202")
    events = events_of(MessageRecorded(message=record(media=Media(mime_type="image/png"), referral=ad), **COMMON))
    assert list(events) == ["whatsapp:message", "new_message"]
    arrived = events["whatsapp:message"]
    assert (arrived["messageId"], arrived["id"], arrived["from"], arrived["text"]) == ("W", "m", "49151", "hi")
    assert (arrived["contactId"], arrived["bookingId"], arrived["sequence"]) == ("c", "b", 7)
    assert arrived["media"]["mimeType"] == "image/png"
    assert arrived["referral"]["sourceId"] == events["new_message"]["referral"]["sourceId"] == "1202"
    message = events["new_message"]
    assert (message["content"], message["isOutgoing"], message["conversationId"], message["status"]) == (
        "hi",
        False,
        "v",
        "received",
    )


@pytest.mark.parametrize("origin", ["api", "phone"])
def test_an_outbound_message_has_one_event(origin: str) -> None:
    events = events_of(MessageRecorded(message=record(direction="outbound", origin=origin, status="sent"), **COMMON))
    assert list(events) == ["new_message"]
    assert events["new_message"]["isOutgoing"] is True


def test_a_note_has_an_event_of_its_own() -> None:
    assert list(events_of(MessageRecorded(message=record(kind="note"), **COMMON))) == ["note:created"]


def test_a_qr_code_has_text_and_picture() -> None:
    event = QrIssued(qr="2@x", data_url="data:image/png;base64,", ascii="##", attempt=2, expires_at=AT, **COMMON)
    payload = events_of(event)["whatsapp:qr"]
    assert (payload["qr"], payload["dataUrl"], payload["attempt"]) == ("2@x", "data:image/png;base64,", 2)
    assert datetime.fromisoformat(payload["expiresAt"]) == AT
    assert payload["instanceId"] == "one"


def test_a_pairing_code_has_no_hyphen() -> None:
    event = PairingCodeIssued(code="ABCD-EFGH", phone_number="49151", expires_at=AT, **COMMON)
    assert events_of(event)["whatsapp:pairing-code"]["pairingCode"] == "ABCDEFGH"


def state(status: ConnectionStatus, previous: ConnectionStatus | None = None, **fields: Any) -> dict[str, Any]:
    return events_of(ConnectionChanged(status=status, previous=previous, **fields, **COMMON))


def test_connected_has_the_events_of_two_dialects() -> None:
    events = state(ConnectionStatus.CONNECTED, phone_number="49151")
    assert list(events) == ["whatsapp:status", "whatsapp:connected", "whatsapp:ready"]
    assert (events["whatsapp:connected"]["phoneNumber"], events["whatsapp:connected"]["phone_number"]) == (
        "49151",
        "49151",
    )


@pytest.mark.parametrize("status", ["disconnected", "reconnecting", "logged_out", "restricted", "failed"])
def test_disconnected_has_the_reason_and_whether_it_will_retry(status: str) -> None:
    events = state(ConnectionStatus(status), ConnectionStatus.CONNECTED, reason="r", detail="d", will_retry=True)
    assert list(events) == ["whatsapp:status", "whatsapp:disconnected"]
    payload = events["whatsapp:disconnected"]
    assert (payload["reason"], payload["detail"], payload["willRetry"]) == ("r", "d", True)


def test_connecting_is_only_a_status() -> None:
    assert list(state(ConnectionStatus.CONNECTING, ConnectionStatus.DISCONNECTED)) == ["whatsapp:status"]


def test_a_message_status_names_the_message() -> None:
    status = MessageStatus.READ
    event = MessageStatusChanged(message_id="m", wa_id="W", status=status, client_id="k", conversation_id="c", **COMMON)
    payload = events_of(event)["message_status"]
    assert (payload["messageId"], payload["status"], payload["clientId"]) == ("m", "read", "k")
    assert payload["conversationId"] == "c"
    assert datetime.fromisoformat(payload["timestamp"]) == AT


def test_contacts_and_bookings_are_sent_as_records() -> None:
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
    assert events_of(ContactCreated(contact=contact, **COMMON))["contact:created"]["phoneNumber"] == "49151"
    merged = events_of(ContactUpdated(contact=contact, merged_ids=("x",), **COMMON))["contact:updated"]
    assert merged["mergedIds"] == ["x"]
    assert events_of(BookingCreated(booking=booking, **COMMON))["booking:created"]["openedBy"] == "m"
    assert events_of(BookingUpdated(booking=booking, **COMMON))["booking:updated"]["status"] == "pending"


def test_a_conversation_is_sent_as_its_record() -> None:
    conversation = ConversationRecord(
        id="v",
        organization_id="acme",
        instance_id="one",
        contact_id="c",
        unread_count=3,
        assigned_to="u",
        updated_at=AT,
    )
    payload = events_of(ConversationUpdated(conversation=conversation, **COMMON))["conversation:updated"]
    assert (payload["id"], payload["unreadCount"], payload["assignedTo"], payload["status"]) == ("v", 3, "u", "open")


def test_a_stuck_message_has_its_status_and_since_when() -> None:
    event = MessageStuck(message_id="m", status=MessageStatus.QUEUED, since=AT, conversation_id="v", **COMMON)
    payload = events_of(event)["message:stuck"]
    assert (payload["messageId"], payload["status"], payload["conversationId"]) == ("m", "queued", "v")
    assert datetime.fromisoformat(payload["since"]) == AT


def test_events_for_services_are_not_sent_to_sockets() -> None:
    assert socket_events_of(MessageSent(message_id="m", wa_id="W", timestamp=AT, **COMMON), 7) == []


def test_keys_become_camel_case_on_all_levels() -> None:
    assert camel({"a_b_c": [{"d_e": 1}], "f": None}) == {"aBC": [{"dE": 1}], "f": None}


def test_ephemeral_events_have_no_sequence() -> None:
    common = {"contact_id": "c", "conversation_id": "v", "from_address": "49151", **COMMON}
    ((name, typing),) = ephemeral_events_of(ContactTyping.model_validate({**common, "state": "recording"}))
    assert (name, typing["state"], typing["isTyping"], typing["from"]) == ("typing", "recording", True, "49151")
    assert (typing["contactId"], typing["conversationId"], "sequence" in typing) == ("c", "v", False)
    assert ephemeral_events_of(ContactTyping.model_validate({**common, "state": "paused"}))[0][1]["isTyping"] is False
    ((name, presence),) = ephemeral_events_of(
        ContactPresence.model_validate({**common, "available": False, "last_seen": AT})
    )
    assert isinstance(presence["lastSeen"], str)
    assert (name, presence["available"], datetime.fromisoformat(presence["lastSeen"])) == ("presence", False, AT)
    assert (
        ephemeral_events_of(TypingObserved.model_validate({**COMMON, "sender": {"phone": "1"}, "state": "paused"}))
        == []
    )


def test_what_a_user_does_is_told_to_colleagues_and_not_to_the_user() -> None:
    common = COMMON | {"conversation_id": "v", "user_id": "u"}
    typing = ColleagueTyping.model_validate({**common, "state": "composing"})
    ids = {"instanceId": "one", "organizationId": "acme", "timestamp": "2026-01-02T03:04:05Z"}
    ids |= {"conversationId": "v", "userId": "u"}
    assert ephemeral_events_of(typing) == [("colleague:typing", ids | {"state": "composing"})]
    viewing = ColleagueViewing.model_validate({**common, "viewing": True})
    assert ephemeral_events_of(viewing) == [("colleague:viewing", ids | {"viewing": True, "expiresIn": 60})]
    assert (author_of(typing), author_of(viewing)) == ("u", "u")
    contact = ContactTyping.model_validate({**COMMON, "from_address": "49151", "state": "composing"})
    assert author_of(contact) is None
