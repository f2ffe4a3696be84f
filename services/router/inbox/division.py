"""Divides a batch: what is carried out together, what alone, and what waits for an earlier message. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.router.inbox.plan import observation_of, plan, with_targets_in_batch
from services.router.inbox.steps import Loaded, LoadFreshProfile, Record, ResolveContact, Step
from services.router.rules.classification import classify
from services.router.rules.phone_variants import variant_of
from shared.contracts.events import MessageReceived


@dataclass
class Division:
    """Places in the batch.

    bulk: records by place, carried out together. chains: the first of each is handled alone, the others are messages of
    the same person and wait for it. slow_chains: the same, where WhatsApp may have to be asked about the first.
    """

    bulk: dict[int, Record] = field(default_factory=dict)
    chains: list[list[int]] = field(default_factory=list)
    slow_chains: list[list[int]] = field(default_factory=list)


def divide(
    events: Sequence[MessageReceived], loaded: Sequence[Loaded], now: datetime, *, one_per_person: bool
) -> Division:
    """one_per_person: after a message that has to be handled alone, those of the same person wait: it may create their
    contact or open their booking. Without it all are handled at once, and conflicts show who was second."""
    division = Division()
    chain_of: dict[tuple[str, str], list[int]] = {}
    for place, (event, facts) in enumerate(zip(events, loaded, strict=True)):
        person = [(event.organization_id, alias) for alias in (event.chat or event.sender).aliases]
        chain = next((chain_of[alias] for alias in person if alias in chain_of), None)
        if chain is not None:
            chain.append(place)
        else:
            step = _plan_or_none(event, facts, now)
            if isinstance(step, Record) and step.bulk:
                division.bulk[place] = step
                continue
            chain = [place]
            (division.slow_chains if _may_ask_whatsapp(event, facts, step) else division.chains).append(chain)
        if one_per_person:
            chain_of.update(dict.fromkeys(person, chain))
    division.bulk = dict(zip(division.bulk, with_targets_in_batch(list(division.bulk.values())), strict=True))
    return division


def _plan_or_none(event: MessageReceived, facts: Loaded, now: datetime) -> Step | None:
    """None: it cannot be planned; it fails alone, with the same error, and harms no other."""
    try:
        return plan(event, facts, now)
    except Exception:
        return None


def _may_ask_whatsapp(event: MessageReceived, facts: Loaded, step: Step | None) -> bool:
    """Whether the number of an unknown sender has two variants."""
    if not isinstance(step, LoadFreshProfile | ResolveContact):
        return False
    observation = observation_of(event, classify(event, facts.profile.aliases))
    return observation is not None and variant_of(observation) is not None
