"""What is planned for one received message, and how a batch is divided, without a server."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.router.inbox.division import divide
from services.router.inbox.plan import REVISION_BEFORE_MESSAGE_GRACE, plan
from services.router.inbox.recorded_events import events_of
from services.router.inbox.steps import (
    Drop,
    GiveBack,
    Loaded,
    LoadFreshProfile,
    LoadStored,
    Preparation,
    ReassignOrphans,
    Record,
    ResolveContact,
    Revise,
    Step,
    Write,
)
from services.router.rules.booking_status import booking_id
from services.router.rules.classification import OrganizationProfile
from services.router.rules.contact_identity import ResolvedContact, conversation_id
from services.router.rules.message_keys import record_id
from shared.contracts.events import MessageReceived
from shared.contracts.records import Contact, MessageRecord, OrganizationSettings, Party

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
ORG, ONE = "acme", "one"
ME = Party(phone="4915199999999", lid="999")
ANNA = Party(phone="4915112345678", lid="111")
BRAZILIAN = Party(phone="5511987654321", lid="222")
PROFILE = OrganizationProfile(frozenset(ME.aliases), {ONE: str(ME.phone)})
IGNORES_OWN = replace(PROFILE, settings=OrganizationSettings.model_validate({"owner_messages": "ignore"}))
CONTACT = Contact(id="anna", organization_id=ORG, phone_number=ANNA.phone, lid=ANNA.lid, created_at=NOW, updated_at=NOW)
KNOWN = ResolvedContact(CONTACT, open_booking_ids=("b1",))


def received(wa_id: str = "A1", sender: Party = ANNA, **fields: Any) -> MessageReceived:
    given: dict[str, Any] = {"id": f"event {wa_id}", "at": NOW, "organization_id": ORG, "instance_id": ONE}
    given |= {"wa_id": wa_id, "sender": sender, "chat": None if fields.get("group") else sender}
    return MessageReceived(**{**given, "text": "hello", "timestamp": NOW, "order_key": 1, **fields})


def loaded(contact: ResolvedContact | None = KNOWN, **fields: Any) -> Loaded:
    ids = (contact.contact.id,) if contact else ()
    return Loaded(**{"profile": PROFILE, "contact": contact, "contact_ids": ids, **fields})


def complete(contact: ResolvedContact | None = KNOWN, **fields: Any) -> Loaded:
    """Everything was loaded; nothing is left to prepare."""
    return loaded(contact, **{"bulk_allowed": False, "profile_is_fresh": True, "stored_is_loaded": True, **fields})


def record(event: MessageReceived, facts: Loaded) -> Record:
    step = plan(event, facts, NOW)
    assert isinstance(step, Record), step
    return step


def stored(event: MessageReceived, **changes: Any) -> MessageRecord:
    """As an earlier delivery stored it."""
    return record(event, complete()).message.model_copy(update=changes)


def test_a_message_of_a_known_contact_with_an_open_booking_is_inserted_in_bulk() -> None:
    step = record(received(), loaded())
    assert (step.bulk, step.write, step.booking) == (True, Write.INSERT, None)
    message = step.message
    assert (message.id, message.contact_id, message.booking_id) == (record_id(received()), "anna", "b1")
    assert message.conversation_id == conversation_id(ONE, "anna")


def test_what_is_written_in_a_group_is_inserted_in_bulk_and_belongs_to_no_contact() -> None:
    step = record(received(group="1@g.us"), loaded(None))
    assert (step.bulk, step.message.contact_id, step.message.conversation_id) == (True, None, None)


@pytest.mark.parametrize(
    ("event", "facts"),
    [
        (received(), loaded(replace(KNOWN, open_booking_ids=()))),
        (received(), loaded(replace(KNOWN, created=True))),
        (received(), loaded(replace(KNOWN, updated=True))),
        (received(), loaded(bulk_allowed=False)),
        (received(sender=ME, from_me=True, chat=ANNA), loaded()),
    ],
    ids=["opens a booking", "new contact", "changed contact", "stored before", "sent by an owner"],
)
def test_what_others_may_decide_by_is_never_done_in_bulk(event: MessageReceived, facts: Loaded) -> None:
    assert isinstance(plan(event, facts, NOW), LoadStored)
    assert not record(event, replace(facts, bulk_allowed=False, stored_is_loaded=True)).bulk


def test_an_unknown_sender_is_resolved_against_a_fresh_profile_before_anything_is_stored() -> None:
    steps: list[Step] = []
    facts = loaded(None)
    while isinstance(step := plan(received(), facts, NOW), Preparation):
        steps.append(step)
        match step:
            case LoadFreshProfile():
                facts = replace(facts, profile_is_fresh=True)
            case ResolveContact():
                facts = replace(facts, contact=ResolvedContact(CONTACT, created=True))
            case LoadStored():
                facts = replace(facts, stored_is_loaded=True)
            case ReassignOrphans():
                raise AssertionError("a new contact has no orphans")
    assert [type(one) for one in steps] == [LoadFreshProfile, ResolveContact, LoadStored]
    assert isinstance(step, Record)
    assert step.booking
    assert step.booking.id == booking_id(step.message.id)


def test_who_turns_out_to_be_an_owner_gets_no_contact() -> None:
    """A number that was made an owner's after the profile was remembered."""
    facts = loaded(None, profile=OrganizationProfile(frozenset(), {}))
    assert isinstance(plan(received(), facts, NOW), LoadFreshProfile)
    fresh = OrganizationProfile(frozenset(ANNA.aliases), {})
    step = record(received(), complete(None, profile=fresh))
    assert (step.message.kind, step.contact, step.observation) == ("note", None, None)


