"""Messages arrived: the usual ones are handled together, each step in one round trip for all of them.

Usual is what a known contact writes who has nothing new about himself and opens no booking, and what is written in a
group. The rest, and every repeat, goes through pipeline.py, one by one and with every care.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.router.context import RouterContext
from services.router.handlers.conversation_commands import publish_reopened
from services.router.handlers.message_revisions import apply_if_revision, with_quoted_message
from services.router.handlers.ownership import foreign_instance_error, is_foreign
from services.router.handlers.quoted_messages import publish_resolved_quotes, with_late_quoted_message
from services.router.inbox.pipeline import events_of, is_unwanted, on_message, record_of, sighting_of, step_for
from services.router.rules.booking_policy import BookingAction
from services.router.rules.classification import REVISION_TYPES, MessageClassification, classify
from services.router.rules.message_keys import message_key
from services.router.store.contacts import ResolvedContact
from services.router.store.instance_directory import OrganizationProfile
from services.router.store.split_late_writes import ContactWrite
from shared.contracts.errors import Retry
from shared.contracts.events import MessageReceived
from shared.contracts.message import Event
from shared.contracts.records import MessageRecord
from shared.contracts.request_id import bound_request_id
from shared.platform.mongo import DuplicateKeyError
from shared.platform.outages import is_outage


@dataclass(frozen=True)
class FastPathMessage:
    """`place`: which of the batch it is."""

    place: int
    event: MessageReceived
    classification: MessageClassification
    message: MessageRecord
    resolved: ResolvedContact | None

    @property
    def other_party(self) -> tuple[str, ...]:
        return message_key(self.event, self.resolved.contact if self.resolved else None).other_party

    @property
    def written(self) -> ContactWrite | None:
        return ContactWrite(self.resolved.contact.id, self.other_party[0]) if self.resolved else None


async def on_messages(
    events: Sequence[MessageReceived], context: RouterContext, *, again: bool = False
) -> list[Exception | None]:
    """What became of each, in their order; None: done. Raises what concerns them all.

    Of several messages of somebody new the first makes the others usual: they are looked at `again` after it.
    """
    foreign = await asyncio.gather(*(is_foreign(event, context) for event in events))
    if any(foreign):
        return await _without(foreign, events, context)
    try:
        usual = await _usual(events, context)
        added = await context.store.messages.insert_new([(one.message, one.other_party) for one in usual])
    except Exception as error:
        if is_outage(error):
            raise
        usual, added = [], []  # something is wrong with one of them, or with an organization: it harms no others
    outcomes = {one.place: error for one, error in zip(usual, added, strict=True)}
    new = [one for one in usual if outcomes[one.place] is None]
    repeats = {place for place, error in outcomes.items() if isinstance(error, DuplicateKeyError)}
    others = [place for place in range(len(events)) if place not in outcomes or place in repeats]
    first = others if again else _first_of_each(others, events)
    one_by_one = asyncio.gather(*(_one(events[place], context) for place in first))
    gone, told = await asyncio.gather(_finish(new, context), one_by_one)
    outcomes |= gone | dict(zip(first, told, strict=True))
    if later := sorted(set(others).difference(first)):
        told = await on_messages([events[place] for place in later], context, again=True)
        outcomes |= dict(zip(later, told, strict=True))
    return [outcomes[place] for place in range(len(events))]


async def _without(
    foreign: Sequence[bool], events: Sequence[MessageReceived], context: RouterContext
) -> list[Exception | None]:
    """The others as usual; what names an instance of another organization goes to the dead letters."""
    own = [event for event, is_not in zip(events, foreign, strict=True) if not is_not]
    outcomes = iter(await on_messages(own, context))
    return [
        foreign_instance_error(event) if is_not else next(outcomes)
        for event, is_not in zip(events, foreign, strict=True)
    ]


def _first_of_each(places: Sequence[int], events: Sequence[MessageReceived]) -> list[int]:
    """One message for each person."""
    met: set[tuple[str, str]] = set()
    first = []
    for place in places:
        party = events[place].chat or events[place].sender
        person = {(events[place].organization_id, alias) for alias in party.aliases}
        if met.isdisjoint(person):
            first.append(place)
        met |= person
    return first


async def _one(event: MessageReceived, context: RouterContext) -> Exception | None:
    with bound_request_id(event.request_id):
        try:
            if not await apply_if_revision(event, context):
                await on_message(event, context)
        except Exception as error:
            return error
    return None


async def _usual(events: Sequence[MessageReceived], context: RouterContext) -> list[FastPathMessage]:
    each = {event.organization_id for event in events}
    owners = dict(zip(each, await asyncio.gather(*map(context.store.instances.profile, each)), strict=True))
    filings = [classify(event, owners[event.organization_id].aliases) for event in events]
    sightings = [sighting_of(event, classification) for event, classification in zip(events, filings, strict=True)]
    found = iter(
        await context.store.contacts.find_all_unchanged([observation for observation in sightings if observation])
    )
    usual = []
    for place, (event, classification, observation) in enumerate(zip(events, filings, sightings, strict=True)):
        resolved, profile = next(found) if observation else None, owners[event.organization_id]
        if (
            is_unwanted(classification, profile)
            or classification.direction == "outbound"
            or (observation and not resolved)
        ):
            continue
        if event.type in REVISION_TYPES:  # of a message that may be in this batch: after it
            continue
        if message := _plain(event, classification, profile, resolved):
            usual.append(FastPathMessage(place, event, classification, message, resolved))
    return await _named(usual, context)


async def _named(usual: Sequence[FastPathMessage], context: RouterContext) -> list[FastPathMessage]:
    """With the messages they answer or react to."""
    about = [one for one in usual if one.event.quoted_wa_id]
    beside = [one.message for one in usual] if about else []
    named = await asyncio.gather(
        *(with_quoted_message(one.message, one.event, one.classification, context, beside) for one in about)
    )
    return _with_messages(usual, about, named)


async def _named_later(stored: Sequence[FastPathMessage], context: RouterContext) -> list[FastPathMessage]:
    """The same for those whose message was stored meanwhile."""
    about = [one for one in stored if one.event.quoted_wa_id]
    named = await asyncio.gather(
        *(with_late_quoted_message(one.message, one.event, one.classification, context) for one in about)
    )
    return _with_messages(stored, about, named)


def _with_messages(
    usual: Sequence[FastPathMessage], some: Sequence[FastPathMessage], changed: Sequence[MessageRecord]
) -> list[FastPathMessage]:
    messages = {one.place: message for one, message in zip(some, changed, strict=True)}
    return [replace(one, message=messages.get(one.place, one.message)) for one in usual]


def _plain(
    event: MessageReceived,
    classification: MessageClassification,
    profile: OrganizationProfile,
    resolved: ResolvedContact | None,
) -> MessageRecord | None:
    message = record_of(event, classification, profile, resolved)
    if resolved is None:
        return message if event.group else None
    action = step_for(message, classification, resolved, profile.settings)
    if resolved.created or resolved.updated or action not in (BookingAction.ATTACH, BookingAction.NONE):
        return None
    return message.model_copy(update={"booking_id": resolved.open_booking_id})


async def _finish(new: Sequence[FastPathMessage], context: RouterContext) -> dict[int, Exception]:
    """Show and tell what is stored; what failed of it, by place."""
    try:
        new = await _named_later(new, context)
        gone = await _tell(new, context)
        misplaced = await context.store.split_repair.misplaced_writes([one.written for one in new if one.written])
    except Exception as error:
        return {one.place: error for one in new}
    again = Retry("the contact was merged into another, or split, meanwhile")
    return {one.place: again for one in new if one.message.contact_id in gone or one.written in misplaced}


async def _tell(new: Sequence[FastPathMessage], context: RouterContext) -> set[str]:
    """Who answers at once must find the conversation; one that is there can be brought up to date meanwhile. Returns
    the contacts that were merged into others before that."""
    conversations = context.store.conversations
    there: list[MessageRecord] = []
    begin: list[MessageRecord] = []
    for one in new:
        if one.message.conversation_id:
            (there if conversations.is_known_to_exist(one.message.conversation_id) else begin).append(one.message)
    first = await conversations.add_messages(begin)
    events = [event for one in new for event in _events(one)]
    quoted = publish_resolved_quotes([one.message for one in new], context)
    _, second, _ = await asyncio.gather(context.publish(*events), conversations.add_messages(there), quoted)
    ids = {message.id for message in [*first.may_have_reopened, *second.may_have_reopened]}
    await asyncio.gather(*(publish_reopened(one.message, one.event, context) for one in new if one.message.id in ids))
    contacts = sorted({str(message.contact_id) for message in [*first.contacts_to_check, *second.contacts_to_check]})
    present = await context.store.contacts.exist(contacts)
    return {contact_id for contact_id, is_there in zip(contacts, present, strict=True) if not is_there}


def _events(one: FastPathMessage) -> list[Event]:
    with bound_request_id(one.event.request_id):
        return events_of(one.event, one.resolved, [], one.message)
