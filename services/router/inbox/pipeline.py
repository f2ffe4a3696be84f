"""Handles received messages, one or hundreds: load → plan → apply (docs/decisions/0047).

Each load and each bulk step is one round trip to MongoDB for all messages. A conflict, say a contact that was merged by
another router meanwhile, means that the message is loaded and planned again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from services.router.context import RouterContext
from services.router.handlers.contact_resolution import resolve_sender
from services.router.handlers.ownership import foreign_instance_error, is_foreign
from services.router.inbox.apply import (
    Conflict,
    StoredRecord,
    apply_revision,
    publish_records,
    store_bulk,
    store_record,
)
from services.router.inbox.division import Division, divide
from services.router.inbox.plan import observation_of, plan
from services.router.inbox.steps import (
    Drop,
    GiveBack,
    Loaded,
    LoadFreshProfile,
    LoadStored,
    Preparation,
    ReassignOrphans,
    ResolveContact,
    Revise,
)
from services.router.rules.classification import REVISION_TYPES, OrganizationProfile, classify
from services.router.store.contacts import ContactMatch
from shared.contracts.errors import Retry
from shared.contracts.events import MessageReceived
from shared.contracts.records import MessageRecord
from shared.contracts.request_id import bound_request_id
from shared.platform.mongo import DuplicateKeyError
from shared.platform.outages import is_outage

MAX_ATTEMPTS = 5
"""Of one message whose plans conflict with what others write; then NATS delivers it again later."""

Outcome = Exception | None
"""What became of a message; None: it is done."""


async def handle(events: Sequence[MessageReceived], context: RouterContext) -> list[Outcome]:
    """The outcome of each, in their order. Raises an outage that concerns them all."""
    foreign = await asyncio.gather(*(is_foreign(event, context) for event in events))
    own = [event for event, is_not_own in zip(events, foreign, strict=True) if not is_not_own]
    outcomes = iter(await _handle_own(own, context))
    return [
        foreign_instance_error(event) if is_not_own else next(outcomes)
        for event, is_not_own in zip(events, foreign, strict=True)
    ]


async def _handle_own(
    events: Sequence[MessageReceived], context: RouterContext, *, one_per_person: bool = True
) -> list[Outcome]:
    try:
        loaded = await load(events, context)
    except Exception as error:
        if is_outage(error):
            raise
        if len(events) == 1:
            return [error]
        # something is wrong with what is stored of one of them, or of an organization: it harms no others
        return [outcome for (outcome,) in await asyncio.gather(*(_handle_own([event], context) for event in events))]
    division = divide(events, loaded, context.now(), one_per_person=one_per_person)
    return await _Batch(events, loaded, division, context).run()


async def load(
    events: Sequence[MessageReceived], context: RouterContext, *, fresh_contacts: bool = False
) -> list[Loaded]:
    """What the first plan needs. Whether a message is stored already shows when it is inserted. fresh_contacts: none
    that this process remembers."""
    store = context.store
    organization_ids = {event.organization_id for event in events}
    profiles: dict[str, OrganizationProfile] = dict(
        zip(organization_ids, await asyncio.gather(*map(store.instances.profile, organization_ids)), strict=True)
    )
    observations = [observation_of(event, classify(event, profiles[event.organization_id].aliases)) for event in events]
    matches, quoted = await asyncio.gather(
        store.contacts.match_all([one for one in observations if one], fresh=fresh_contacts),
        asyncio.gather(*(_load_quoted(event, context) for event in events if event.quoted_wa_id)),
    )
    next_match, next_quoted = iter(matches), iter(quoted)
    loaded = []
    for event, observation in zip(events, observations, strict=True):
        match = next(next_match) if observation else ContactMatch()
        candidates = tuple(next(next_quoted)) if event.quoted_wa_id else ()
        profile = profiles[event.organization_id]
        loaded.append(
            Loaded(profile, match.unchanged, match.ids, candidates, contact_is_remembered=match.is_remembered)
        )
    return loaded


async def _load_quoted(event: MessageReceived, context: RouterContext) -> list[MessageRecord]:
    return await context.store.revisions.by_wa_id(event.instance_id, str(event.quoted_wa_id))


class _Batch:
    """Carries out one division; collects the outcome of each message by its place."""

    def __init__(
        self, events: Sequence[MessageReceived], loaded: Sequence[Loaded], division: Division, context: RouterContext
    ) -> None:
        self._events = events
        self._loaded = loaded
        self._division = division
        self._context = context
        self._outcomes: dict[int, Outcome] = {}

    async def run(self) -> list[Outcome]:
        stored, again = await self._store_bulk()
        quick = [*self._division.chains, *([place] for place in again)]
        await asyncio.gather(
            self._publish_bulk(stored),
            self._run_chains(quick),
            *(self._run_chains([chain]) for chain in self._division.slow_chains),
        )
        return [self._outcomes[place] for place in range(len(self._events))]

    async def _store_bulk(self) -> tuple[dict[int, StoredRecord], list[int]]:
        """What is stored now, and the places of messages that have to be handled alone: they were stored before, or one
        of the batch could not be stored with the others."""
        bulk = self._division.bulk
        try:
            results = await store_bulk(list(bulk.values()), self._context)
        except Exception as error:
            if is_outage(error):
                raise
            return {}, list(bulk)
        stored: dict[int, StoredRecord] = {}
        again = []
        for place, result in zip(bulk, results, strict=True):
            if isinstance(result, DuplicateKeyError):
                again.append(place)
            elif isinstance(result, Exception):
                self._outcomes[place] = result
            else:
                stored[place] = result
        return stored, again

    async def _publish_bulk(self, stored: dict[int, StoredRecord]) -> None:
        if not stored:
            return
        outcomes = await publish_records(list(stored.values()), self._context)
        for place, outcome in zip(stored, outcomes, strict=True):
            self._outcomes[place] = outcome
        conflicts = [place for place, outcome in zip(stored, outcomes, strict=True) if isinstance(outcome, Conflict)]
        await asyncio.gather(*(self._run_alone(place, reload=True) for place in conflicts))

    async def _run_chains(self, chains: Sequence[Sequence[int]]) -> None:
        await asyncio.gather(*(self._run_alone(first) for first, *_ in chains))
        waiting = sorted(place for _, *others in chains for place in others)
        if waiting:
            events = [self._events[place] for place in waiting]
            outcomes = await _handle_own(events, self._context, one_per_person=False)
            self._outcomes |= dict(zip(waiting, outcomes, strict=True))

    async def _run_alone(self, place: int, *, reload: bool = False) -> None:
        event, facts = self._events[place], self._loaded[place]
        quoted_may_be_new = event.type in REVISION_TYPES and bool(self._division.bulk)
        is_outdated = reload or facts.contact_is_remembered or quoted_may_be_new
        self._outcomes[place] = await handle_alone(event, None if is_outdated else facts, self._context)


async def handle_alone(event: MessageReceived, loaded: Loaded | None, context: RouterContext) -> Outcome:
    """Plan and carry out step by step. `loaded`: what the first plan needs, None when it has to be loaded."""
    with bound_request_id(event.request_id):
        try:
            for attempt in range(1, MAX_ATTEMPTS + 1):
                facts = loaded or (await load([event], context, fresh_contacts=True))[0]
                try:
                    await _carry_out(event, replace(facts, bulk_allowed=False), context)
                    return None
                except Conflict:
                    if attempt == MAX_ATTEMPTS:
                        raise
                loaded = None
        except Exception as error:
            return error
    return None


async def _carry_out(event: MessageReceived, facts: Loaded, context: RouterContext) -> None:
    while isinstance(step := plan(event, facts, context.now()), Preparation):
        facts = await _prepare(step, event, facts, context)
    match step:
        case Drop():
            return
        case GiveBack():
            raise Retry(step.reason)
        case Revise():
            await apply_revision(event, step, context)
        case _:
            (outcome,) = await publish_records([await store_record(step, context)], context)
            if outcome:
                raise outcome


async def _prepare(step: Preparation, event: MessageReceived, facts: Loaded, context: RouterContext) -> Loaded:
    """The facts with what was missing."""
    store = context.store
    match step:
        case LoadFreshProfile():
            profile = await store.instances.profile(event.organization_id, fresh=True)
            return replace(facts, profile=profile, profile_is_fresh=True)
        case ResolveContact():
            try:
                contact = await resolve_sender(step.observation, event.instance_id, context)
            except DuplicateKeyError as error:
                raise Conflict("others changed the contact again and again") from error
            return replace(facts, contact=contact)
        case LoadStored():
            stored = await store.messages.by_key(step.key)
            own_id = facts.contact.contact.id if facts.contact else None
            is_own = stored is None or own_id is None or stored.contact_id in (None, own_id)
            exists = is_own or await store.contacts.exists(str(stored and stored.contact_id))
            return replace(facts, stored=stored, stored_is_loaded=True, stored_contact_exists=exists)
        case ReassignOrphans():
            return await _reassign_orphans(step, facts, context)


async def _reassign_orphans(step: ReassignOrphans, facts: Loaded, context: RouterContext) -> Loaded:
    store, contact = context.store, step.contact
    for former_id in step.contact_ids:
        await store.contacts.reassign(step.observation, former_id, contact.contact.id)
    if step.repair_splits:
        observation = step.observation
        await store.split_repair.repair(contact.contact.id, contact.split_ids, observation.at, observation.cause)
    stored = await store.messages.by_id(facts.stored.id) if facts.stored else None
    return replace(facts, stored=stored, orphans_are_reassigned=True)
