"""5,000 generated messages in all forms of address: each person has one contact, and no two people share one."""

import asyncio
import dataclasses
import random
from collections import Counter

from shared.contracts.events import MessageReceived
from shared.contracts.message import Message
from tests.integration.router import corpus
from tests.integration.router.conftest import ME, Router

PEOPLE, MESSAGES, CONCURRENT_MESSAGES = 300, 5_000, 16


async def deliver_all(router: Router, said: list[Message], dice: random.Random) -> None:
    """Received messages in batches of any size, the rest one by one, several at the same time."""
    gate, batches = asyncio.Semaphore(CONCURRENT_MESSAGES), list[list[MessageReceived]]()
    received = [message for message in said if isinstance(message, MessageReceived)]
    while received:
        size = dice.choice((1, 2, 8, 64))
        batches.append(received[:size])
        received = received[size:]

    async def deliver(message: Message) -> None:
        async with gate:
            await router.deliver(message)

    async def deliver_batch(batch: list[MessageReceived]) -> None:
        async with gate:
            await router.deliver_together(*batch)

    others = [message for message in said if not isinstance(message, MessageReceived)]
    await asyncio.gather(*map(deliver, others), *map(deliver_batch, batches))


async def test_five_thousand_messages_give_each_person_exactly_one_contact(router: Router, seed: int) -> None:
    dice = random.Random(seed)
    people = corpus.population(dice, PEOPLE)
    registry = corpus.Registry(people, dice)
    router = dataclasses.replace(
        router, context=dataclasses.replace(router.context, find_number_owner=registry.whose_number)
    )
    said = corpus.history(people, dice, MESSAGES)
    await deliver_all(router, said, dice)
    registry.moody = False
    last = corpus.last_words(people, dice)
    await deliver_all(router, last, dice)

    contacts = await router.rows("contacts")
    owner_of = {alias: person for person in people for alias in person.aliases if alias != f"phone:{person.typed}"}
    owner_of |= {f"phone:{person.typed}": person for person in people if person.typed}
    people_of = {contact["_id"]: {owner_of[alias] for alias in contact["aliases"]} for contact in contacts}
    contacts_of = Counter(person for found in people_of.values() for person in found)
    wrongly_merged = [found for found in people_of.values() if len(found) > 1]
    split = [person for person, count in contacts_of.items() if count > 1]
    assert (wrongly_merged, split) == ([], [])
    assert len(contacts) == len(people)
    assert not set().union(*(contact["aliases"] for contact in contacts)) & set(ME.aliases)

    messages = await router.rows("messages")
    assert len(messages) == len({message.id for message in [*said, *last]})
    by_phone = {person.phone: person for person in people}
    for message in messages:
        if message["kind"] == "note":
            assert message["contact_id"] is None
        else:
            phone = message["text"].rsplit("-", 1)[-1].rsplit(" ", 1)[-1]
            if phone in by_phone:
                assert people_of[message["contact_id"]] == {by_phone[phone]}, message
    assert len(await router.rows("conversations")) == len(people)