def test_unwanted_notes_are_dropped_unless_they_were_stored_before() -> None:
    note = received(sender=ME, from_me=True, chat=ME)
    assert isinstance(plan(note, loaded(None, profile=IGNORES_OWN), NOW), LoadFreshProfile)
    assert isinstance(plan(note, complete(None, profile=IGNORES_OWN), NOW), Drop)
    before = record(note, complete(None)).message
    assert record(note, complete(None, profile=IGNORES_OWN, stored=before)).write is Write.NONE


def test_a_repeated_delivery_keeps_what_is_stored_and_its_booking() -> None:
    event = received()
    kept = stored(event, booking_id="b0", text="as edited")
    step = record(event, complete(stored=kept))
    assert (step.message, step.write, step.booking) == (kept, Write.NONE, None)


def test_a_repeated_delivery_opens_its_own_booking_again_whatever_the_settings_are_by_now() -> None:
    event, off = received(), replace(PROFILE, settings=OrganizationSettings.model_validate({"booking_policy": "off"}))
    kept = stored(event, booking_id=booking_id(record_id(event)))
    step = record(event, complete(replace(KNOWN, open_booking_ids=()), stored=kept, profile=off))
    assert step.booking
    assert (step.booking.id, step.write) == (kept.booking_id, Write.NONE)


def test_a_readable_copy_takes_the_place_of_its_placeholder_and_not_the_other_way_round() -> None:
    placeholder = stored(received(), type="undecryptable", text=None, id="first")
    step = record(received(), complete(stored=placeholder))
    assert (step.write, step.message.id, step.message.text) == (Write.REVEAL, "first", "hello")
    late = received(type="undecryptable", text=None)
    assert isinstance(plan(late, complete(stored=stored(received())), NOW), Drop)


@pytest.mark.parametrize(
    ("contact", "facts", "expected"),
    [
        (replace(KNOWN, merged_ids=("m",), absorbed_ids=("a", "m")), {}, (("m",), False)),
        (replace(KNOWN, absorbed_ids=("a",)), {}, None),
        (replace(KNOWN, absorbed_ids=("a",)), {"stored": {}}, (("a",), False)),
        (replace(KNOWN, split_ids=("s",)), {}, None),
        (replace(KNOWN, split_ids=("s",)), {"stored": {}}, ((), True)),
        (KNOWN, {"stored": {"contact_id": "gone"}, "stored_contact_exists": False}, (("gone",), False)),
        (KNOWN, {"stored": {"contact_id": "other"}}, None),
    ],
    ids=[
        "merged now",
        "merged before",
        "repeated after a merge",
        "split before",
        "repeated after a split",
        "of a contact that was merged meanwhile",
        "of a contact that exists",
    ],
)
def test_what_was_written_beside_a_merge_or_split_is_reassigned_first(
    contact: ResolvedContact, facts: dict[str, Any], expected: tuple[tuple[str, ...], bool] | None
) -> None:
    event = received()
    if "stored" in facts:
        facts = {**facts, "stored": stored(event, **facts["stored"])}
    step = plan(event, complete(contact, **facts), NOW)
    if expected is None:
        assert isinstance(step, Record)
        return
    assert isinstance(step, ReassignOrphans)
    assert (step.contact_ids, step.repair_splits) == expected
    assert isinstance(plan(event, complete(contact, orphans_are_reassigned=True, **facts), NOW), Record)


