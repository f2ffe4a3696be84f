"""Any division of the same messages into batches, of one message or of many, ends in the same state and events."""

import dataclasses
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.router.inbox.pipeline import handle
from services.router.rules.contact_identity import conversation_id
from services.router.rules.message_keys import record_id
from shared.contracts.commands import ChangeConversation, MarkConversationRead
from shared.contracts.events import ConversationUpdated, MessageReceived, MessageRecorded
from shared.contracts.ids import derived_id
from shared.contracts.message import Message
from shared.contracts.message_parts import Media
from shared.contracts.records import ConversationStatus, Party
from shared.platform.mongo import Database
from tests.integration.router.conftest import (
    ME,
    ONE,
    ORG,
    START,
    Router,
    on_one_message,
    open_router,
    received,
)

PEOPLE = [Party(phone=f"49151123456{n:02d}", lid=f"1{n:02d}") for n in range(4)]
CHANGING = {"updated_by", "updated_at", "reopened_by"}
"""Which of several concurrent messages changed it first."""


def written(dice: random.Random, part: int, count: int) -> list[MessageReceived]:
    """Everything that can come in, within a few seconds, in any order; some of it twice."""
    found = []
    for number in range(count):
        person = dice.choice(PEOPLE)
        seen_as = dice.choice((person, person, person, Party(phone=person.phone), Party(lid=person.lid)))
        fields: dict[str, Any] = {"timestamp": START + timedelta(seconds=dice.randrange(6))}
        match dice.randrange(8):
            case 0:
                fields["group"] = "120363000000000000@g.us"
            case 1:
                fields |= {"from_me": True, "chat": seen_as}
                seen_as = ME
            case 2:
                fields |= {"from_me": True, "chat": ME}
                seen_as = ME
            case 3:
                fields["type"] = "reaction"
            case 4:
                fields["push_name"] = f"the name of {person.lid}"
        found.append(received(f"A{part}-{number}", seen_as, **fields))
    found += dice.choices(found, k=count // 5)
    dice.shuffle(found)
    return found


def looked_at(dice: random.Random, part: int) -> Message:
    """Somebody reads or closes a conversation at some time."""
    contact_id = derived_id("contact", received(f"first {dice.randrange(len(PEOPLE))}").id)
    at = START + timedelta(seconds=dice.randrange(6))
    common: dict[str, Any] = {"organization_id": ORG, "at": at, "by": "user", "id": f"look {part}"}
    common["conversation_id"] = conversation_id(ONE, contact_id)
    if dice.random() < 0.5:
        return MarkConversationRead(**common)
    return ChangeConversation(status=ConversationStatus.CLOSED, **common)


async def end_of(router: Router) -> dict[str, list[dict[str, Any]]]:
    state = await router.state()
    return {name: [{k: v for k, v in row.items() if k not in CHANGING} for row in rows] for name, rows in state.items()}


@asynccontextmanager
async def acquainted(router_database: Database) -> AsyncIterator[Router]:
    """Everybody has written before, so everybody has the same contact in every run."""
    async with open_router(router_database) as router:
        for number, person in enumerate(PEOPLE):
            await router.deliver(received(f"first {number}", person, push_name="Nobody"))
        yield router


@pytest.mark.parametrize("seed", range(10), indirect=True)
async def test_any_division_into_batches_ends_the_same(router_database: Database, seed: int) -> None:
    dice = random.Random(seed)
    parts = [(written(dice, part, 40), looked_at(dice, part)) for part in range(3)]
    async with acquainted(router_database) as router:
        for messages, change in parts:
            for message in messages:
                await on_one_message(message, router.context)
            await router.deliver(change)
        expected, recorded_ids = await end_of(router), ids_of(router)
    async with acquainted(router_database) as router:
        for messages, change in parts:
            while messages:
                size = dice.choice((1, 3, 10, 50))
                await router.deliver_together(*messages[:size])
                messages = messages[size:]
            await router.deliver(change)
        assert await end_of(router) == expected
        assert ids_of(router) == recorded_ids


def ids_of(router: Router) -> set[str]:
    return {message.id for message in router.of(MessageRecorded)}


class AfterBulkWrite:
    """A collection; `happens` is called right after its first bulk write."""

    def __init__(self, collection: Any, happens: Callable[[], Awaitable[None]]) -> None:
        self._collection, self._happens = collection, [happens]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    async def bulk_write(self, *args: Any, **named: Any) -> Any:
        result = await self._collection.bulk_write(*args, **named)
        await self._once()
        return result

    async def _once(self) -> None:
        if self._happens:
            await self._happens.pop()()


class BeforeBulkWrite(AfterBulkWrite):
    """The same right before it."""

    async def bulk_write(self, *args: Any, **named: Any) -> Any:
        await self._once()
        return await self._collection.bulk_write(*args, **named)


async def test_what_a_repeat_adds_meanwhile_hides_no_other_message_of_the_same_second(router: Router) -> None:
    await router.deliver(received("A0"))
    one, two = received("A1"), received("A2")
    conversations = router.context.store.conversations
    conversations._conversations = AfterBulkWrite(  # type: ignore[assignment]
        conversations._conversations, lambda: on_one_message(two, router.context)
    )
    await router.deliver_together(one, two)
    conversation = await router.only("conversations")
    assert (conversation["inbound_key"], conversation["last_message"]["id"]) == (two.order_key, record_id(two))
    assert conversation["unread"] is True


async def test_a_reopened_conversation_is_published_though_a_repeat_was_faster(router: Router) -> None:
    await router.deliver(received("A0"))
    contact = await router.only("contacts")
    closed: dict[str, Any] = {"organization_id": ORG, "at": START + timedelta(seconds=30), "by": "user"}
    closed |= {"conversation_id": conversation_id(ONE, contact["_id"]), "status": ConversationStatus.CLOSED}
    await router.deliver(ChangeConversation(**closed))
    opening, conversations = received("A1", minute=1), router.context.store.conversations

    async def dies(*_: Message) -> None:
        raise ConnectionError("the replica that got the repeat is killed")

    async def repeat() -> None:
        with suppress(ConnectionError):
            await on_one_message(opening, dataclasses.replace(router.context, publish=dies))
        await conversations.add_message(await router.message(record_id(opening)))

    conversations._conversations = AfterBulkWrite(conversations._conversations, repeat)  # type: ignore[assignment]
    await router.deliver_together(opening)
    assert [event.cause for event in router.of(ConversationUpdated)][1:] == [opening.id]


async def test_the_conversation_exists_before_its_message_is_published_also_after_an_outage(router: Router) -> None:
    await router.deliver(received("A0"))
    await router.database["conversations"].delete_many({})  # the contact wrote to another instance before
    conversations = router.context.store.conversations
    conversations._newest_keys.clear()
    there = []

    async def unreachable() -> None:
        raise ConnectionError("MongoDB is unreachable")

    async def publish(*_: Message) -> None:
        there.append(len(await router.rows("conversations")))

    conversations._conversations = BeforeBulkWrite(conversations._conversations, unreachable)  # type: ignore[assignment]
    context = dataclasses.replace(router.context, publish=publish)
    assert isinstance((await handle([received("A1")], context))[0], ConnectionError)
    assert await handle([received("A2")], context) == [None]
    assert there == [1]


@pytest.mark.parametrize("wrong", ["settings", "contact", "number"])
async def test_an_error_of_one_message_harms_no_other(router: Router, wrong: str) -> None:
    bad = Party(phone="4915112345699", lid="199")
    elsewhere: dict[str, Any] = {"organization_id": "globex", "instance_id": "theirs"}
    await router.deliver_together(received("A0"), received("B0", bad, **elsewhere))
    match wrong:
        case "settings":
            newer = {"_id": "globex", "settings": {"booking_policy": "of a newer version"}}
            await router.database["organizations"].insert_one(newer)
            router.context.store.instances._profiles.clear()
        case "contact":
            await router.database["contacts"].update_one({"aliases": "lid:199"}, {"$set": {"created_at": "unreadable"}})
        case "number":
            elsewhere["media"] = Media.model_construct(size=2**64 - 1)
    good, harmful = received("A1", minute=1), received("B1", bad, minute=1, **elsewhere)
    first, second = await handle([good, harmful], router.context)
    assert first is None
    assert isinstance(second, ValidationError | OverflowError)
    assert await router.only("messages", wa_id="A1")
