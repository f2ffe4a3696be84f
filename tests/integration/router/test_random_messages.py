"""Random storms: merges, splits, messages, sends, receipts, edits, revokes and bookings of one person at two replicas,
each of whose steps takes a random while and may be the last one before a crash. No facts are left behind."""

import asyncio
import dataclasses
import inspect
import random
from typing import Any

import pytest

from services.router.context import RouterContext
from services.router.rules.contact_identity import conversation_id
from services.router.store import RouterStore, open_store
from shared.contracts.commands import CreateBooking, MarkConversationRead
from shared.contracts.errors import Retry
from shared.contracts.events import ContactCreated, MessageReceived
from shared.contracts.message import Message
from shared.contracts.records import Party
from shared.platform.mongo import Database, DuplicateKeyError
from tests.integration.router.conftest import (
    ANNA,
    LID,
    ME,
    ONE,
    ORG,
    PHONE,
    START,
    Router,
    command,
    open_router,
    outcome,
    receipt,
    received,
)
from tests.integration.router.test_random_splits import check, split

STORMS = 16
MAX_CRASHES = 0.03
"""Of all steps."""
MESSAGES, SENDS = 8, 2
PARTIES = (PHONE, LID, LID, ANNA)


class Stormy:
    """A part of the store each of whose steps takes a random while, and sometimes fails before or after its work."""

    def __init__(self, part: object, dice: random.Random) -> None:
        self._part, self._dice = part, dice

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def step(*args: Any, **named: Any) -> Any:
            crash = self._dice.random()
            for _ in range(self._dice.choice((0, 0, 1, 5, 20, 60))):
                await asyncio.sleep(0)
            if crash < MAX_CRASHES:
                raise ConnectionError("killed before a step")
            result = await found(*args, **named)
            if crash > 1 - MAX_CRASHES:
                raise ConnectionError("killed after a step")
            return result

        return step


async def stormy(router: Router, dice: random.Random) -> Router:
    """Another replica, with what it remembers of its own."""
    store = await open_store(router.database)
    parts: Any = {part.name: Stormy(getattr(store, part.name), dice) for part in dataclasses.fields(RouterStore)}
    context: RouterContext = dataclasses.replace(router.context, store=RouterStore(**parts))
    return Router(context, router.database, router.published)


async def deliver(event: Message, replicas: list[Router], dice: random.Random) -> None:
    """Until it is handled, each time by another replica; who waits for the end of all has a deadline."""
    while True:
        try:
            return await dice.choice(replicas).handle(event)
        except (Retry, DuplicateKeyError, ConnectionError):
            await asyncio.sleep(dice.random() / 100)


def in_chat(dice: random.Random, wa_id: str, party: Party, *, ours: bool, **fields: Any) -> MessageReceived:
    """A message of that person, or of the owner's phone to them, before or after the conversation's newest."""
    chat: dict[str, Any] = {"chat": party, "from_me": True} if ours else {}
    return received(wa_id, ME if ours else party, minute=dice.randrange(30), **chat, **fields)


def messages(dice: random.Random) -> list[Message]:
    """Some of them are edited, revoked or answered by who wrote them."""
    found: list[Message] = []
    for place in range(MESSAGES):
        party, ours, wa_id = dice.choice(PARTIES), dice.random() < 0.3, f"S{place}"
        found.append(in_chat(dice, wa_id, party, ours=ours))
        kind = dice.choice((None, None, None, "edit", "revoke", "reaction"))
        if kind:
            text = None if kind == "revoke" else "changed"
            found.append(in_chat(dice, f"S9{place}", party, ours=ours, type=kind, text=text, quoted_wa_id=wa_id))
        if ours and dice.random() < 0.5:
            found.append(receipt(dice.choice(("delivered", "read")), wa_id, sender=dice.choice(PARTIES)))
    return found


def sends(dice: random.Random) -> list[tuple[Message, ...]]:
    """Each with its outcome and a receipt, which come after it."""
    found: list[tuple[Message, ...]] = []
    for place in range(SENDS):
        sent = command(f"m{place}", to=dice.choice((str(ANNA.phone), f"{ANNA.lid}@lid")))
        read = receipt("read", f"W{place}", sender=dice.choice(PARTIES))
        found.append((sent, outcome(f"m{place}", f"W{place}"), read))
    return found


def of_people(dice: random.Random, ids: tuple[str, str]) -> list[Message]:
    """What users of the organization do; it is refused when the contact was just merged into the other."""
    common: dict[str, Any] = {"organization_id": ORG, "at": START, "by": "ben"}
    made = CreateBooking(id="make", contact_id=dice.choice(ids), **common)
    thread = conversation_id(ONE, dice.choice(ids))
    return [made, MarkConversationRead(id="look", conversation_id=thread, **common)]


async def check_all(router: Router) -> None:
    """Nothing was lost, and the conversations show the messages as they are now."""
    await check(router)
    stored = {message["_id"]: message for message in await router.rows("messages")}
    names = {message["wa_id"] for message in stored.values()}
    assert names >= {f"S{place}" for place in range(MESSAGES)} | {f"W{place}" for place in range(SENDS)}
    for conversation in await router.rows("conversations"):
        last = conversation["last_message"]
        message = stored[last["id"]]
        shown = None if message["revoked_at"] else message["text"]
        assert (last["text"], last.get("revision", 0)) == (shown, message["revision"])
    for booking in await router.rows("bookings"):
        if booking.get("opened_by"):
            assert booking["contact_id"] == stored[booking["opened_by"]]["contact_id"]
    unread = [message for message in stored.values() if message["origin"] == "api" and message["status"] != "read"]
    assert not unread, (unread, await router.rows("receipts"))


async def storm(router: Router, dice: random.Random) -> None:
    await router.handle(received("A1", PHONE), received("B1", LID, minute=1))
    older, younger = (item.contact.id for item in router.of(ContactCreated))
    if merged_before := dice.random() < 0.7:
        await router.handle(received("AB", minute=2))
    replicas = [await stormy(router, dice) for _ in range(2)]

    async def one_by_one(events: tuple[Message, ...]) -> None:
        for event in events:
            await deliver(event, replicas, dice)

    single = [*messages(dice), *of_people(dice, (older, younger))]
    single.append(split(older, younger) if merged_before else received("AB", minute=2))
    series: list[tuple[Message, ...]] = [*((event,) for event in single), *sends(dice)]
    dice.shuffle(series)
    async with asyncio.timeout(120):
        await asyncio.gather(*map(one_by_one, series))
        if not merged_before:
            await deliver(split(older, younger), replicas, dice)
            again = [event for events in series for event in events if dice.random() < 0.5]
            await asyncio.gather(*(deliver(event, replicas, dice) for event in again))


@pytest.mark.parametrize("seed", range(STORMS), indirect=True)
async def test_a_random_storm_leaves_no_facts_behind(router_database: Database, seed: int) -> None:
    async with open_router(router_database) as router:
        await storm(router, random.Random(seed))
        await check_all(router)