def test_an_edit_changes_its_message_waits_for_it_or_is_a_message_of_its_own() -> None:
    edit = received("A2", type="edit", text="better", quoted_wa_id="A1")
    step = plan(edit, loaded(quoted=(stored(received()),)), NOW)
    assert isinstance(step, Revise)
    assert (step.target.wa_id, step.change.kind, step.change.text) == ("A1", "edited", "better")
    assert isinstance(plan(edit, loaded(), NOW), GiveBack)
    later = NOW + REVISION_BEFORE_MESSAGE_GRACE
    assert isinstance(plan(edit, loaded(), later), LoadStored)
    assert isinstance(plan(edit.model_copy(update={"unreadable": True}), loaded(), later), Drop)
    assert isinstance(plan(edit.model_copy(update={"type": "revoke"}), loaded(), later), Drop)


def test_nobody_edits_what_another_wrote() -> None:
    edit = received("A2", sender=Party(lid="333"), type="edit", text="worse", quoted_wa_id="A1")
    assert isinstance(plan(edit, loaded(None, quoted=(stored(received()),)), NOW), GiveBack)


def test_a_reply_names_its_target_that_was_stored_before_or_is_stored_with_it() -> None:
    reply = received("A2", quoted_wa_id="A1")
    target = stored(received())
    assert record(reply, loaded(quoted=(target,))).message.quoted_message_id == target.id
    division = divide([received(), reply], [loaded(), loaded()], NOW, one_per_person=True)
    assert [one.message.quoted_message_id for one in division.bulk.values()] == [None, target.id]


def test_the_events_of_a_message_come_contacts_first_then_bookings_then_the_message() -> None:
    step = record(received(), complete(replace(KNOWN, created=True, open_booking_ids=())))
    former = CONTACT.model_copy(update={"id": "former"})
    cancelled = step.booking and step.booking.model_copy(update={"id": "old"})
    assert step.booking
    assert cancelled
    events = events_of(step, step.message, step.booking, [cancelled], [former])
    names = [type(event).__name__ for event in events]
    assert names == ["ContactUpdated", "ContactCreated", "BookingUpdated", "BookingCreated", "MessageRecorded"]
    assert [event.id for event in events] == [
        event.id for event in events_of(step, step.message, step.booking, [cancelled], [former])
    ]
    assert {event.cause for event in events} == {"event A1"}


def test_after_a_message_that_is_handled_alone_those_of_the_same_person_wait() -> None:
    bob = Party(phone="4915112345679", lid="444")
    events = [
        received("A1"),
        received("B1", bob),
        received("A2", group="1@g.us"),
        received("B2", Party(lid=bob.lid)),
        received("A3"),
    ]
    known, unknown, opens = loaded(), loaded(None), loaded(replace(KNOWN, open_booking_ids=()))
    division = divide(events, [known, unknown, unknown, unknown, known], NOW, one_per_person=True)
    assert (list(division.bulk), division.chains, division.slow_chains) == ([0, 2, 4], [[1, 3]], [])
    division = divide(events, [opens, unknown, unknown, unknown, known], NOW, one_per_person=True)
    assert (list(division.bulk), division.chains) == ([], [[0, 2, 4], [1, 3]])
    division = divide(events, [opens, unknown, unknown, unknown, known], NOW, one_per_person=False)
    assert (list(division.bulk), division.chains) == ([2, 4], [[0], [1], [3]])


def test_only_unknown_people_whose_number_has_two_variants_may_wait_for_whatsapp() -> None:
    events = [received("C1", BRAZILIAN), received("B1"), received("C2", BRAZILIAN)]
    division = divide(events, [loaded(None)] * 3, NOW, one_per_person=True)
    assert (division.chains, division.slow_chains) == ([[1]], [[0, 2]])
    division = divide(events, [loaded(), loaded(), loaded()], NOW, one_per_person=True)
    assert (list(division.bulk), division.slow_chains) == ([0, 1, 2], [])


def test_a_message_that_cannot_be_planned_is_left_to_fail_alone() -> None:
    broken = loaded(profile=replace(PROFILE, settings=None))  # type: ignore[arg-type]
    division = divide([received("A1"), received("B1", Party(lid="5"))], [broken, loaded()], NOW, one_per_person=True)
    assert (list(division.bulk), division.chains) == ([1], [[0]])


def test_a_message_without_an_order_key_is_ordered_by_the_time_of_its_event() -> None:
    step = record(received(order_key=None, at=NOW - timedelta(hours=1)), loaded())
    now = record(received(order_key=None), loaded())
    assert step.message.order_key is not None
    assert now.message.order_key == step.message.order_key + 3_600_000_000
