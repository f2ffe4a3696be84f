"""Decides what one received message needs next, from what is loaded about it. Pure.

`plan` is asked again after each step that loads or prepares something, until it returns a final step. Only a `Record`
with `bulk` may be carried out together with others: it inserts a message and changes nothing that others decide by.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from services.router.inbox.steps import (
    Drop,
    GiveBack,
    Loaded,
    LoadFreshProfile,
    LoadStored,
    ReassignOrphans,
    Record,
    ResolveContact,
    Revise,
    Step,
    Write,
)
from services.router.rules.booking_policy import BookingAction, attach_if_open, booking_action
from services.router.rules.booking_status import booking_from_message, booking_id
from services.router.rules.classification import (
    PLACEHOLDER_TYPES,
    REVISION_TYPES,
    MessageClassification,
    classify,
)
from services.router.rules.contact_identity import ContactObservation, ResolvedContact, conversation_id
from services.router.rules.message_keys import message_key, record_id
from services.router.rules.revisions import MessageChange
from services.router.rules.target_message import is_author, select_target
from shared.contracts.events import MessageReceived
from shared.contracts.message_type import MessageType
from shared.contracts.order_keys import key_at
from shared.contracts.records import MessageRecord, MessageStatus, OrganizationSettings, OwnerMessages

REVISION_BEFORE_MESSAGE_GRACE = timedelta(minutes=1)
"""How long an edit or revoke waits for its message; messages that are still unknown then were sent before the account
was linked."""


def plan(event: MessageReceived, loaded: Loaded, now: datetime) -> Step:
    """The next step. Each preparation fills in what made it necessary, so there are at most four before the last."""
    classification = classify(event, loaded.profile.aliases)
    if event.type in REVISION_TYPES and (step := _revision(event, loaded, classification, now)):
        return step
    observation, contact = observation_of(event, classification), loaded.contact
    if plain := _plain_record(event, loaded, classification, now):
        return plain
    unwanted = classification.kind == "note" and loaded.profile.settings.owner_messages is OwnerMessages.IGNORE
    if not loaded.profile_is_fresh and (unwanted or (observation and not contact)):
        return LoadFreshProfile()
    if observation and not contact:
        return ResolveContact(observation)
    if not loaded.stored_is_loaded:
        return LoadStored(message_key(event, contact.contact if contact else None))
    if unwanted and not loaded.stored:
        return Drop("the organization ignores messages of its owners")
    # before anything ends this: the event may be what merged two contacts
    if observation and contact and (orphans := _orphans(observation, contact, loaded)):
        return orphans
    if event.type in PLACEHOLDER_TYPES and loaded.stored and loaded.stored.type not in PLACEHOLDER_TYPES:
        return Drop("a readable copy was stored before this placeholder")
    return _record(event, loaded, classification, now)


def observation_of(event: MessageReceived, classification: MessageClassification) -> ContactObservation | None:
    """None for notes and messages in groups, which belong to no contact."""
    if classification.party is None:
        return None
    return ContactObservation(event.organization_id, classification.party, classification.name, event.id, event.at)


def _revision(
    event: MessageReceived, loaded: Loaded, classification: MessageClassification, now: datetime
) -> Revise | GiveBack | Drop | None:
    """None: it is recorded as a message of its own, as is an edit of an unknown message, whose text would be lost."""
    contact_id = loaded.contact_ids[0] if classification.party and len(loaded.contact_ids) == 1 else None
    target = select_target(loaded.quoted, event, classification, contact_id)
    if target:
        kind: Literal["edited", "revoked"] = "revoked" if event.type is MessageType.REVOKE else "edited"
        by = None if is_author(target, event) else event.sender.address
        return Revise(
            target, MessageChange(event.id, kind, event.at, event.timestamp, event.text, event.unreadable, by)
        )
    if event.quoted_wa_id and now - event.at < REVISION_BEFORE_MESSAGE_GRACE:
        return GiveBack("the message that was edited or revoked is not known yet")
    return (
        None
        if event.type is MessageType.EDIT and not event.unreadable
        else Drop("an unknown message was revoked or edited")
    )


def _plain_record(
    event: MessageReceived, loaded: Loaded, classification: MessageClassification, now: datetime
) -> Record | None:
    """What somebody else wrote in a group, or an unchanged contact wrote that opens no booking."""
    contact = loaded.contact
    if not loaded.bulk_allowed or classification.direction == "outbound" or event.type in REVISION_TYPES:
        return None
    if not (event.group or (contact and not contact.created and not contact.updated)):
        return None
    record = _record(event, loaded, classification, now, bulk=True)
    return None if record.booking else record


def _orphans(observation: ContactObservation, contact: ResolvedContact, loaded: Loaded) -> ReassignOrphans | None:
    if loaded.orphans_are_reassigned:
        return None
    stored = loaded.stored
    contact_ids = [*(contact.absorbed_ids if stored else contact.merged_ids)]
    if stored and stored.contact_id not in (None, contact.contact.id) and not loaded.stored_contact_exists:
        contact_ids.append(str(stored.contact_id))
    repair = bool(stored and contact.split_ids)
    if not contact_ids and not repair:
        return None
    return ReassignOrphans(observation, contact, tuple(dict.fromkeys(contact_ids)), repair)


def _record(
    event: MessageReceived, loaded: Loaded, classification: MessageClassification, now: datetime, *, bulk: bool = False
) -> Record:
    contact, stored, write = loaded.contact, loaded.stored, Write.INSERT
    if stored is None:
        message = _new_message(event, loaded, classification, record_id(event))
    elif stored.type in PLACEHOLDER_TYPES and event.type not in PLACEHOLDER_TYPES:
        message, write = _new_message(event, loaded, classification, stored.id), Write.REVEAL
    else:
        message, write = stored, Write.NONE
    booking, parallel = None, False
    if contact and (write is not Write.NONE or message.booking_id == booking_id(message.id)):
        action = _booking_action(message, classification, contact, loaded.profile.settings_of(event.instance_id))
        parallel = action is BookingAction.OPEN_PARALLEL
        if action in (BookingAction.ATTACH, BookingAction.NONE):
            message = message.model_copy(update={"booking_id": contact.open_booking_id})
        else:
            booking = booking_from_message(message, contact.contact.id, now)
    return Record(
        event=event,
        classification=classification,
        observation=observation_of(event, classification),
        contact=contact,
        message=message,
        key=message_key(event, contact.contact if contact else None),
        write=write,
        booking=booking,
        parallel=parallel,
        bulk=bulk,
    )


def _new_message(
    event: MessageReceived, loaded: Loaded, classification: MessageClassification, message_id: str
) -> MessageRecord:
    own = loaded.profile.addresses.get(event.instance_id, "")
    other = event.group or (classification.party.address if classification.party else own)
    outbound = classification.direction == "outbound"
    contact_id = loaded.contact.contact.id if loaded.contact else None
    message = MessageRecord(
        id=message_id,
        organization_id=event.organization_id,
        instance_id=event.instance_id,
        wa_id=event.wa_id,
        kind=classification.kind,
        direction=classification.direction,
        origin=classification.origin,
        contact_id=contact_id,
        conversation_id=conversation_id(event.instance_id, contact_id) if contact_id else None,
        from_address=own if outbound and own else event.sender.address,
        to_address=other if outbound else event.group or own,
        group=event.group,
        type=event.type,
        text=event.text,
        media=event.media,
        referral=event.referral,
        quoted_wa_id=event.quoted_wa_id,
        status=MessageStatus.SENT if outbound else MessageStatus.RECEIVED,
        timestamp=event.timestamp,
        order_key=key_at(event.at) if event.order_key is None else event.order_key,
    )
    return _with_target(message, event, loaded, classification)


def _with_target(
    message: MessageRecord, event: MessageReceived, loaded: Loaded, classification: MessageClassification
) -> MessageRecord:
    if event.quoted_wa_id is None:
        return message
    target = select_target(loaded.quoted, event, classification, message.contact_id)
    return message.model_copy(update={"quoted_message_id": target.id}) if target else message


def _booking_action(
    message: MessageRecord,
    classification: MessageClassification,
    contact: ResolvedContact,
    settings: OrganizationSettings,
) -> BookingAction:
    """A booking this message opened before a redelivery stays its own, whatever the organization wants by now."""
    is_open = bool(contact.open_booking_ids)
    if not classification.opens_booking:
        return attach_if_open(is_open=is_open)
    if booking_id(message.id) in (message.booking_id, *contact.open_booking_ids):
        return BookingAction.OPEN
    if not (classification.has_words or settings.bookings_without_words):
        return attach_if_open(is_open=is_open)
    return booking_action(settings, message.text, message.timestamp, is_open=is_open)


def with_targets_in_batch(records: Sequence[Record]) -> list[Record]:
    """Records that are inserted together: those that name another of them get its id."""
    by_name: dict[tuple[str, str | None], list[MessageRecord]] = {}
    for record in records:
        by_name.setdefault((record.message.instance_id, record.message.wa_id), []).append(record.message)
    return [_with_target_among(record, by_name) for record in records]


def _with_target_among(record: Record, by_name: dict[tuple[str, str | None], list[MessageRecord]]) -> Record:
    message, event = record.message, record.event
    if event.quoted_wa_id is None or message.quoted_message_id is not None:
        return record
    candidates = by_name.get((event.instance_id, event.quoted_wa_id), [])
    target = select_target(candidates, event, record.classification, message.contact_id)
    return replace(record, message=message.model_copy(update={"quoted_message_id": target.id})) if target else record
