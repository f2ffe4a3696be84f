"""The router's rules, without a server: filing, bookings, statuses."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.router.rules.booking_status import OPEN_STATUSES, booking_from_message, booking_id, may_change
from services.router.rules.classification import NON_BOOKING_TYPES, classify
from services.router.rules.status_order import most_advanced, statuses_before
from shared.contracts.events import MessageReceived
from shared.contracts.records import BookingStatus, MessageRecord, MessageStatus, Party

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANNA, ME = Party(phone="4915112345678", lid="111"), Party(phone="4915199999999", lid="999")
OWNERS = frozenset(ME.aliases)


def received(**fields: Any) -> MessageReceived:
    given: dict[str, Any] = {"sender": ANNA, "chat": ANNA, "wa_id": "A", "timestamp": NOW, "organization_id": "acme"}
    return MessageReceived(**{**given, **fields})


def record(**fields: Any) -> MessageRecord:
    given: dict[str, Any] = {
        "id": "m",
        "organization_id": "acme",
        "instance_id": "one",
        "direction": "outbound",
        "origin": "api",
        "from_address": "",
        "to_address": "1",
        "text": "hello",
        "conversation_id": "c",
        "timestamp": NOW,
        "status": MessageStatus.QUEUED,
    }
    return MessageRecord(**{**given, **fields})


def test_a_contacts_message_is_inbound_and_opens_a_booking() -> None:
    filing = classify(received(push_name="Anna"), OWNERS)
    assert (filing.kind, filing.direction, filing.origin) == ("message", "inbound", "contact")
    assert (filing.party, filing.name, filing.opens_booking) == (ANNA, "Anna", True)


@pytest.mark.parametrize("kind", sorted(NON_BOOKING_TYPES))
def test_what_speaks_about_an_earlier_message_opens_no_booking(kind: str) -> None:
    filing = classify(received(type=kind), OWNERS)
    assert filing.party == ANNA
    assert not filing.opens_booking


@pytest.mark.parametrize("text", ["👍", "...", "?!", "🙏🏽", " \u200b", "\u3164", "", None])
def test_a_text_without_a_letter_or_digit_has_no_words(text: str | None) -> None:
    assert not classify(received(text=text), OWNERS).has_words
    assert not classify(received(type="sticker", text=text), OWNERS).has_words
    assert classify(received(type="audio", text=text), OWNERS).has_words


@pytest.mark.parametrize("text", ["oi", "9", "好", "1️⃣", "👍 ok", "٣"])
def test_a_text_with_a_letter_or_digit_of_any_script_has_words(text: str) -> None:
    assert classify(received(text=text), OWNERS).has_words


@pytest.mark.parametrize("name", ["-", "\u200e", "\u3164", "   ", "🌸"])
def test_a_name_that_shows_nothing_is_not_taken_also_from_older_events(name: str) -> None:
    assert classify(received(push_name=name), OWNERS).name is None


def test_what_the_owner_typed_on_the_phone_goes_to_the_other_side() -> None:
    filing = classify(received(sender=ME, chat=ANNA, from_me=True, push_name="Me"), OWNERS)
    assert (filing.kind, filing.direction, filing.origin) == ("message", "outbound", "phone")
    assert (filing.party, filing.name, filing.opens_booking) == (ANNA, None, False)


@pytest.mark.parametrize("owner", [Party(phone=ME.phone), Party(lid=ME.lid), Party(phone="15550001", lid=ME.lid)])
@pytest.mark.parametrize("from_me", [True, False])
def test_the_owner_writing_to_himself_is_a_note_by_either_address(owner: Party, from_me: bool) -> None:
    filing = classify(received(sender=owner, chat=owner, from_me=from_me), OWNERS)
    assert (filing.kind, filing.party, filing.opens_booking) == ("note", None, False)
    assert filing.direction == ("outbound" if from_me else "inbound")


def test_another_account_of_the_organization_writing_here_is_a_note() -> None:
    assert classify(received(sender=ME, chat=ANNA), OWNERS).kind == "note"


@pytest.mark.parametrize(("from_me", "direction"), [(True, "outbound"), (False, "inbound")])
def test_a_group_message_has_no_contact_and_no_booking(from_me: bool, direction: str) -> None:
    filing = classify(received(chat=None, group="1@g.us", from_me=from_me), OWNERS)
    assert (filing.kind, filing.direction, filing.party, filing.opens_booking) == ("message", direction, None, False)


def test_an_address_is_the_phone_and_else_the_lid() -> None:
    assert ANNA.address == ANNA.phone
    assert Party(lid="111").address == "111@lid"


def test_pending_and_confirmed_bookings_may_change_and_finished_ones_may_not() -> None:
    B = BookingStatus
    assert frozenset({B.PENDING, B.CONFIRMED}) == OPEN_STATUSES
    allowed = {(a, b) for a in B for b in B if may_change(a, b)}
    ends = (B.COMPLETED, B.NO_SHOW, B.CANCELLED)
    assert allowed == {(B.PENDING, B.CONFIRMED)} | {(a, b) for a in OPEN_STATUSES for b in ends}


def test_the_same_message_always_opens_the_same_booking() -> None:
    booking = booking_from_message(record(), "anna", NOW)
    assert booking.id == booking_id("m") == booking_from_message(record(), "anna", NOW + timedelta(hours=1)).id
    assert (booking.opened_by, booking.status, booking.text) == ("m", BookingStatus.PENDING, "hello")


def test_a_status_only_moves_forward() -> None:
    order = [MessageStatus(name) for name in ("queued", "unconfirmed", "sent", "delivered", "read", "played")]
    for position, status in enumerate(order[2:], 2):
        assert set(statuses_before(status)) - {MessageStatus.FAILED} == set(order[:position])
        assert status not in statuses_before(status)
    assert statuses_before(MessageStatus.UNCONFIRMED) == [MessageStatus.QUEUED]


def test_a_receipt_beats_a_failure_and_a_failure_beats_no_receipt() -> None:
    assert MessageStatus.FAILED in statuses_before(MessageStatus.DELIVERED)
    assert MessageStatus.FAILED not in statuses_before(MessageStatus.SENT)
    assert MessageStatus.DELIVERED not in statuses_before(MessageStatus.FAILED)
    assert most_advanced([MessageStatus.DELIVERED, MessageStatus.PLAYED, MessageStatus.READ]) is MessageStatus.PLAYED
